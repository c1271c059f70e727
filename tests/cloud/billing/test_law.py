"""Consumer law: what Quebec and France forbid, and what they allow."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portillon_cloud.billing.calendar import add_months
from portillon_cloud.billing.law import LAWS, VERSIONS, france, online_exit, quebec
from portillon_cloud.billing.law.terms import Leaving, Renewal, Terms, WayOut, Window
from portillon_cloud.billing.law.used import used_minor

STORY = Terms(
    signed_on=date(2026, 1, 5),
    starts_on=date(2026, 1, 31),
    ends_on=date(2027, 1, 31),
    renews=False,
    instalments_minor=(57_49,) * 12,
    first_payment_on=date(2026, 1, 31),
    tax_inclusive=False,
)


def test_twelve_months_paid_monthly_is_lawful_in_quebec() -> None:
    """The story's contract breaks no rule."""
    assert quebec.violations(STORY) == []


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"ends_on": None}, "open-ended"),
        ({"ends_on": date(2027, 2, 1)}, "12 months at most"),
        ({"renews": True}, "renew itself"),
        ({"first_payment_on": date(2026, 1, 30)}, "before the service begins"),
        ({"instalments_minor": (689_88,)}, "two instalments"),
        ({"instalments_minor": (300_00, 50_00, 50_00)}, "roughly equal"),
    ],
)
def test_what_quebec_forbids(change: dict[str, object], word: str) -> None:
    """billing.md 59: each rule alone is named, with its clause."""
    [violation] = quebec.violations(replace(STORY, **change))  # type: ignore[arg-type]
    assert word in violation.why
    assert violation.clause.startswith("P-40.1")


@pytest.mark.parametrize(
    "change",
    [
        {"instalments_minor": (100_00,)},  # not above 100 $ with taxes
        {"instalments_minor": (150_00,), "ends_on": date(2026, 2, 3)},  # three consecutive days
        {"instalments_minor": (33_34, 33_33, 33_33)},  # a cent apart
    ],
)
def test_what_quebec_allows(change: dict[str, object]) -> None:
    """Small or short contracts may be paid at once, and rounding is not inequality."""
    assert quebec.violations(replace(STORY, **change)) == []  # type: ignore[arg-type]


def test_every_broken_rule_is_named_at_once() -> None:
    """Nobody mends one to meet the next."""
    assert len(quebec.violations(replace(STORY, ends_on=None, renews=True, first_payment_on=date(2026, 1, 1)))) == 3


def test_france_allows_an_open_ended_contract_at_a_price_with_tva() -> None:
    """And asks for the price as people pay it."""
    terms = replace(STORY, ends_on=None, tax_inclusive=True)
    assert france.violations(terms) == []
    [violation] = france.violations(replace(terms, tax_inclusive=False))
    assert "TVA" in violation.why
    [violation] = france.violations(replace(terms, renews=True))
    assert "no term to renew" in violation.why


def test_the_french_renewal_notice_has_a_window() -> None:
    """A term to 2026-12-31 is announced from 2026-09-30 to 2026-11-30 (L215-1)."""
    assert france.renewal_notice(date(2026, 12, 31)) == Window(date(2026, 9, 30), date(2026, 11, 30))


def test_every_law_has_a_version() -> None:
    """A contract records which rules it was checked against."""
    assert VERSIONS.keys() == LAWS.keys()
    assert all(VERSIONS.values())


YEAR = Leaving(  # 420 $ for a year, as the Office reckons it
    signed_on=date(2026, 1, 5),
    starts_on=date(2026, 1, 31),
    ends_on=date(2027, 1, 31),
    price_minor=420_00,
    told_on=date(2026, 1, 31),
    on=date(2026, 1, 31),
)


def left(told_on: date) -> Leaving:
    return replace(YEAR, told_on=told_on, on=told_on)


def test_leaving_before_it_begins_costs_nothing_in_quebec() -> None:
    """billing.md 60: nothing may be kept, and what was paid is back within ten days."""
    before = replace(YEAR, told_on=date(2026, 1, 30))
    assert quebec.way_out(before) == WayOut(
        clause="P-40.1, s. 202", kept_at_most_minor=0, refund_due_on=date(2026, 2, 9)
    )


@pytest.mark.parametrize("day", [0, 1, 36])
def test_within_a_tenth_of_the_term_a_tenth_of_the_price(day: int) -> None:
    """billing.md 60: of 365 days the first 36: 42 $ of 420 $ at most, the rest back within ten days."""
    told_on = date(2026, 1, 31) + timedelta(days=day)
    assert quebec.way_out(left(told_on)) == WayOut(
        clause="P-40.1, s. 203", kept_at_most_minor=42_00, refund_due_on=told_on + timedelta(days=10)
    )


def test_after_the_tenth_what_was_used() -> None:
    """billing.md 61: four months of 420 $ a year are 140 $; the Act names no day, so the rest is back at once."""
    after = quebec.way_out(left(date(2026, 5, 31)))
    assert after == WayOut(clause="C.c.Q., art. 2125, 2129", kept_at_most_minor=140_00, refund_due_on=None)
    first_day_after = quebec.way_out(left(date(2026, 3, 9)))
    assert first_day_after is not None and first_day_after.clause.startswith("C.c.Q.")


