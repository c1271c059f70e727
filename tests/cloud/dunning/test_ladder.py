"""The ladder against the truth tables of other systems, and its properties."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portillon_cloud.access.blocks import Switch
from portillon_cloud.dunning.errors import PolicyInvalidError
from portillon_cloud.dunning.ladder import (
    Debt,
    DunningPolicy,
    LetterKind,
    Restriction,
    StepKind,
    overdue,
    restricted_from_ms,
    step_ms,
    steps,
    switches_off,
)

ZONE = "America/Toronto"
ACCESS = frozenset({Switch.ACCESS})
DAY_0 = date(2026, 3, 2)


def day(number: int) -> date:
    return DAY_0 + timedelta(days=number)


def test_kill_bill_retries_and_overdue_states() -> None:
    """Kill Bill's published case (billing.md §3.49): seven retries 8 days apart; states after 30, 40 and 50 days."""
    policy = DunningPolicy(
        retry_days=tuple(8 * n for n in range(1, 8)),
        reminder_days=(),
        restrictions=(
            Restriction(day=30, switches=frozenset({Switch.CHANGES})),
            Restriction(day=40, switches=frozenset({Switch.CHANGES, Switch.ACCESS})),
            Restriction(day=50, switches=frozenset({Switch.CHANGES, Switch.ACCESS, Switch.INVOICING})),
        ),
    )
    ladder = steps(policy, date(2012, 5, 31))
    assert [s.on.isoformat() for s in ladder if s.kind is StepKind.RETRY] == [
        "2012-06-08",
        "2012-06-16",
        "2012-06-24",
        "2012-07-02",
        "2012-07-10",
        "2012-07-18",
        "2012-07-26",
    ]
    assert [s.on.isoformat() for s in ladder if s.kind is StepKind.RESTRICTION] == [
        "2012-06-30",
        "2012-07-10",
        "2012-07-20",
    ]
    debt = [Debt(owed_minor=24995, from_on=date(2012, 5, 31))]
    expected = {
        date(2012, 6, 29): frozenset(),
        date(2012, 6, 30): {Switch.CHANGES},
        date(2012, 7, 10): {Switch.CHANGES, Switch.ACCESS},
        date(2012, 7, 20): {Switch.CHANGES, Switch.ACCESS, Switch.INVOICING},
    }
    for on, off in expected.items():
        assert switches_off(policy, debt, ZONE, step_ms(on, ZONE)) == off, on
    assert switches_off(policy, [], ZONE, step_ms(date(2012, 7, 20), ZONE)) == frozenset()


@pytest.mark.parametrize(
    ("owed_minor", "days", "shut"),
    [(5000, 2, True), (4999, 10, False), (5000, 1, False)],
)
def test_gymmaster_stops_on_time_and_amount(owed_minor: int, days: int, shut: bool) -> None:
    """GymMaster (§3.55): stop only if 50.00 or more has been owed for 2 days or more."""
    policy = DunningPolicy(restrictions=(Restriction(day=2, switches=ACCESS, owed_minor_min=5000),))
    off = switches_off(policy, [Debt(owed_minor=owed_minor, from_on=DAY_0)], ZONE, step_ms(day(days), ZONE))
    assert (Switch.ACCESS in off) is shut


def test_threshold_counts_only_what_is_old_enough() -> None:
    """Two debts below the threshold shut the door on the day on which the younger is old enough, not before."""
    policy = DunningPolicy(restrictions=(Restriction(day=2, switches=ACCESS, owed_minor_min=5000),))
    debts = [Debt(owed_minor=3000, from_on=DAY_0), Debt(owed_minor=3000, from_on=day(30))]
    assert restricted_from_ms(policy, debts, Switch.ACCESS, ZONE) == step_ms(day(32), ZONE)
    assert restricted_from_ms(policy, debts[:1], Switch.ACCESS, ZONE) is None


def test_glofox_seven_days_after_the_failed_charge() -> None:
    """Glofox (§3.56): overdue on failure, entry refused 7 days after it; nothing owed, nothing shut."""
    policy = DunningPolicy(restrictions=(Restriction(day=7, switches=ACCESS),))
    debt = Debt(owed_minor=1, from_on=DAY_0)
    shut_ms = restricted_from_ms(policy, [debt], Switch.ACCESS, ZONE)
    assert shut_ms == step_ms(day(7), ZONE)
    assert overdue(debt, ZONE, step_ms(DAY_0, ZONE))
    assert not overdue(debt, ZONE, step_ms(DAY_0, ZONE) - 1)
    assert restricted_from_ms(policy, [Debt(owed_minor=0, from_on=DAY_0)], Switch.ACCESS, ZONE) is None


