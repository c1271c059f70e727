"""Consumer law: what Quebec and France forbid, and what they allow."""

from dataclasses import replace
from datetime import date

import pytest
from portillon_cloud.billing.law import LAWS, france, quebec
from portillon_cloud.billing.law.terms import Terms

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
    """Each rule alone is named."""
    [violation] = quebec.violations(replace(STORY, **change))  # type: ignore[arg-type]
    assert word in violation


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
    assert "TVA" in violation
    [violation] = france.violations(replace(terms, renews=True))
    assert "no term to renew" in violation


def test_the_french_renewal_notice_has_a_window() -> None:
    """A term to 2026-12-31 is announced from 2026-09-30 to 2026-11-30 (L215-1)."""
    assert france.renewal_notice(date(2026, 12, 31)) == france.NoticeWindow(date(2026, 9, 30), date(2026, 11, 30))


def test_every_law_has_a_version() -> None:
    """A contract records which rules it was checked against."""
    from portillon_cloud.billing.law import VERSIONS

    assert VERSIONS.keys() == LAWS.keys()
