"""The property that the house stands on: what the cloud answers at any later instant, the row sent now answers too.

The live answer is worked out a second time here, from the sentences of docs/rules.md and not from the code's own steps,
so that a mistake that both sides share is seen.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from portillon_cloud.access import entitlement
from portillon_cloud.access.blocks import SWITCHES_OF, Block, BlockReason, Switch
from portillon_cloud.access.entitlement import entitlements
from portillon_cloud.access.facts import STAFF_ROLES, CredentialFacts, GivenRole, MemberFacts, Membership
from portillon_cloud.access.standing import AccountFacts
from portillon_cloud.dunning.ladder import Debt, DunningPolicy, overdue_from_ms, restricted_from_ms, step_ms
from portillon_rules.decision import DecisionTime, Denied, DoorView, Granted, SiteRules, TimeQuality, decide
from portillon_rules.entitlement import ALWAYS, Entitlement
from portillon_rules.policy import MAY_BE_LENIENT, SitePolicy
from portillon_rules.reason import DenyReason, GrantFlag
from portillon_rules.right import joined
from portillon_rules.schedule import Schedule, Window

ZONE = "America/Toronto"
DUE = date(2026, 3, 2)  # a Monday, and the change of clocks is on the 8th
HOUR_MS = 3_600_000
ZONES = ("gym", "pool")
OFF_PEAK = Schedule("off-peak", tuple(Window(day, 5 * 60, 12 * 60) for day in range(5)))
SITE = SiteRules(SitePolicy(time_zone=ZONE), {"off-peak": OFF_PEAK})
REASON = {
    BlockReason.DUES_UNPAID: DenyReason.DUES_UNPAID,
    BlockReason.FROZEN: DenyReason.FROZEN,
    BlockReason.CHARGEBACK: DenyReason.CHARGEBACK,
    BlockReason.BANNED: DenyReason.BLOCKED,
    BlockReason.PASS_SHARED: DenyReason.PASS_SHARED,
}


def at(day: int) -> int:
    return step_ms(DUE + timedelta(days=day), ZONE)


def until(first: int, length: int | None) -> int | None:
    return None if length is None else at(first + length)


DAYS = st.integers(-20, 40)
LENGTHS = st.none() | st.integers(0, 30)
BLOCKS = st.lists(
    st.builds(
        lambda reason, first, length: Block(
            reason=reason, source="t", from_ms=at(first), until_ms=until(first, length), switches=SWITCHES_OF[reason]
        ),
        st.sampled_from(BlockReason),
        DAYS,
        LENGTHS,
    ),
    max_size=2,
).map(tuple)
DEBTS = st.lists(
    st.builds(
        lambda owed, day, held: Debt(
            owed_minor=owed, from_on=DUE + timedelta(days=day), held_until_ms=None if held is None else at(held)
        ),
        st.integers(1, 5000),
        DAYS,
        st.none() | DAYS,
    ),
    max_size=2,
).map(tuple)
ACCOUNTS = st.builds(
    lambda blocks, debts, due, spared: AccountFacts(
        zone=ZONE,
        policy=DunningPolicy(),
        blocks=blocks,
        debts=debts,
        next_due_on=None if due is None else DUE + timedelta(days=due),
        spared_until_ms=None if spared is None else at(spared),
    ),
    BLOCKS,
    DEBTS,
    st.none() | DAYS,
    st.none() | DAYS,
)
MEMBERSHIPS = st.lists(
    st.builds(
        lambda first, length, zones, schedule, role: Membership(
            from_ms=at(first), until_ms=until(first, length), zones=zones, schedule=schedule, role=role
        ),
        DAYS,
        LENGTHS,
        st.frozensets(st.sampled_from(ZONES), min_size=1),
        st.sampled_from([ALWAYS, "off-peak"]),
        st.none() | st.sampled_from(GivenRole),
    ),
    max_size=3,
).map(tuple)
CARDS = st.builds(
    lambda refusal, first, length, zones: CredentialFacts(
        hashes=("k1.aa",),
        refusal=refusal,
        from_ms=None if first is None else at(first),
        until_ms=None if first is None else until(first, length),
        zones=zones,
    ),
    st.sampled_from([None, None, None, DenyReason.CREDENTIAL_STOLEN]),
    st.none() | DAYS,
    LENGTHS,
    st.none() | st.just(frozenset({"gym"})),
)
LENIENT = st.dictionaries(st.sampled_from(MAY_BE_LENIENT), st.integers(1, 200).map(lambda hours: hours * HOUR_MS))
MEMBERS = st.builds(
    lambda card, memberships, blocks, lenient: MemberFacts(
        member="m1", credentials=(card,), memberships=memberships, blocks=blocks, lenient_ms=lenient
    ),
    CARDS,
    MEMBERSHIPS,
    BLOCKS,
    LENIENT,
)


def refused_for(blocks: tuple[Block, ...], at_ms: int, lenient: Mapping[DenyReason, int]) -> set[DenyReason]:
    """Reasons of the blocks that shut at this instant, and have for longer than the site overlooks."""
    return {
        REASON[one.reason]
        for one in blocks
        if Switch.ACCESS in one.switches
        and one.in_force(at_ms)
        and at_ms - one.from_ms >= lenient.get(REASON[one.reason], 0)
    }


def looked_over(blocks: tuple[Block, ...], at_ms: int, lenient: Mapping[DenyReason, int]) -> set[DenyReason]:
    """Reasons of the blocks that would shut, were the site not lenient."""
    return {
        REASON[one.reason]
        for one in blocks
        if Switch.ACCESS in one.switches
        and one.in_force(at_ms)
        and at_ms - one.from_ms < lenient.get(REASON[one.reason], 0)
    }


def blocks_against(account: AccountFacts, who: MemberFacts) -> tuple[tuple[Block, ...], tuple[Block, ...]]:
    """Those against the person; and against what was bought: the account's, and dues of the person's own lines."""
    dues = tuple(one for one in who.blocks if one.reason is BlockReason.DUES_UNPAID)
    return tuple(one for one in who.blocks if one not in dues), (*account.blocks, *dues)


def answer(account: AccountFacts, who: MemberFacts, zone: str, at_ms: int) -> Granted | Denied:
    """What docs/rules.md says, in its own order."""
    [card] = who.credentials
    if card.refusal is not None:
        return Denied(card.refusal, "m1")
    if card.from_ms is not None and at_ms < card.from_ms:
        return Denied(DenyReason.NOT_YET_VALID, "m1")
    if card.until_ms is not None and at_ms >= card.until_ms:
        return Denied(DenyReason.CREDENTIAL_EXPIRED, "m1")
    theirs = who.memberships
    if card.zones is not None:
        theirs = (Membership(from_ms=card.from_ms or 0, until_ms=card.until_ms, zones=card.zones),)
    lenient = who.lenient_ms
    theirs_alone, bought_only = blocks_against(account, who)
    own, shared_out = refused_for(theirs_alone, at_ms, lenient), looked_over(theirs_alone, at_ms, lenient)
    of_account, overlooked = refused_for(bought_only, at_ms, lenient), looked_over(bought_only, at_ms, lenient)
    shut_ms = restricted_from_ms(account.policy, account.debts_ahead(), Switch.ACCESS, ZONE)
    if shut_ms is not None:
        shut_ms = max(shut_ms, account.spared_until_ms or 0)  # somebody at the desk said: until then they enter
    if shut_ms is not None and shut_ms <= at_ms:
        late = at_ms - shut_ms >= lenient.get(DenyReason.DUES_UNPAID, 0)
        (of_account if late else overlooked).add(DenyReason.DUES_UNPAID)
    if DenyReason.BLOCKED in own | of_account:
        return Denied(DenyReason.BLOCKED, "m1")
    after_ms = lenient.get(DenyReason.CONTRACT_ENDED, 0)
    running = [one for one in theirs if runs(one, at_ms, after_ms)]
    if not running:
        return Denied(none_runs(theirs, at_ms), "m1")
    let_in = [one for one in running if not own and (one.role is not None or not of_account)]
    if not let_in:
        order = (DenyReason.PASS_SHARED, DenyReason.CHARGEBACK, DenyReason.DUES_UNPAID, DenyReason.FROZEN)
        return Denied(next(reason for reason in order if reason in own | of_account), "m1")
    here = [one for one in let_in if zone in one.zones]
    if not here:
        return Denied(DenyReason.WRONG_ZONE, "m1")
    time = DecisionTime(at_ms, TimeQuality.CERTAIN, 1)
    plain = Entitlement(
        credential="x", member="m1", zones=(zone,), schedule="off-peak", valid_from_ms=0, valid_until_ms=2**53
    )
    off_peak = isinstance(decide(lookup=plain, door=DoorView("d", zone), site=SITE, time=time), Granted)
    if not off_peak and all(one.schedule != ALWAYS for one in here):
        return Denied(DenyReason.OUTSIDE_SCHEDULE, "m1")
    bought = any(one.role is None for one in let_in)
    counted = (overlooked if bought else set()) | shared_out
    late = bought and any(overdue_from_ms(debt, ZONE) <= at_ms for debt in account.debts)
    over = any(one.until_ms is not None and at_ms >= one.until_ms for one in let_in)
    flags = [GrantFlag.SHARED] if DenyReason.PASS_SHARED in counted else []
    if late or over or counted - {DenyReason.PASS_SHARED}:
        flags.append(GrantFlag.GRACE)
    return Granted("m1", tuple(flags))


def runs(one: Membership, at_ms: int, after_ms: int) -> bool:
    """In its dates, or bought and ended so lately that the site overlooks it; one of no length never ran."""
    if one.until_ms is None:
        return at_ms >= one.from_ms
    last_ms = one.until_ms + (after_ms if one.role is None else 0)
    return one.until_ms > one.from_ms and one.from_ms <= at_ms < last_ms


def none_runs(theirs: tuple[Membership, ...], at_ms: int) -> DenyReason:
    """Why somebody without a running membership is refused."""
    if not theirs:
        return DenyReason.NO_MEMBERSHIP
    if any(one.from_ms > at_ms for one in theirs):
        return DenyReason.NOT_YET_VALID
    return DenyReason.CONTRACT_ENDED if any(one.role is None for one in theirs) else DenyReason.EXPIRED


def sent(account: AccountFacts, who: MemberFacts, now_ms: int) -> Entitlement:
    """The one row as a gateway reads it."""
    [row] = entitlements(account, who, now_ms)
    return Entitlement.from_body(row.credential, row.to_body())


def says(row: Entitlement, zone: str, at_ms: int, lease_ms: int = 1) -> Granted | Denied:
    """What the gateway decides on it."""
    time = DecisionTime(at_ms, TimeQuality.CERTAIN, lease_ms)
    return decide(lookup=row, door=DoorView("d", zone), site=SITE, time=time)


def instants(now_ms: int) -> list[int]:
    """Every eight hours of two months, and the moments around each ladder step."""
    return [now_ms, *(t + off for t in range(now_ms, at(70), 8 * HOUR_MS) for off in (-1, 0) if t + off > now_ms)]


def compare(account: AccountFacts, who: MemberFacts, now_ms: int) -> None:
    """Same answer at every instant; among the refusals that nothing will end, the first one's reason goes on."""
    row = sent(account, who, now_ms)
    for zone in ZONES:
        expected = [(at_ms, answer(account, who, zone, at_ms)) for at_ms in instants(now_ms)]
        opens = [at_ms for at_ms, one in expected if entered(account, who, at_ms)]
        last_open_ms = max(opens, default=None)
        for at_ms, live in expected:
            offline = says(row, zone, at_ms)
            if last_open_ms is not None and at_ms <= last_open_ms:
                assert offline == live, (zone, at_ms)
            else:
                assert isinstance(offline, Denied) and isinstance(live, Denied), (zone, at_ms)
    assert says(row, "gym", now_ms) == answer(account, who, "gym", now_ms)


