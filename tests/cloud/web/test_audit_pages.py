"""The page of the audit: owners alone see it, in their language, and every page warns them till books add up."""

import re

import pytest
from portillon_cloud.audit.check import Finding
from portillon_cloud.audit.operations import SAYS_OF, keep
from portillon_cloud.identity.roles import Role
from portillon_cloud.locale.words import Words

PLACE = re.compile(r"\{(\w+)\}")
FINDING = Finding(
    code="numbers_follow_the_calendar",
    subject="series 1:INV number 2",
    facts={"series": "INV", "number": 2, "issued_on": "2025-03-01", "before_on": "2025-03-02"},
)


def tell(gym, *found):
    with gym.services.db.write() as conn:
        keep(conn, gym.organisation_id, found, now_ms=gym.services.clock.real_ms())


def test_every_page_warns_an_owner_until_the_books_add_up(signed_in, gym):
    """The warning leads to the sentence; an audit that finds nothing more takes both away."""
    owner = signed_in(Role.OWNER)
    assert "They were not audited yet" in owner.get("/audit").text
    tell(gym, FINDING)
    assert "The books do not add up: 1 finding." in owner.get("/unpaid").text
    assert "Number 2 of series INV is of 2025-03-01" in owner.get("/audit").text
    tell(gym)
    assert "do not add up" not in owner.get("/unpaid").text
    assert "Everything adds up." in owner.get("/audit").text


def test_the_desk_neither_sees_nor_is_warned(signed_in, gym):
    """What the books come to is the owner's."""
    tell(gym, FINDING)
    desk = signed_in(Role.DESK)
    assert "do not add up" not in desk.get("/unpaid").text
    assert desk.get("/audit").status_code == 403


@pytest.mark.parametrize("code", sorted(SAYS_OF))
def test_every_sentence_is_in_french_with_the_same_facts(code):
    """A translation fills the same places, so that no number is lost."""
    said = Words("fr", "CA", "America/Toronto").say(SAYS_OF[code])
    assert said != SAYS_OF[code]
    assert set(PLACE.findall(said)) == set(PLACE.findall(SAYS_OF[code]))
