"""The page of the audit: owners alone see it, in their language, and every page warns them till books add up."""

import re
from datetime import date

import pytest
from portillon_cloud.audit.check import Finding
from portillon_cloud.audit.operations import SAYS_OF, keep
from portillon_cloud.billing.errors import RunStoppedError
from portillon_cloud.billing.forecast import stops
from portillon_cloud.billing.forecast.tables import run_resumed
from portillon_cloud.identity.roles import Role
from portillon_cloud.locale.words import Words
from sqlalchemy import select

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


def test_a_run_that_stopped_is_told_and_let_go_on(signed_in, csrf, gym):
    """Every page warns the owner; the sentence has the figures; a reason lets it go on, and is kept."""
    stopped = RunStoppedError(
        {"due": 90, "foretold_minor": 5_400_00, "billed_minor": 16_200_00, "repairs": 0}, ["too_much"]
    )
    with gym.services.db.write() as conn:
        stops.write_down(conn, gym.organisation_id, gym.legal_entity_id, stopped, on=date(2025, 3, 12), now_ms=1)
    owner = signed_in(Role.OWNER)
    assert "Invoicing stands still" in owner.get("/unpaid").text
    assert "Invoicing stands still" not in signed_in(Role.DESK).get("/unpaid").text
    shown = owner.get("/audit").text
    assert "90 subscriptions were due, for about $5,400.00. The run would have billed $16,200.00." in shown
    form = {"csrf": csrf(shown), "reason": "New prices since yesterday"}
    assert owner.post("/audit/stopped-runs/1", data={**form, "reason": " "}).status_code == 422
    assert owner.post("/audit/stopped-runs/1", data=form).status_code == 303
    assert "Invoicing stands still" not in owner.get("/unpaid").text
    with gym.services.db.read() as conn:
        assert conn.execute(select(run_resumed.c.by, run_resumed.c.reason)).one() == ("Camille owner", form["reason"])


def test_stopped_runs_over_the_api(client, gym):
    """The same for programs; what went on is not there any more, and bounds are chosen there."""
    stopped = RunStoppedError({"due": 9, "foretold_minor": 0, "billed_minor": 0, "repairs": 50}, ["too_many_repairs"])
    with gym.services.db.write() as conn:
        stops.write_down(conn, gym.organisation_id, gym.legal_entity_id, stopped, on=date(2025, 3, 12), now_ms=1)
    send = {"headers": {"authorization": f"Bearer {gym.keys[Role.OWNER]}"}}
    [one] = client.get("/api/v1/stopped-runs", **send).json()
    assert (one["leavings"], one["figures"]["repairs"], one["currency"]) == (["too_many_repairs"], 50, "CAD")
    go_on = f"/api/v1/stopped-runs/{one['id']}/confirm"
    desk = {"headers": {"authorization": f"Bearer {gym.keys[Role.DESK]}"}}
    assert client.post(go_on, json={"reason": "looked"}, **desk).status_code == 403
    assert client.post(go_on, json={"reason": "looked"}, **send).status_code == 204
    assert client.post(go_on, json={"reason": "looked"}, **send).status_code == 404
    assert client.get("/api/v1/stopped-runs", **send).json() == []
    bounds = {**client.get("/api/v1/forecast-policy", **send).json(), "repairs_least": 7}
    assert client.put("/api/v1/forecast-policy", json=bounds, **send).status_code == 204
    assert client.get("/api/v1/forecast-policy", **send).json() == bounds


@pytest.mark.parametrize("code", sorted(SAYS_OF))
def test_every_sentence_is_in_french_with_the_same_facts(code):
    """A translation fills the same places, so that no number is lost."""
    said = Words("fr", "CA", "America/Toronto").say(SAYS_OF[code])
    assert said != SAYS_OF[code]
    assert set(PLACE.findall(said)) == set(PLACE.findall(SAYS_OF[code]))