def entered(account: AccountFacts, who: MemberFacts, at_ms: int) -> bool:
    """Whether the standing lets in, whatever the zone and the hour."""
    reason = getattr(answer(account, who, "gym", at_ms), "reason", None)
    return reason in (None, DenyReason.WRONG_ZONE, DenyReason.OUTSIDE_SCHEDULE)


FROZEN_SOON = Block(
    reason=BlockReason.FROZEN, source="t", from_ms=at(5), until_ms=at(12), switches=SWITCHES_OF[BlockReason.FROZEN]
)
CARD = CredentialFacts(hashes=("k1.aa",))
FREEZES = MemberFacts(
    member="m1",
    credentials=(CARD,),
    memberships=(Membership(from_ms=at(-20), until_ms=None, zones=frozenset(ZONES)),),
    blocks=(FROZEN_SOON,),
)
PLAIN = AccountFacts(zone=ZONE, policy=DunningPolicy())
LATE = replace(PLAIN, debts=(Debt(owed_minor=4600, from_on=DUE),))


@settings(max_examples=120)
@given(ACCOUNTS, MEMBERS, DAYS)
@example(PLAIN, FREEZES, 0)
@example(LATE, replace(FREEZES, lenient_ms={DenyReason.DUES_UNPAID: 48 * HOUR_MS, DenyReason.FROZEN: HOUR_MS}), 0)
def test_a_row_answers_at_every_later_instant_as_the_cloud_would(
    account: AccountFacts, who: MemberFacts, now: int
) -> None:
    """Granted or refused, for which reason and under which flags, in each zone, for two months of silence."""
    compare(account, who, at(now))


