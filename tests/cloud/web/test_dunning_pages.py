"""How unpaid dues are chased, by page: an owner changes ladders, the desk reads them, the calendar says the days."""

import re
from datetime import date
from pathlib import Path
from xml.etree import ElementTree

from portillon_cloud.access.blocks import Switch
from portillon_cloud.access.store import collection
from portillon_cloud.dunning.calendar import DayKind, course
from portillon_cloud.dunning.failures import FailureClass
from portillon_cloud.dunning.ladder import LetterKind
from portillon_cloud.dunning.policy import DunningPolicy, Household, Rung
from portillon_cloud.identity.roles import Role
from portillon_cloud.web import dunning_words
from portillon_cloud.web.dunning_words import FAILURES, HOUSEHOLDS, SWITCHES
from portillon_cloud.web.ladder_picture import month_pictures

PICTURE = Path(__file__).parents[3] / "docs" / "pictures" / "default-ladder.svg"
STYLE = (
    ".ladder-day{fill:#eceee8}.ladder-grace{fill:#fbeed3}.ladder-shut{fill:#fae6e3}.ladder-charge{fill:#0d6353}"
    ".ladder-letter{fill:#7c4c00}.ladder-end{fill:#a8231c}.ladder-number{font:11px sans-serif;fill:#4d5953}"
)
ORDINARY = {
    "retry_days": "2 4",
    "reminder_days": "0, 4",
    "restriction0:day": "8",
    "restriction0:least": "25,00",
    "restriction0:switches": ["access", "changes"],
    "hand_over:day": "60",
    "write_off:day": "90",
    "before_due_days": "3",
    "promise_days": "10",
    "promises": "2",
    "household": "account",
}


def policy_of(gym) -> DunningPolicy:
    with gym.services.db.read() as conn:
        return collection(conn, gym.organisation_id).policy


def test_an_owner_changes_the_ladder(signed_in, csrf, gym):
    """As typed, in either way of writing; a failure gets a ladder of its own and goes by the ordinary one again."""
    owner = signed_in(Role.OWNER)
    token = {"csrf": csrf(owner.get("/dunning").text)}
    assert owner.post("/dunning", data={**ORDINARY, **token}).headers["location"] == "/dunning?done=true"
    kept = policy_of(gym)
    assert (kept.retry_days, kept.before_due_days, kept.hand_over) == ((2, 4), (3,), Rung(day=60))
    assert (kept.restrictions[0].owed_minor_min, kept.restrictions[0].switches) == (
        2500,
        frozenset({Switch.ACCESS, Switch.CHANGES}),
    )
    stern = {"reminder_days": "0", "restriction0:day": "5", "restriction0:switches": "access"}
    assert owner.post("/dunning?failure=hard", data={**stern, **token}).status_code == 303
    assert policy_of(gym).ladder_for(FailureClass.HARD).grace_days == 5
    page = owner.get("/dunning?failure=hard&due=2026-03-02&done=true").text
    assert "Refused for good: lost, stolen, closed · its own ladder" in page
    assert "enters until Saturday, March 7, 2026" in page and "planned already stay on their days" in page
    assert owner.post("/dunning/as-every-other?failure=hard", data=token).status_code == 303
    assert policy_of(gym) == kept


def test_what_cannot_be_is_said(signed_in, csrf, gym):
    """Nothing is changed, what was typed is still there, and the notice says what to do."""
    owner = signed_in(Role.OWNER)
    token = {"csrf": csrf(owner.get("/dunning").text)}
    for typed, said in (
        ({"retry_days": "soon"}, "“Charge again on days” cannot be read"),
        ({"restriction0:least": "much"}, "“Suspension” cannot be read"),
        ({"write_off:day": "3"}, "the write-off comes last"),
        ({"restriction0:day": "1"}, "dead line could shut out members who have paid"),
    ):
        answer = owner.post("/dunning", data={**ORDINARY, **typed, **token})
        assert (answer.status_code, said in answer.text.replace("&#34;", '"')) == (422, True), said
        assert f'value="{next(iter(typed.values()))}"' in answer.text
    assert policy_of(gym) == DunningPolicy()


def test_roles(signed_in, csrf, gym):
    """The desk reads, and its form is switched off; a technician sees no money."""
    desk = signed_in(Role.DESK)
    page = desk.get("/dunning").text
    assert "Only an owner changes this." in page and "disabled" in page
    assert desk.post("/dunning", data={**ORDINARY, "csrf": csrf(page)}).status_code == 403
    assert signed_in(Role.TECHNICIAN).get("/dunning").status_code == 403


def test_the_calendar_in_two_languages(signed_in, gym):
    """The days stand in text, in the reader's words; the same days are marked in the picture."""
    owner = signed_in(Role.OWNER)
    text = re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", owner.get("/dunning?due=2026-03-02").text))
    for said in ("Mar 2, 2026 day 0", "Mar 5, 2026 day 3", "Charged again", "Letter: last reminder", "No entry"):
        assert said in text, said
    shown = course(
        DunningPolicy(cancellation=Rung(day=45)),
        FailureClass.SOFT,
        due_on=date(2026, 3, 2),
        zone="America/Toronto",
        currency="CAD",
        owed_minor=5000,
    )
    months = month_pictures(shown)
    assert [month.isoformat() for month, _ in months] == ["2026-03-01", "2026-04-01"]
    march, april = (ElementTree.fromstring(picture) for _, picture in months)
    classes = [node.get("class") for node in march]
    assert (classes.count("ladder-charge"), classes.count("ladder-letter"), classes.count("ladder-grace")) == (4, 3, 10)
    assert classes.count("ladder-shut") == 20
    assert [node.get("class") for node in april].count("ladder-end") == 1


def test_everything_has_words():
    """No failure, switch or day without a text."""
    assert FAILURES.keys() == set(FailureClass) and SWITCHES.keys() == set(Switch)
    assert HOUSEHOLDS.keys() == set(Household) and dunning_words._KINDS.keys() == set(DayKind)
    assert dunning_words._LETTERS.keys() >= {LetterKind.REMINDER}


def test_the_picture_in_the_docs_is_the_default_ladder():
    """docs/dunning.md shows what the shipped policy does; write the file anew from `drawn` if that changes."""
    shown = course(
        DunningPolicy(),
        FailureClass.SOFT,
        due_on=date(2026, 3, 2),
        zone="America/Toronto",
        currency="CAD",
        owed_minor=5000,
    )
    [(_, march)] = month_pictures(shown)
    drawn = march.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" width="504" ', 1)
    drawn = drawn.replace(">", f"><style>{STYLE}</style>", 1) + "\n"
    assert PICTURE.read_text(encoding="utf-8") == drawn
