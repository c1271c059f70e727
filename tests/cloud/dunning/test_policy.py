"""Ladders by failure, thresholds by currency, network caps: the pure parts."""

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from portillon_cloud.access.blocks import Switch
from portillon_cloud.dunning.caps import DAY_MS, allowed_from_ms
from portillon_cloud.dunning.errors import PolicyInvalidError
from portillon_cloud.dunning.failures import FailureClass, failure_class
from portillon_cloud.dunning.ladder import Debt, StepKind, restricted_from_ms, step_ms, steps
from portillon_cloud.dunning.policy import DunningPolicy, Household, Ladder, Restriction, Rung

ZONE = "America/Toronto"
ACCESS = frozenset({Switch.ACCESS})
DAY_0 = date(2026, 3, 2)
STERN = Ladder(retry_days=(), reminder_days=(0,), restrictions=(Restriction(day=5, switches=ACCESS),))
WHOLE = DunningPolicy(
    by_failure={FailureClass.HARD: STERN},
    before_due_days=(1, 3),
    promise_days=7,
    promises=2,
    household=Household.MEMBER,
    hand_over=Rung(day=60, owed_minor_min=5000, owed_minor_in={"EUR": 4000}),
    cancellation=Rung(day=75),
    write_off=Rung(day=180),
)


def day(number: int) -> date:
    return DAY_0 + timedelta(days=number)


def shut_on(policy: DunningPolicy, *debts: Debt) -> int | None:
    """The day of the ladder on which these debts shut the door."""
    at_ms = restricted_from_ms(policy, debts, Switch.ACCESS, ZONE)
    return None if at_ms is None else next(number for number in range(400) if step_ms(day(number), ZONE) == at_ms)


@pytest.mark.parametrize(
    ("code", "failure"),
    [
        ("insufficient_funds", FailureClass.SOFT),
        ("whatever_comes_new", FailureClass.SOFT),
        ("lost_card", FailureClass.HARD),
        ("AC04", FailureClass.HARD),
        ("R02", FailureClass.HARD),
        ("AM04", FailureClass.DEBIT_RETURN),
        ("R01", FailureClass.DEBIT_RETURN),
        ("901", FailureClass.DEBIT_RETURN),
        ("bounced", FailureClass.DEBIT_RETURN),
        ("authentication_required", FailureClass.AUTHENTICATION),
        ("no_payment_method", FailureClass.NO_METHOD),
        ("expired_card", FailureClass.EXPIRED_CARD),
    ],
)
def test_codes_have_their_class(code: str, failure: FailureClass) -> None:
    """Cards, SEPA, ACH and Canadian debits alike; a code that nobody knows is soft."""
    assert failure_class(code) is failure


def test_soft_is_retried_and_hard_only_written_to() -> None:
    """Cody#1600: a soft decline is tried day by day for a week, a hard one brings letters alone."""
    week = DunningPolicy(retry_days=tuple(range(1, 8)))
    tried = {
        failure: [step.kind for step in steps(week.ladder_for(failure), DAY_0)].count(StepKind.RETRY)
        for failure in FailureClass
    }
    assert tried == {
        FailureClass.SOFT: 7,
        FailureClass.EXPIRED_CARD: 7,
        FailureClass.DEBIT_RETURN: 2,
        FailureClass.HARD: 0,
        FailureClass.AUTHENTICATION: 0,
        FailureClass.NO_METHOD: 0,
    }
    hard = [step.kind for step in steps(week.ladder_for(FailureClass.HARD), DAY_0)]
    assert hard.count(StepKind.REMINDER) == 3


def test_each_failure_has_its_grace() -> None:
    """A lost card shuts by its own ladder, anything else by the ordinary one; the sternest counts for a dead link."""
    owed = {"owed_minor": 4599, "from_on": DAY_0}
    assert shut_on(WHOLE, Debt(**owed, failure=FailureClass.HARD)) == 5
    assert shut_on(WHOLE, Debt(**owed, failure=FailureClass.SOFT)) == 10
    assert shut_on(WHOLE, Debt(**owed)) == 10
    assert WHOLE.shortest_grace_days == 5


def test_debts_of_several_ladders_add_up() -> None:
    """A threshold is reached by debts that are each old enough by their own ladder."""
    least = 6000
    policy = DunningPolicy(
        restrictions=(Restriction(day=10, switches=ACCESS, owed_minor_min=least),),
        by_failure={
            FailureClass.HARD: Ladder(
                retry_days=(), restrictions=(Restriction(day=5, switches=ACCESS, owed_minor_min=least),)
            )
        },
    )
    hard = Debt(owed_minor=3000, from_on=DAY_0, failure=FailureClass.HARD)
    soft = Debt(owed_minor=3000, from_on=DAY_0)
    assert shut_on(policy, hard) is None
    assert shut_on(policy, hard, soft) == 10