def test_no_fraction_of_a_cent_more_than_a_tenth() -> None:
    """A tenth is the most: of 419.99 it is 41.99, not 42.00."""
    out = quebec.way_out(replace(YEAR, price_minor=419_99))
    assert out is not None and out.kept_at_most_minor == 41_99


@given(st.integers(1, 10**7), st.integers(0, 400), st.integers(1, 12), st.integers(0, 400))
def test_what_was_used_grows_with_the_days(price_minor: int, start: int, months: int, day: int) -> None:
    """From nothing at the first day to the whole price at the last, never less the next day, each month alike."""
    starts_on = date(2026, 1, 1) + timedelta(days=start)
    ends_on = add_months(starts_on, months)
    on = starts_on + timedelta(days=day)
    used = used_minor(price_minor, starts_on, ends_on, on)
    assert used_minor(price_minor, starts_on, ends_on, starts_on) == 0
    assert used_minor(price_minor, starts_on, ends_on, ends_on) == price_minor
    assert 0 <= used <= used_minor(price_minor, starts_on, ends_on, on + timedelta(days=1)) <= price_minor


def test_a_renewal_is_offered_thirty_to_sixty_days_before_the_end() -> None:
    """billing.md 62 (P-40.1, r. 3, 15.2): earlier is refused with the clause; a late yes is one."""
    ends_on = date(2027, 1, 31)
    assert quebec.renewal_offer(ends_on) == Window(date(2026, 12, 2), date(2027, 1, 1))
    [early] = quebec.renewal_violations(Renewal(agreed_on=date(2026, 12, 1), ends_on=ends_on, months=12))
    assert early.clause == "P-40.1, r. 3, s. 15.2"
    assert quebec.renewal_violations(Renewal(agreed_on=date(2027, 1, 30), ends_on=ends_on, months=12)) == []
    [long] = quebec.renewal_violations(Renewal(agreed_on=date(2027, 1, 1), ends_on=ends_on, months=13))
    assert long.clause == "P-40.1, s. 200"


@pytest.mark.parametrize(
    ("signed_on", "last_day"),
    [
        (date(2026, 6, 1), date(2026, 6, 15)),  # a Monday
        (date(2026, 6, 6), date(2026, 6, 22)),  # the 20th is a Saturday
        (date(2026, 4, 30), date(2026, 5, 15)),  # the 14th is Ascension Day
        (date(2026, 12, 11), date(2026, 12, 28)),  # Christmas on a Friday
        (date(2026, 3, 23), date(2026, 4, 7)),  # Easter Monday is the 6th
    ],
)
def test_fourteen_days_to_withdraw(signed_on: date, last_day: date) -> None:
    """billing.md 63 (L221-18, L221-19): counted from the day after, moved past Saturdays, Sundays and holidays."""
    assert france.withdrawal_until_on(signed_on) == last_day
    distance = replace(YEAR, signed_on=signed_on, starts_on=signed_on, ends_on=None, at_distance=True)
    in_time = replace(distance, told_on=last_day, on=last_day)
    out = france.way_out(in_time)
    assert out is not None and out.refund_due_on == last_day + timedelta(days=14)
    assert france.way_out(replace(in_time, told_on=last_day + timedelta(days=1))) is None


def test_at_the_desk_there_is_nothing_to_withdraw_from() -> None:
    """The right is for contracts signed at distance."""
    assert france.way_out(left(date(2026, 2, 1))) is None


def test_a_renewal_nobody_announced_may_be_left_at_any_time() -> None:
    """L215-1: from the day it went on; what was paid beyond the use is back within thirty days."""
    unannounced = replace(left(date(2026, 3, 3)), renewed_untold_on=date(2026, 1, 31))
    out = france.way_out(unannounced)
    assert out is not None
    assert (out.clause, out.refund_due_on) == ("Code de la consommation L215-1", date(2026, 4, 2))


def test_three_clicks_to_leave_online() -> None:
    """billing.md 63 (L215-1-1, D215-1 to D215-3): our own steps are lawful."""
    assert online_exit.violations(online_exit.STEPS) == []


@pytest.mark.parametrize(
    ("steps", "clause"),
    [
        ((*online_exit.STEPS, online_exit.STEPS[2]), "L215-1-1"),
        (online_exit.STEPS[::2], "D215-1 to D215-3"),
        ((replace(online_exit.STEPS[0], button="Mon compte"), *online_exit.STEPS[1:]), "D215-1"),
        ((*online_exit.STEPS[:2], replace(online_exit.STEPS[2], button="Rester avec nous")), "D215-3"),
        (
            (
                replace(online_exit.STEPS[0], asks=frozenset({online_exit.Asked.PASSWORD})),
                *online_exit.STEPS[1:],
            ),
            "D215-1",
        ),
        (
            (*online_exit.STEPS[:2], replace(online_exit.STEPS[2], asks=frozenset({online_exit.Asked.PAYMENT}))),
            "L215-1-1",
        ),
        ((online_exit.STEPS[0], replace(online_exit.STEPS[1], asks=frozenset()), online_exit.STEPS[2]), "D215-2"),
    ],
)
def test_steps_that_hold_people_back_are_refused(steps: tuple[online_exit.Step, ...], clause: str) -> None:
    """A fourth click, a missing summary, a hidden button, an account, a fee, a form without its questions."""
    assert clause in {violation.clause for violation in online_exit.violations(steps)}
