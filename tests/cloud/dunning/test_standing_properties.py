"""What must hold of standing under any ladders: debts, policies and instants are drawn at random, time is stepped."""

from dataclasses import replace
from datetime import date, timedelta

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from portillon_cloud.access.blocks import SWITCHES_OF, Block, BlockReason, Switch
from portillon_cloud.access.entitlement import CredentialFacts, Grant, MemberFacts, Membership, answer_at, entitlements
from portillon_cloud.access.standing import AccountFacts
from portillon_cloud.dunning.failures import FailureClass
from portillon_cloud.dunning.ladder import Debt, step_ms
from portillon_cloud.dunning.policy import DunningPolicy, Household, Ladder, Restriction

ZONE = "America/Toronto"
DAY_0 = date(2026, 3, 2)
HOUR_MS = 3_600_000
BOUGHT = Membership(from_ms=step_ms(DAY_0, ZONE) - 90 * 24 * HOUR_MS, until_ms=None, zones=frozenset({"gym"}))
WHO = MemberFacts(member="7", credentials=(CredentialFacts(hashes=("h",)),), memberships=(BOUGHT,))


def at(day: int, hours: int = 0) -> int:
    return step_ms(DAY_0 + timedelta(days=day), ZONE) + hours * HOUR_MS


days = st.integers(0, 40)
rungs = st.builds(
    Restriction,
    day=st.integers(1, 30),
    switches=st.just(frozenset({Switch.ACCESS})),
    owed_minor_min=st.integers(1, 9000),
)
ladders = st.lists(rungs, min_size=1, max_size=3, unique_by=lambda one: one.day).map(
    lambda found: Ladder(retry_days=(), restrictions=tuple(sorted(found, key=lambda one: one.day)))
)
policies = st.builds(
    lambda own, hard: DunningPolicy(retry_days=(), restrictions=own.restrictions, by_failure={FailureClass.HARD: hard}),
    ladders,
    ladders,
)
debts = st.builds(
    Debt,
    owed_minor=st.integers(1, 20_000),
    currency=st.just("CAD"),
    from_on=days.map(lambda day: DAY_0 + timedelta(days=day)),
    held_until_ms=st.none() | days.map(at),
    promised_until_ms=st.none() | days.map(at),
    failure=st.sampled_from([None, *FailureClass]),
    members=st.sampled_from([None, frozenset({7}), frozenset({8})]),
)
blocks = st.builds(
    lambda reason, from_day, days_long: Block(
        reason=reason,
        source="test",
        from_ms=at(from_day),
        until_ms=None if days_long is None else at(from_day + days_long, 9),
        switches=SWITCHES_OF[reason],
    ),
    st.sampled_from([BlockReason.CHARGEBACK, BlockReason.FROZEN, BlockReason.PARKED]),
    days,
    st.none() | st.integers(1, 20),
)
accounts = st.builds(
    lambda policy, household, owed, due, spared_until_ms: AccountFacts(
        zone=ZONE,
        policy=replace(policy, household=household),
        debts=tuple(owed),
        next_due_on=None if due is None else DAY_0 + timedelta(days=due),
        next_due_of={} if due is None else {7: DAY_0 + timedelta(days=due), 8: DAY_0},
        spared_until_ms=spared_until_ms,
    ),
    policies,
    st.sampled_from(Household),
    st.lists(debts, max_size=3),
    st.none() | st.integers(0, 60),
    st.none() | days.map(lambda day: at(day, -6)),
)
held = st.builds(lambda account, found: replace(account, blocks=tuple(found)), accounts, st.lists(blocks, max_size=2))
instants = st.integers(0, 70 * 24).map(lambda hours: at(0, hours))


@settings(max_examples=40)
@given(policies, days, st.integers(0, 23))
def test_renewal_day_never_shuts_out_who_has_paid(policy: DunningPolicy, due: int, hours: int) -> None:
    """Nothing is owed and the next invoice falls due today: the door opens all day, charged or not (p2k16#24)."""
    account = AccountFacts(zone=ZONE, policy=policy, next_due_on=DAY_0 + timedelta(days=due))
    assert isinstance(answer_at(account, WHO, at(due, hours)), Grant)


@settings(max_examples=40)
@given(accounts, instants)
def test_cancelling_never_opens(account: AccountFacts, ends_ms: int) -> None:
    """An end of the membership, whenever, lets in nobody who is refused without it (odysee#3120)."""
    cancelled = replace(WHO, memberships=(replace(BOUGHT, until_ms=ends_ms),))
    owing = replace(account, next_due_on=None, next_due_of={})  # no more invoices come
    for step in range(at(0), at(75), 12 * HOUR_MS):
        if isinstance(answer_at(owing, cancelled, step), Grant):
            assert isinstance(answer_at(owing, WHO, step), Grant)


@settings(max_examples=40)
@given(held, instants)
def test_whoever_enters_is_on_the_offline_list(account: AccountFacts, now_ms: int) -> None:
    """In grace too: the row that goes down says yes exactly if the cloud does (mulysa#369)."""
    [row] = entitlements(account, WHO, now_ms)
    listed = row.refusal is None and row.valid_from_ms <= now_ms < row.valid_until_ms
    assert listed is isinstance(answer_at(account, WHO, now_ms), Grant)


@settings(max_examples=40)
@given(accounts, instants)
def test_paying_restores(account: AccountFacts, now_ms: int) -> None:
    """Whoever owes nothing and is not behind with the next invoice enters; so does whoever's debits are under way."""
    paid = replace(account, debts=(), next_due_on=None, next_due_of={})
    assert isinstance(answer_at(paid, WHO, now_ms), Grant)
    under_way = tuple(replace(debt, held_until_ms=now_ms + 1) for debt in account.debts)
    assert isinstance(answer_at(replace(paid, debts=under_way), WHO, now_ms), Grant)


@settings(max_examples=60)
@given(held, instants)
def test_valid_until_is_the_first_instant_that_refuses(account: AccountFacts, now_ms: int) -> None:
    """Stepped hour by hour: yes up to the last millisecond before, no at that instant, if nothing is heard.

    Over debts of their own and of others of the household, debits on their way, promises, questions, grace and blocks.
    """
    [row] = entitlements(account, WHO, now_ms)
    assume(row.refusal is None)
    last_ms = min(row.valid_until_ms, at(120))
    for step in range(now_ms, last_ms, HOUR_MS):
        assert isinstance(answer_at(account, WHO, step), Grant)
    assert isinstance(answer_at(account, WHO, last_ms - 1), Grant)
    if row.valid_until_ms == last_ms:
        assert not isinstance(answer_at(account, WHO, last_ms), Grant)


def test_a_row_that_forgot_the_debt_would_let_them_in() -> None:
    """Ablation: made from facts without what is owed, the row says yes where the cloud says no."""
    policy = DunningPolicy()
    account = AccountFacts(zone=ZONE, policy=policy, debts=(Debt(owed_minor=1, from_on=DAY_0),))
    [row] = entitlements(replace(account, debts=()), WHO, at(0))
    assert row.valid_until_ms > at(10)
    assert not isinstance(answer_at(account, WHO, at(10)), Grant)