@settings(max_examples=60)
@given(ACCOUNTS, MEMBERS, DAYS)
def test_only_staff_outlast_the_lease(account: AccountFacts, who: MemberFacts, now: int) -> None:
    """With the lease over, who still enters has a right of staff in force, and nothing of their own against them."""
    row = sent(account, who, at(now))
    for at_ms in instants(at(now))[::3]:
        if isinstance(says(row, "gym", at_ms, lease_ms=0), Granted):
            assert any(one.role in STAFF_ROLES and one.in_force(at_ms) for one in who.memberships)
            assert not refused_for(blocks_against(account, who)[0], at_ms, who.lenient_ms)


def test_without_its_turns_a_row_does_not_answer_for_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ablation: cut at its first change, a row keeps out whoever comes back from a freeze."""
    monkeypatch.setattr(entitlement, "_turns", lambda spans: ())
    with pytest.raises(AssertionError):
        compare(PLAIN, FREEZES, at(0))


def test_a_right_that_lent_its_hours_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ablation: all zones under one schedule, as it was, opens the gym at hours that nobody sold."""
    pool = Membership(from_ms=at(-20), until_ms=None, zones=frozenset({"pool"}))
    gym = Membership(from_ms=at(-20), until_ms=None, zones=frozenset({"gym"}), schedule="off-peak")
    who = replace(FREEZES, memberships=(pool, gym), blocks=())
    compare(PLAIN, who, at(0))
    monkeypatch.setattr(entitlement, "joined", lambda rights: joined(replace(one, schedule=ALWAYS) for one in rights))
    with pytest.raises(AssertionError):
        compare(PLAIN, who, at(0))


