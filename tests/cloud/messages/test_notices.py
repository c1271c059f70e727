"""Notices: every kind in both languages, every value in its letter, read back as it was."""

from datetime import date

import pytest
from portillon_cloud.messages.notice_letters import About, write_notice
from portillon_cloud.messages.notices import (
    NOTICE_KINDS,
    Cancelled,
    FreezeAgreed,
    Notice,
    PriceChanges,
    PriceStays,
    RenewalAgreed,
    RenewalComes,
    RenewalOffered,
    WayToLeave,
    Withdrawn,
    from_body,
    kind_of,
    to_body,
)

FIRST, LAST = date(2026, 5, 1), date(2027, 1, 2)
SAID: list[Notice] = [
    RenewalComes(ends_on=FIRST, until_on=date(2026, 4, 29), renewed_until_on=LAST, cycle_minor=35_00, clause="L215-1"),
    RenewalOffered(ends_on=FIRST, months=6, cycle_minor=35_00, clause="s. 15.2"),
    RenewalAgreed(agreed_on=FIRST, ends_on=LAST),
    PriceChanges(from_on=FIRST, until_on=date(2026, 4, 30), was_minor=30_00, becomes_minor=35_00, clause="R212-4"),
    PriceStays(from_on=FIRST, was_minor=30_00),
    Cancelled(told_on=FIRST, ends_on=LAST),
    Cancelled(told_on=FIRST, ends_on=LAST, back_by_on=LAST, clause="s. 203"),
    Cancelled(told_on=FIRST, ends_on=LAST, back_minor=12_34, back_by_on=LAST, clause="s. 203"),
    Withdrawn(told_on=FIRST, ends_on=FIRST, back_minor=12_34, back_by_on=LAST, clause="L221-18"),
    FreezeAgreed(on=FIRST, until_on=LAST),
    FreezeAgreed(on=FIRST, until_on=LAST, fee_minor=5_00),
    WayToLeave(asked_on=FIRST),
]
ABOUT = About(
    gym="Gym Mont-Royal",
    payer="Nadia {x} Roy",
    member="Léa",
    plan="Basic {",
    currency="CAD",
    link="https://g.example/x",
)


def test_no_kind_is_forgotten() -> None:
    """The list above has them all."""
    assert {kind_of(one) for one in SAID} == set(NOTICE_KINDS)


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("said", SAID, ids=lambda said: kind_of(said))
@pytest.mark.parametrize("link", [None, "https://g.example/x"])
def test_a_letter_says_what_the_notice_says(said: Notice, language: str, link: str | None) -> None:
    """Names, clause and amounts in the reader's own way; no place is left empty, and no name is read as one."""
    about = About(gym=ABOUT.gym, payer=ABOUT.payer, member=ABOUT.member, plan=ABOUT.plan, currency="CAD", link=link)
    letter = write_notice(said, language, about)
    assert "Nadia {x} Roy" in letter.body and "Basic {" in letter.body and "Gym Mont-Royal" in letter.body
    clause = getattr(said, "clause", None)
    assert clause is None or letter.body.count(f"({clause})") == 1
    back_minor = getattr(said, "back_minor", 0)
    assert not back_minor or ("12.34" if language == "en" else "12,34") in letter.body
    assert "None" not in letter.body and "()" not in letter.body
    assert ("https://" in letter.body) is (
        link is not None and isinstance(said, RenewalComes | RenewalOffered | PriceChanges | WayToLeave)
    )


@pytest.mark.parametrize("said", SAID, ids=lambda said: kind_of(said))
def test_what_was_said_is_read_back(said: Notice) -> None:
    """The values that are kept are the notice again."""
    assert from_body(kind_of(said), to_body(said)) == said


def test_french_counts_the_first_day_of_a_month() -> None:
    """“1er mai”, and the last day is the day before the first without it."""
    letter = write_notice(PriceStays(from_on=FIRST, was_minor=30_00), "fr", ABOUT)
    assert "1er mai 2026" in letter.body
    over = write_notice(Cancelled(told_on=FIRST, ends_on=LAST), "fr", ABOUT)
    assert "jusqu’au 1er janvier 2027 inclus" in over.body
