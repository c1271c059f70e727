"""Visits at their limits: what each ruling rests on, what nobody counts, and rows of one and of many allowances."""

from dataclasses import replace

import pytest
from portillon_rules.policy import SitePolicy, VisitsElsewhere
from portillon_rules.reason import DenyReason, GrantFlag
from portillon_rules.ruling import Ruling
from portillon_rules.visits import (
    ALLOWANCES_MAX,
    UNCHECKED,
    Allowance,
    Per,
    Visit,
    VisitRow,
    VisitUse,
    choose,
)

NOW_MS = 1_795_446_000_000
POLICY = SitePolicy(time_zone="America/Toronto")
LENIENT = replace(POLICY, visits_elsewhere=VisitsElsewhere.PASS_AND_FLAG)
PACK = Allowance(name="pack", most=1, until_ms=NOW_MS + 1)
MONTHLY = Allowance(name="monthly", most=1, per=Per.MONTH, until_ms=NOW_MS + 1)
SPENT = ((Visit("pack", 3), 1), (Visit("monthly", 3, "202611"), 1))


def row(*allowances: Allowance) -> VisitRow:
    return VisitRow(member="m1", home="front", turn=3, since_ms=0, allowances=allowances)


@pytest.mark.parametrize(
    ("use", "policy", "ruling"),
    [
        (VisitUse(), POLICY, Ruling("visits")),
        (VisitUse(damaged=True), POLICY, Ruling("visits", DenyReason.ROW_DAMAGED)),
        (VisitUse(row(PACK)), POLICY, Ruling("visits", row="visits/m1")),
        (VisitUse(row(PACK), SPENT), POLICY, Ruling("visits", DenyReason.NO_VISITS_LEFT, row="visits/m1")),
        (VisitUse(row(PACK), sure=False), POLICY, Ruling("visits", DenyReason.VISIT_HELD_ELSEWHERE, row="visits/m1")),
        (
            VisitUse(row(PACK), sure=False),
            LENIENT,
            Ruling("visits", flags=(GrantFlag.VISIT_UNCHECKED,), row="visits/m1"),
        ),
    ],
)
def test_each_ruling_names_the_members_row(use: VisitUse, policy: SitePolicy, ruling: Ruling) -> None:
    """Where there is no row to believe, none is named."""
    assert choose(use, policy=policy, business_ms=NOW_MS).ruling == ruling


def test_elsewhere_visits_are_named_and_not_counted() -> None:
    """What this gateway once counted is worth nothing here; the event names pack and period for whoever counts."""
    chosen = choose(VisitUse(row(PACK, MONTHLY), SPENT, sure=False), policy=LENIENT, business_ms=NOW_MS)
    assert sorted(chosen.visits, key=lambda one: one.name) == [
        Visit("monthly", UNCHECKED, "202611"),
        Visit("pack", UNCHECKED),
    ]


def test_of_two_packs_that_end_together_the_first_is_taken() -> None:
    """The order of the row decides: the same visit is chosen each time."""
    twin = replace(PACK, name="another")
    assert choose(VisitUse(row(PACK, twin)), policy=POLICY, business_ms=NOW_MS).visits == (Visit("pack", 3),)
    assert choose(VisitUse(row(twin, PACK)), policy=POLICY, business_ms=NOW_MS).visits == (Visit("another", 3),)


@pytest.mark.parametrize("count", [1, ALLOWANCES_MAX])
def test_a_row_of_one_and_of_the_most_allowances_survives_its_body(count: int) -> None:
    """Both ends of the bound are inside it."""
    many = row(*(replace(PACK, name=str(number)) for number in range(count)))
    assert VisitRow.from_body("m1", many.to_body()) == many


@pytest.mark.parametrize("count", [0, ALLOWANCES_MAX + 1])
def test_a_row_outside_the_bound_is_refused(count: int) -> None:
    """A row of nothing limits nothing and is not believed; nor is one that never ends."""
    with pytest.raises(ValueError, match=str(count)):
        VisitRow.from_body("m1", row(*[PACK] * count).to_body())


def test_a_mark_is_read_from_its_front() -> None:
    """Name and turn first: whatever follows is the period, dots and all."""
    assert Visit.from_mark("visit:pack.1.a.b") == Visit("pack", 1, "a.b")
