"""Rows against the standing function: the live answer is the offline answer."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portillon_cloud.access.blocks import SWITCHES_OF, Block, BlockReason
from portillon_cloud.access.entitlement import (
    FOREVER_MS,
    CredentialFacts,
    Grant,
    MemberFacts,
    Membership,
    answer_at,
    entitlements,
    opens_at,
)
from portillon_cloud.access.standing import AccountFacts
from portillon_cloud.dunning.ladder import Debt, DunningPolicy, step_ms
from portillon_rules.decision import DecisionTime, Denied, DoorView, Granted, SiteRules, TimeQuality, decide
from portillon_rules.entitlement import Entitlement
from portillon_rules.policy import SitePolicy
from portillon_rules.reason import DenyReason

ZONE = "America/Toronto"
DUE = date(2026, 3, 2)
GYM = frozenset({"gym"})


def at(days: int) -> int:
    return step_ms(DUE + timedelta(days=days), ZONE)


def block(reason: BlockReason, first: int, last: int | None = None) -> Block:
    until_ms = None if last is None else at(last)
    return Block(reason=reason, source="t", from_ms=at(first), until_ms=until_ms, switches=SWITCHES_OF[reason])


def account(*blocks: Block, debts: tuple[Debt, ...] = (), next_due: int | None = None) -> AccountFacts:
    next_due_on = None if next_due is None else DUE + timedelta(days=next_due)
    return AccountFacts(zone=ZONE, policy=DunningPolicy(), blocks=blocks, debts=debts, next_due_on=next_due_on)


def card(
    first: int | None = None,
    last: int | None = None,
    *,
    refusal: DenyReason | None = None,
    zones: str = "",
    **more: bool,
) -> CredentialFacts:
    return CredentialFacts(
        hashes=("k1.aa", "k2.aa"),
        refusal=refusal,
        from_ms=None if first is None else at(first),
        until_ms=None if last is None else at(last),
        zones=frozenset(zones.split()) or None,
        **more,
    )


CARD = card()


def person(*memberships: Membership, blocks: tuple[Block, ...] = (), presents: CredentialFacts = CARD) -> MemberFacts:
    return MemberFacts(member="m1", credentials=(presents,), memberships=memberships, blocks=blocks)


def membership(first: int = -100, last: int | None = None, zones: frozenset[str] = GYM) -> Membership:
    return Membership(from_ms=at(first), until_ms=None if last is None else at(last), zones=zones)


def row(known: AccountFacts, who: MemberFacts, now_ms: int) -> Entitlement:
    rows = entitlements(known, who, now_ms)
    assert [r.credential for r in rows] == ["k1.aa", "k2.aa"]
    return rows[0]


def opens(known: AccountFacts, who: MemberFacts, at_ms: int) -> Grant | DenyReason:
    """The live answer for the one credential of `who`."""
    return opens_at(known, who, who.credentials[0], at_ms)


def says(entitlement: Entitlement, at_ms: int, zone: str = "gym") -> Granted | Denied:
    """What a gateway, or the front desk, decides on this row."""
    return decide(
        lookup=entitlement,
        door=DoorView("lane-1", zone),
        site=SiteRules(SitePolicy(time_zone=ZONE), {}),
        time=DecisionTime(at_ms, TimeQuality.CERTAIN, 1),
    )


def test_paid_up_until_the_next_invoice_would_lapse() -> None:
    """Nobody hears anything more: the next invoice is supposed unpaid, and the row ends after its grace."""
    paid = row(account(next_due=0), person(membership()), at(-20))
    assert paid.refusal is None
    assert paid.zones == ("gym",)
    assert (paid.valid_from_ms, paid.valid_until_ms) == (at(-100), at(10))


def test_overdue_in_grace_is_on_the_offline_list() -> None:
    """Renewal due today opens the gate, and so does every day of grace (billing.md §3.58; mulysa#369)."""
    overdue = account(debts=(Debt(owed_minor=4600, from_on=DUE),), next_due=30)
    for days in (0, 5):
        entitlement = row(overdue, person(membership()), at(days))
        assert isinstance(says(entitlement, at(9)), Granted)
        assert says(entitlement, at(10)) == Denied(DenyReason.DUES_UNPAID, "m1")


def test_suspended_row_stays_with_its_reason() -> None:
    """After grace the row is still there, so that the turnstile can say why."""
    suspended = row(account(debts=(Debt(owed_minor=4600, from_on=DUE),)), person(membership()), at(10))
    assert suspended.refusal is DenyReason.DUES_UNPAID
    assert says(suspended, at(11)) == Denied(DenyReason.DUES_UNPAID, "m1")


def test_submitted_debit_counts_as_paid_until_its_policy_date() -> None:
    """A debit under way carries the row to its policy date."""
    held = account(debts=(Debt(owed_minor=4600, from_on=DUE, held_until_ms=at(14)),))
    assert row(held, person(membership()), at(3)).valid_until_ms == at(14)


def test_contract_end_and_renewal() -> None:
    """A row ends with the contract; a contract that follows at once carries it on; then the reason is told."""
    one, next_one = membership(-100, 5), membership(5, 400)
    assert row(account(), person(one), at(0)).valid_until_ms == at(5)
    assert row(account(), person(one, next_one), at(0)).valid_until_ms == at(400)
    ended = row(account(), person(one), at(5))
    assert (ended.refusal, ended.valid_until_ms) == (DenyReason.CONTRACT_ENDED, FOREVER_MS)


def test_past_due_then_ended_does_not_open() -> None:
    """Cancelling a plan that is past due gives no access back (odysee#3120); the nearest reason is told."""
    debts = (Debt(owed_minor=4600, from_on=DUE),)
    assert answer_at(account(debts=debts), person(membership(-100, 20)), at(12)) is DenyReason.DUES_UNPAID
    assert answer_at(account(debts=debts), person(membership(-100, 11)), at(12)) is DenyReason.CONTRACT_ENDED


def test_not_begun_and_never_begun() -> None:
    """A coming membership opens by itself on its day; no membership says so."""
    coming = row(account(), person(membership(3, 30)), at(0))
    assert (coming.refusal, coming.valid_from_ms, coming.valid_until_ms) == (None, at(3), at(30))
    assert says(coming, at(2)) == Denied(DenyReason.NOT_YET_VALID, "m1")
    assert isinstance(says(coming, at(3)), Granted)
    assert row(account(), person(), at(0)).refusal is DenyReason.NO_MEMBERSHIP


def test_freeze() -> None:
    """A planned freeze ends the row; a freeze in force refuses and knows when it ends."""
    known = account(block(BlockReason.FROZEN, 5, 12))
    assert row(known, person(membership()), at(0)).valid_until_ms == at(5)
    frozen = row(known, person(membership()), at(6))
    assert (frozen.refusal, frozen.valid_from_ms) == (DenyReason.FROZEN, at(12))


def test_own_block_shuts_one_member_only() -> None:
    """A member's own block leaves the family in."""
    known = account()
    assert row(known, person(membership(), blocks=(block(BlockReason.BANNED, 0),)), at(1)).refusal is DenyReason.BLOCKED
    assert row(known, person(membership()), at(1)).refusal is None


def test_zones_of_overlapping_memberships_join_while_both_run() -> None:
    """A row is cut where its zones would change."""
    pool = membership(-10, 5, zones=frozenset({"pool"}))
    both = row(account(), person(membership(-100, 50), pool), at(0))
    assert (both.zones, both.valid_until_ms) == (("gym", "pool"), at(5))


def test_a_lost_card_says_so_before_anything_else() -> None:
    """Whoever presents it may be a thief: neither dues nor a contract that ended are their business."""
    lost = card(refusal=DenyReason.CREDENTIAL_LOST)
    debts = (Debt(owed_minor=4600, from_on=DUE),)
    for who in (person(membership(), presents=lost), person(presents=lost)):
        found = row(account(debts=debts), who, at(30))
        assert (found.refusal, found.valid_from_ms, found.zones) == (DenyReason.CREDENTIAL_LOST, FOREVER_MS, ())
        assert says(found, at(30)) == Denied(DenyReason.CREDENTIAL_LOST, "m1")


def test_a_card_runs_out_by_itself_and_then_says_so() -> None:
    """The row ends with the card, and says that the card itself has run out, whether or not anything is heard."""
    who = person(membership(), presents=card(last=5))
    ending = row(account(), who, at(0))
    assert (ending.refusal, ending.valid_until_ms) == (None, at(5))
    assert says(ending, at(5)) == Denied(DenyReason.CREDENTIAL_EXPIRED, "m1")
    assert says(row(account(), who, at(5)), at(5)) == Denied(DenyReason.CREDENTIAL_EXPIRED, "m1")


def test_a_code_for_tomorrow_opens_by_itself_tomorrow() -> None:
    """Its row carries its day, and what it is: once, as a day pass."""
    code = card(1, 2, single_use=True, day_pass=True)
    found = row(account(), person(membership(), presents=code), at(0))
    assert (found.refusal, found.valid_from_ms, found.valid_until_ms) == (None, at(1), at(2))
    assert (found.single_use, found.day_pass, found.duress) == (True, True, False)
    assert says(found, at(0)) == Denied(DenyReason.NOT_YET_VALID, "m1")
    assert isinstance(says(found, at(1)), Granted)


def test_a_visitors_code_needs_no_membership_but_a_host_in_good_standing() -> None:
    """It opens its own zones on its day; it opens nothing while the account that answers for it is shut."""
    visitor = person(presents=card(0, 1, zones="gym"))
    assert answer_at(account(), visitor, at(0)) is DenyReason.NO_MEMBERSHIP
    assert isinstance(says(row(account(), visitor, at(0)), at(0)), Granted)
    assert row(account(block(BlockReason.BANNED, -5)), visitor, at(0)).refusal is DenyReason.BLOCKED
    assert row(account(), visitor, at(1)).refusal is DenyReason.CREDENTIAL_EXPIRED


def test_a_duress_code_opens_like_any_other() -> None:
    """The row says what it is; the door must not show it."""
    found = row(account(), person(membership(), presents=card(duress=True)), at(0))
    assert found.duress
    assert isinstance(says(found, at(0)), Granted)


days = st.integers(-30, 60)
spans = st.tuples(days, st.none() | st.integers(0, 40)).map(
    lambda span: (span[0], None if span[1] is None else span[0] + span[1])
)
blocks = st.builds(lambda reason, span: block(reason, *span), st.sampled_from(BlockReason), spans)
debts = st.builds(
    lambda owed, from_day, held: Debt(
        owed_minor=owed, from_on=DUE + timedelta(days=from_day), held_until_ms=None if held is None else at(held)
    ),
    st.integers(0, 5000),
    days,
    st.none() | days,
)
accounts = st.builds(
    lambda b, d, n: account(*b, debts=tuple(d), next_due=n),
    st.lists(blocks, max_size=3),
    st.lists(debts, max_size=3),
    st.none() | days,
)
memberships = st.builds(
    lambda span, zones: membership(*span, zones=zones),
    spans,
    st.sets(st.sampled_from(["gym", "pool"]), min_size=1).map(frozenset),
)
cards = st.builds(
    lambda span, refusal, zones: card(*span, refusal=refusal, zones=zones),
    st.just((None, None)) | spans | st.tuples(st.none(), days),
    st.sampled_from([None, None, None, None, DenyReason.CREDENTIAL_LOST]),
    st.sampled_from(["", "", "gym"]),
)
people = st.builds(
    lambda m, b, c: person(*m, blocks=tuple(b), presents=c),
    st.lists(memberships, max_size=3),
    st.lists(blocks, max_size=2),
    cards,
)


def first_change_ms(known: AccountFacts, who: MemberFacts, now_ms: int) -> int:
    """The hour after `now` at which the standing function first answers otherwise, found by trying each hour."""
    hour_ms = 3_600_000
    start = opens(known, who, now_ms)
    return next((t for t in range(now_ms, at(130), hour_ms) if opens(known, who, t) != start), FOREVER_MS)


@given(accounts, people, days)
def test_row_never_lets_in_whom_the_function_refuses(known: AccountFacts, who: MemberFacts, now: int) -> None:
    """At every later instant: what the row grants, the standing function grants, in the same zones."""
    entitlement = row(known, who, at(now))
    for t in range(at(now), at(110), 6 * 3_600_000):
        for zone in ("gym", "pool"):
            if isinstance(says(entitlement, t, zone), Granted):
                answer = opens(known, who, t)
                assert isinstance(answer, Grant)
                assert zone in answer.zones


@given(accounts, people, days)
def test_row_answers_as_the_function_until_it_changes(known: AccountFacts, who: MemberFacts, now: int) -> None:
    """Until the standing's first change row and function agree, reason for reason; a grant ends exactly there."""
    entitlement = row(known, who, at(now))
    change_ms = first_change_ms(known, who, at(now))
    start = opens(known, who, at(now))
    for t in range(at(now), min(change_ms, at(110)), 12 * 3_600_000):
        decision = says(entitlement, t, "gym")
        if isinstance(start, Grant):
            assert isinstance(decision, Granted) == ("gym" in start.zones)
        else:
            assert decision == Denied(start, "m1")
    if isinstance(start, Grant) and change_ms != FOREVER_MS:
        turned = opens(known, who, change_ms)
        begins_grace = isinstance(turned, Grant) and turned == replace(start, grace=True)
        said_ms = entitlement.grace_from_ms if begins_grace else entitlement.valid_until_ms
        assert said_ms is not None and change_ms - 3_600_000 < said_ms <= change_ms


@given(accounts, people, days)
def test_row_does_not_move_while_nothing_happens(known: AccountFacts, who: MemberFacts, now: int) -> None:
    """Computed again before the standing changes, the row is the same: the feed carries differences, not noise."""
    entitlement = row(known, who, at(now))
    for t in range(at(now), min(first_change_ms(known, who, at(now)), at(110)), 36 * 3_600_000):
        assert row(known, who, t) == entitlement


@given(accounts, people, days)
def test_refusal_knows_its_end(known: AccountFacts, who: MemberFacts, now: int) -> None:
    """`valid_from_ms` of a refused row is the first instant at which the standing function lets in again."""
    entitlement = row(known, who, at(now))
    if entitlement.refusal is None:
        return
    if entitlement.valid_from_ms == FOREVER_MS:
        assert not any(isinstance(opens(known, who, t), Grant) for t in range(at(now), at(130), 3_600_000))
    else:
        assert isinstance(opens(known, who, entitlement.valid_from_ms), Grant)
        assert not isinstance(opens(known, who, entitlement.valid_from_ms - 1), Grant)


def test_row_is_cut_by_the_next_invoice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ablation: without the supposed next invoice the row would never lapse, and the check above would see it."""
    known = account(next_due=0)
    cut = row(known, person(membership()), at(-1))
    monkeypatch.setattr(AccountFacts, "debts_ahead", lambda facts: facts.debts)
    uncut = row(known, person(membership()), at(-1))
    assert cut.valid_until_ms == at(10)
    assert uncut.valid_until_ms == FOREVER_MS


def test_row_is_cut_by_the_cards_own_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ablation: a card whose end nobody looked at would open for ever at a gateway that hears nothing."""
    who = person(membership(), presents=card(last=5))
    cut = row(account(), who, at(0))
    monkeypatch.setattr(CredentialFacts, "refused_at", lambda one, at_ms: one.refusal)
    uncut = row(account(), who, at(0))
    assert isinstance(says(cut, at(6)), Denied)
    assert isinstance(says(uncut, at(6)), Granted)