def test_thresholds_by_currency() -> None:
    """Lago's thresholds (§3.51): 149 EUR beside 120 USD: only dollars are enough; ten euros more, and both are."""
    policy = DunningPolicy(
        restrictions=(Restriction(day=3, switches=ACCESS, owed_minor_in={"EUR": 15_000, "USD": 10_000}),)
    )
    euros = Debt(owed_minor=14_900, currency="EUR", from_on=DAY_0)
    dollars = Debt(owed_minor=12_000, currency="USD", from_on=DAY_0)
    assert shut_on(policy, euros) is None
    assert shut_on(policy, dollars) == 3
    assert shut_on(policy, euros, dollars) == 3
    assert shut_on(policy, euros, Debt(owed_minor=1_000, currency="EUR", from_on=day(2))) == 5
    assert (
        shut_on(policy, Debt(owed_minor=14_900, currency="EUR", from_on=DAY_0), Debt(owed_minor=None, from_on=day(9)))
        == 12
    )


def test_a_promise_holds_what_is_shut_and_not_what_is_overdue() -> None:
    """Until the morning after; earlier than the ladder it changes nothing."""
    late, early = step_ms(day(15), ZONE), step_ms(day(4), ZONE)
    assert shut_on(DunningPolicy(), Debt(owed_minor=1, from_on=DAY_0, promised_until_ms=late)) == 15
    assert shut_on(DunningPolicy(), Debt(owed_minor=1, from_on=DAY_0, promised_until_ms=early)) == 10


def test_a_policy_survives_storage_and_an_old_one_is_read() -> None:
    """What is stored is read back equal; what an older version stored means what it meant."""
    assert DunningPolicy.from_body(WHOLE.to_body()) == WHOLE
    old = {
        "retry_days": [3, 5, 7],
        "reminder_days": [0, 3, 7],
        "restrictions": [{"day": 10, "switches": ["access"], "owed_minor_min": 1}],
    }
    assert DunningPolicy.from_body(old) == DunningPolicy()


@pytest.mark.parametrize(
    ("bad", "named"),
    [
        ({"by_failure": {FailureClass.HARD: Ladder(retry_days=(3,))}}, "hard"),
        ({"by_failure": {FailureClass.DEBIT_RETURN: Ladder(retry_days=(3, 5, 7))}}, "debit_return"),
        ({"hand_over": Rung(day=5)}, "day 5"),
        ({"write_off": Rung(day=30), "cancellation": Rung(day=60)}, "write_off"),
        ({"before_due_days": (0,)}, "before_due_days"),
        ({"promise_days": 90}, "promises"),
        ({"cancellation": Rung(day=60, owed_minor_min=0)}, "day 60"),
    ],
)
def test_senseless_policies_are_refused(bad: dict[str, object], named: str) -> None:
    """A ladder is not ended before all was tried, nothing is owed after a write-off, no dead card is charged."""
    with pytest.raises(PolicyInvalidError, match=named):
        DunningPolicy(**bad)  # type: ignore[arg-type]


def test_caps_of_the_networks() -> None:
    """Ten refusals in a day or fifteen in thirty days, and the card rests until one of them is that old."""
    now_ms = 100 * DAY_MS
    day_long = [now_ms - 10 + n for n in range(10)]
    assert allowed_from_ms(day_long[:9], now_ms) == now_ms
    assert allowed_from_ms(day_long, now_ms) == day_long[0] + DAY_MS
    assert allowed_from_ms(day_long, now_ms, "visa") == now_ms
    month_long = [now_ms - (20 - n) * DAY_MS for n in range(15)]
    assert allowed_from_ms(month_long, now_ms) == month_long[0] + 30 * DAY_MS
    assert allowed_from_ms(month_long, now_ms, "mastercard") == now_ms
    assert allowed_from_ms(month_long, now_ms, "visa") == allowed_from_ms(month_long, now_ms, "a new network")


rungs = st.builds(Restriction, day=st.integers(0, 40), switches=st.just(ACCESS), owed_minor_min=st.integers(1, 9000))
ladders = st.lists(rungs, max_size=3, unique_by=lambda one: one.day).map(
    lambda found: Ladder(retry_days=(), restrictions=tuple(sorted(found, key=lambda one: one.day)))
)
policies = st.builds(
    lambda own, hard: DunningPolicy(retry_days=(), restrictions=own.restrictions, by_failure={FailureClass.HARD: hard}),
    ladders,
    ladders,
)
debts = st.builds(
    Debt,
    owed_minor=st.integers(0, 20_000) | st.none(),
    from_on=st.integers(0, 60).map(day),
    held_until_ms=st.none() | st.integers(0, 60).map(lambda n: step_ms(day(n), ZONE)),
    promised_until_ms=st.none() | st.integers(0, 60).map(lambda n: step_ms(day(n), ZONE)),
    failure=st.sampled_from([None, FailureClass.SOFT, FailureClass.HARD]),
    currency=st.sampled_from(["CAD", "EUR"]),
)


@settings(max_examples=60)
@given(policies, st.lists(debts, max_size=4), debts)
def test_more_debt_never_opens(policy: DunningPolicy, known: list[Debt], another: Debt) -> None:
    """Under any ladders one more debt shuts no later, and the answer is the same in whatever order debts are read."""
    without = restricted_from_ms(policy, known, Switch.ACCESS, ZONE)
    with_it = restricted_from_ms(policy, [*known, another], Switch.ACCESS, ZONE)
    assert without is None or (with_it is not None and with_it <= without)
    assert with_it == restricted_from_ms(policy, [another, *reversed(known)], Switch.ACCESS, ZONE)