def test_dues_that_touched_what_staff_gave_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ablation: a cleaner whose spouse's dues are late must still get in."""
    given = Membership(from_ms=at(-20), until_ms=None, zones=frozenset(ZONES), role=GivenRole.CLEANER)
    who = replace(FREEZES, memberships=(given,), blocks=())
    compare(LATE, who, at(0))
    owned = entitlement._Cause.__init__
    monkeypatch.setattr(
        entitlement._Cause,
        "__init__",
        lambda self, reason, from_ms, until_ms, own: owned(self, reason, from_ms, until_ms, True),
    )
    with pytest.raises(AssertionError):
        compare(LATE, who, at(0))


def test_a_lenience_nobody_counted_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ablation: rows that did not look again at the end of the lenient hours would let in for ever."""
    who = replace(FREEZES, blocks=(), lenient_ms={DenyReason.DUES_UNPAID: 48 * HOUR_MS})
    compare(LATE, who, at(0))
    whole = entitlement._Case.changes_ms
    shut_ms = at(10)
    monkeypatch.setattr(
        entitlement._Case,
        "changes_ms",
        lambda case, card, now_ms: [t for t in whole(case, card, now_ms) if t != shut_ms + 48 * HOUR_MS],
    )
    with pytest.raises(AssertionError):
        compare(LATE, who, at(0))