def test_default_ladder() -> None:
    """Retries on days 3, 5, 7; letters on days 0, 3, 7; shut on day 10; on one day the retry comes first."""
    ladder = steps(DunningPolicy(), DAY_0)
    assert [((s.on - DAY_0).days, s.kind, s.letter) for s in ladder] == [
        (0, StepKind.REMINDER, LetterKind.PAYMENT_FAILED),
        (3, StepKind.RETRY, None),
        (3, StepKind.REMINDER, LetterKind.REMINDER),
        (5, StepKind.RETRY, None),
        (7, StepKind.RETRY, None),
        (7, StepKind.REMINDER, LetterKind.FINAL_NOTICE),
        (10, StepKind.RESTRICTION, None),
    ]
    assert [s.number for s in ladder] == list(range(1, 8))
    assert DunningPolicy().grace_days == 10


def test_hard_decline_reminds_without_retrying() -> None:
    """A card that can never work is not tried again; its holder is still told, and still shut out in time."""
    kinds = [s.kind for s in steps(DunningPolicy(), DAY_0, retries=False)]
    assert StepKind.RETRY not in kinds
    assert kinds.count(StepKind.REMINDER) == 3
    assert kinds.count(StepKind.RESTRICTION) == 1


def test_debit_under_way_counts_as_paid_until_its_policy_date() -> None:
    """A submitted debit postpones the restriction to its policy date, and never brings it forward."""
    policy = DunningPolicy()
    late_ms, early_ms = step_ms(day(14), ZONE), step_ms(day(2), ZONE)
    held = Debt(owed_minor=100, from_on=DAY_0, held_until_ms=late_ms)
    assert restricted_from_ms(policy, [held], Switch.ACCESS, ZONE) == late_ms
    assert not overdue(held, ZONE, late_ms - 1)
    held = Debt(owed_minor=100, from_on=DAY_0, held_until_ms=early_ms)
    assert restricted_from_ms(policy, [held], Switch.ACCESS, ZONE) == step_ms(day(10), ZONE)


def test_local_dates_survive_clock_changes() -> None:
    """Steps are at 06:00 on the wall on both sides of a clock change."""
    before, after = step_ms(date(2026, 3, 7), ZONE), step_ms(date(2026, 3, 9), ZONE)
    assert after - before == 47 * 3_600_000
    assert overdue(Debt(owed_minor=1, from_on=date(2026, 3, 9)), ZONE, after)


@pytest.mark.parametrize(
    "bad",
    [
        {"retry_days": (0, 3)},
        {"retry_days": (5, 3)},
        {"reminder_days": (-1,)},
        {"reminder_days": (3, 3)},
        {"retry_days": tuple(range(1, 40))},
    ],
)
def test_senseless_policies_are_refused(bad: dict[str, tuple[int, ...]]) -> None:
    """Days must ascend and stay in range, and a ladder is bounded; the error names the field."""
    with pytest.raises(PolicyInvalidError):
        DunningPolicy(**bad)  # type: ignore[arg-type]


def test_policy_survives_storage() -> None:
    """What is stored is read back equal."""
    assert DunningPolicy.from_body(DunningPolicy().to_body()) == DunningPolicy()


debts = st.builds(
    Debt,
    owed_minor=st.integers(0, 20_000),
    from_on=st.integers(0, 60).map(day),
    held_until_ms=st.none() | st.integers(0, 60).map(lambda n: step_ms(day(n), ZONE)),
)


@given(st.lists(debts, max_size=5), debts, st.integers(1, 8000))
def test_another_debt_never_opens_a_door(known: list[Debt], another: Debt, least_minor: int) -> None:
    """More debt shuts no later; and once shut by debts, time alone never opens."""
    policy = DunningPolicy(
        restrictions=(
            Restriction(day=2, switches=ACCESS, owed_minor_min=least_minor),
            Restriction(day=30, switches=ACCESS),
        )
    )
    without = restricted_from_ms(policy, known, Switch.ACCESS, ZONE)
    with_it = restricted_from_ms(policy, [*known, another], Switch.ACCESS, ZONE)
    assert without is None or (with_it is not None and with_it <= without)
    if with_it is not None:
        assert Switch.ACCESS in switches_off(policy, [*known, another], ZONE, with_it + 86_400_000)
        assert Switch.ACCESS not in switches_off(policy, [*known, another], ZONE, with_it - 1)
