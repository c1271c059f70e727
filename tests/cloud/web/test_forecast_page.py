"""How far a run may leave its forecast, on a page: in words, changed by an owner, with the runs that it stopped."""

from datetime import date

from cloud.web.conftest import BUSINESS_MS
from portillon_cloud.billing.errors import RunStoppedError
from portillon_cloud.billing.event_store import Author
from portillon_cloud.billing.forecast import stops
from portillon_cloud.billing.forecast.figures import Bounds
from portillon_cloud.identity.roles import Role

WANTED = {
    "billed_percent_most": "200", "billed_percent_least": "20", "difference": "250,50", "repairs_least": "5",
    "repairs_percent_most": "3",
}  # fmt: skip


def bounds_of(gym) -> Bounds:
    with gym.services.db.read() as conn:
        return stops.bounds_of(conn, gym.organisation_id)


def test_the_bounds_are_said_and_changed(signed_in, gym, csrf):
    """In words as they stand; changed whole, or not at all with what was typed kept; owners alone."""
    owner = signed_in(Role.OWNER)
    html = owner.get("/books/forecast").text
    assert "more than 150% of what was foretold, and at least $1,000.00 more" in html
    assert "No run ever left its forecast." in html
    asked = {"csrf": csrf(html), **WANTED}
    for wrong in ({"billed_percent_most": "100"}, {"repairs_least": ""}, {"difference": "0"}, {"difference": "much"}):
        refused = owner.post("/books/forecast", data={**asked, **wrong})
        assert refused.status_code == 422 and 'value="20"' in refused.text
        assert bounds_of(gym) == Bounds()
    done = owner.post("/books/forecast", data=asked)
    assert done.status_code == 303 and "20 or more lines" not in owner.get(done.headers["location"]).text
    assert bounds_of(gym) == Bounds(
        billed_percent_most=200, billed_percent_least=20, difference_minor_least=250_50, repairs_percent_most=3,
        repairs_least=5,
    )  # fmt: skip
    assert owner.post("/books/forecast", data={**asked, "csrf": "forged"}).status_code == 403
    assert signed_in(Role.DESK).get("/books/forecast").status_code == 403


def test_a_stopped_run_stands_there_until_somebody_says_why(signed_in, gym, csrf):
    """With its figures and a form; let go on, it is told below with who and why."""
    owner = signed_in(Role.OWNER)
    figures = {"due": 12, "foretold_minor": 700_00, "billed_minor": 7_000_00, "repairs": 0}
    with gym.services.db.write() as conn:
        stopped = RunStoppedError(figures, ["too_much"])
        stops.write_down(conn, gym.organisation_id, gym.legal_entity_id, stopped, on=date(2025, 3, 12), now_ms=1)
    html = owner.get("/books/forecast").text
    assert "The run would have billed $7,000.00." in html and "It is right: go on" in html
    form = {"csrf": csrf(html), "reason": "a year at once"}
    assert owner.post("/audit/stopped-runs/1", data=form).status_code == 303
    html = owner.get("/books/forecast").text
    assert "It is right: go on" not in html and "a year at once" in html and "Confirmed" in html


def test_what_passed_by_itself_is_told_too(gym):
    """Newest first, no more than asked for; of another organisation none."""
    with gym.services.db.write() as conn:
        for day in (10, 11):
            stopped = RunStoppedError({"due": 1, "foretold_minor": 0, "billed_minor": 9, "repairs": 0}, ["too_much"])
            on = date(2025, 3, day)
            stops.write_down(conn, gym.organisation_id, gym.legal_entity_id, stopped, on=on, now_ms=1)
            if day == 10:
                author = Author(name="Camille", at_ms=BUSINESS_MS, reason="right")
                stops.confirm(conn, gym.organisation_id, 1, author=author)
            else:
                stops.went_through(conn, gym.organisation_id, gym.legal_entity_id, on=on, now_ms=2)
        found = stops.past_stops(conn, gym.organisation_id, limit=9)
        assert [(one.stop.stopped_on.day, one.confirmed, one.reason) for one in found] == [
            (11, False, None), (10, True, "right"),
        ]  # fmt: skip
        assert len(stops.past_stops(conn, gym.organisation_id, limit=1)) == 1
        assert stops.past_stops(conn, gym.organisation_id + 1, limit=9) == []
