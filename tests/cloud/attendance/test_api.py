"""Attendance over /api/v1."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from cloud.gateways.asking import ask_as
from cloud.gateways.gym import NOON_MS
from portillon_cloud.attendance.api import router
from portillon_cloud.attendance.content import Sender
from portillon_cloud.attendance.intake import take_in
from portillon_cloud.database import Database
from portillon_cloud.identity.roles import Role
from portillon_cloud.members.operations import add_account, add_member
from portillon_cloud.members.tables import site
from portillon_wire.messages import JournalBatch, JournalEvent
from sqlalchemy import select

Make = Callable[..., JournalEvent]


@pytest.fixture
def ana(db: Database, sender: Sender, event: Make) -> int:
    """A member who was refused once and came in once on the first of January, at noon UTC."""
    with db.write() as conn:
        entity_id = conn.execute(select(site.c.legal_entity_id)).scalar_one()
        whose = {"organisation_id": sender.organisation_id}
        account_id = add_account(conn, **whose, legal_entity_id=entity_id, name="Ana", language="fr")
        member_id = add_member(
            conn,
            **whose,
            account_id=account_id,
            site_id=sender.site_id,
            first_name="Ana",
            last_name="Lima",
            joined_on=datetime.date(2026, 1, 1),
        )
        events = (
            event(1, "denied", member=str(member_id), reason="outside_schedule"),
            event(2, "granted", member=str(member_id)),
            event(3, "passage", member=str(member_id)),
        )
        take_in(conn, JournalBatch(journal_id="j1", events=events), sender=sender, now_ms=NOON_MS)
    return member_id


def test_a_sites_day_is_by_its_own_hours(db: Database, clock: Any, sender: Sender, ana: int) -> None:
    """Noon in UTC is seven in Montréal; another day has nothing; an absurd date is refused."""
    desk = ask_as(Role.DESK, sender.organisation_id, router, db=db, clock=clock)
    day = desk.get(f"/sites/{sender.site_id}/attendance", params={"on": "2026-01-01"}).json()
    assert day["by_hour"][7] == day["passages"] == 1
    assert (day["granted"], day["denied"], day["denied_by_reason"]) == (1, 1, {"outside_schedule": 1})
    assert desk.get(f"/sites/{sender.site_id}/attendance", params={"on": "2026-01-02"}).json()["passages"] == 0
    assert desk.get(f"/sites/{sender.site_id}/attendance", params={"on": "9999-12-31"}).status_code == 422


def test_badges_and_visits(db: Database, clock: Any, sender: Sender, ana: int) -> None:
    """A given name and an initial at the door; the member's own history for those who may see members."""
    desk = ask_as(Role.DESK, sender.organisation_id, router, db=db, clock=clock)
    badges = desk.get(f"/sites/{sender.site_id}/badges").json()
    assert [(one["who"], one["outcome"], one["reason"]) for one in badges] == [
        ("Ana L.", "passed", None),
        ("Ana L.", "denied", "outside_schedule"),
    ]
    assert [one["kind"] for one in desk.get(f"/members/{ana}/visits").json()] == ["passage", "denied"]
    technician = ask_as(Role.TECHNICIAN, sender.organisation_id, router, db=db, clock=clock)
    assert technician.get(f"/members/{ana}/visits").status_code == 403


def test_another_organisation_finds_nothing(db: Database, clock: Any, sender: Sender, ana: int) -> None:
    """Sites and members of others look as if they did not exist."""
    other = ask_as(Role.OWNER, sender.organisation_id + 1, router, db=db, clock=clock)
    for path in (f"/sites/{sender.site_id}/attendance", f"/sites/{sender.site_id}/badges", f"/members/{ana}/visits"):
        assert other.get(path).status_code == 404
