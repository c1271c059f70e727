"""Schedules and holidays: at the gateways at once, in an order that never opens, and never taken from under anybody."""

import json
from typing import Any

import pytest
from cloud.gateways.conftest import Gym, build_gym
from cloud.gateways.pretend_gateway import PretendGateway
from portillon_cloud.access.errors import UnknownSiteError
from portillon_cloud.access.operations import site_rows
from portillon_cloud.access.tables import given_right
from portillon_cloud.billing.tables import plan
from portillon_cloud.database import Database
from portillon_cloud.doors.tables import door_plan, door_rule
from portillon_cloud.hours.errors import HoursInUseError, HoursInvalidError, UnknownHoursError
from portillon_cloud.hours.operations import (
    calendars_of,
    drop_calendar,
    drop_schedule,
    put_calendar,
    put_schedule,
    schedules_of,
)
from portillon_cloud.zones.errors import ZoneInUseError
from portillon_cloud.zones.operations import add_zone, drop_zone
from portillon_rules.holidays import HolidayCalendar
from portillon_rules.schedule import HolidayHours, Schedule, Window
from portillon_wire.rows import RowKind
from sqlalchemy import insert, update

DAYS = {"windows": [[0, 540, 960]], "closed_on": [], "holidays": [["quebec", []]]}


@pytest.fixture
def gym(db: Database, clock: Any) -> Gym:
    """A live gym with a calendar."""
    made = build_gym(db, clock)
    made.add_members(1)
    calendar(made, "12-25")
    return made


def calendar(gym: Gym, *days: str) -> None:
    with gym.db.write() as conn:
        put_calendar(
            conn,
            organisation_id=gym.organisation_id,
            site_id=gym.site_id,
            name="quebec",
            days=frozenset(days),
        )


def put(gym: Gym, body: dict[str, Any], name: str = "days") -> None:
    with gym.db.write() as conn:
        put_schedule(conn, organisation_id=gym.organisation_id, site_id=gym.site_id, name=name, body=body)


def drop(gym: Gym, what: Any, name: str) -> None:
    with gym.db.write() as conn:
        what(conn, organisation_id=gym.organisation_id, site_id=gym.site_id, name=name)


def at_gateway(front: PretendGateway, kind: str, name: str) -> Any:
    body = front.rows.get((kind, name))
    return None if body is None else json.loads(body)


def test_hours_are_at_the_gateway_at_once_and_gone_when_they_are_removed(gym: Gym) -> None:
    """What is set is a row that the edge's own class reads; changed, it is one row still; removed, it is none."""
    front = gym.enrol()
    gym.talk(front.birth(), front)
    put(gym, DAYS)
    gym.talk([], front)
    expected = Schedule("days", (Window(0, 540, 960),), holidays=(HolidayHours("quebec"),))
    assert Schedule.from_body("days", at_gateway(front, "schedule", "days")) == expected
    calendar(gym, "12-25", "01-01")
    gym.talk([], front)
    found = HolidayCalendar.from_body("quebec", at_gateway(front, "holidays", "quebec"))
    assert found == HolidayCalendar("quebec", frozenset({"12-25", "01-01"}))
    drop(gym, drop_schedule, "days")
    drop(gym, drop_calendar, "quebec")
    gym.talk([], front)
    assert at_gateway(front, "schedule", "days") is None and at_gateway(front, "holidays", "quebec") is None
    with gym.db.read() as conn:
        assert schedules_of(conn, gym.site_id) == {} and calendars_of(conn, gym.site_id) == {}


def test_calendars_travel_before_the_schedules_that_name_them(gym: Gym) -> None:
    """A gateway that has the one without the other is closed for that long, and it never need be."""
    put(gym, DAYS)
    with gym.db.read() as conn:
        kinds = [row.kind for row in site_rows(conn, gym.site_id)]
    assert kinds.index(RowKind.HOLIDAYS) < kinds.index(RowKind.SCHEDULE)


@pytest.mark.parametrize(
    ("body", "name", "error"),
    [
        ({**DAYS, "windows": [[7, 0, 1]]}, "days", HoursInvalidError),
        ({**DAYS, "closed_on": ["2026-02-29"]}, "days", HoursInvalidError),
        ({"closed_on": []}, "days", HoursInvalidError),
        (DAYS, "always", HoursInvalidError),
        ({**DAYS, "holidays": [["france", []]]}, "days", UnknownHoursError),
    ],
)
def test_hours_that_a_gateway_could_not_go_by_are_refused(
    gym: Gym, body: dict[str, Any], name: str, error: type[Exception]
) -> None:
    """Nothing of them is stored: a row that cannot be read would shut people out."""
    with pytest.raises(error):
        put(gym, body, name)
    with gym.db.read() as conn:
        assert schedules_of(conn, gym.site_id) == {}


def test_a_calendar_of_things_that_are_no_days_is_refused(gym: Gym) -> None:
    """And the one before stays."""
    with pytest.raises(HoursInvalidError, match="02-30"):
        calendar(gym, "02-30")
    with gym.db.read() as conn:
        assert calendars_of(conn, gym.site_id)["quebec"].days == {"12-25"}


def test_nothing_is_removed_that_something_goes_by(gym: Gym) -> None:
    """A plan, a door's plan, a door's PIN hours and a schedule's calendar each hold what they go by."""
    put(gym, DAYS)
    whose = {"organisation_id": gym.organisation_id, "site_id": gym.site_id, "door": "pool"}
    with pytest.raises(HoursInUseError, match="schedule 'days' names"):
        drop(gym, drop_calendar, "quebec")
    with gym.db.write() as conn:
        conn.execute(insert(door_plan).values(**whose, unlock="days", first_person=False))
    with pytest.raises(HoursInUseError, match="door 'pool'"):
        drop(gym, drop_schedule, "days")
    with gym.db.write() as conn:
        conn.execute(update(door_plan).values(unlock="other"))
        asks = {"pin_schedule": "days", "two_people": False, "supervised": False, "minors_alone": False, "within_s": 30}
        conn.execute(insert(door_rule).values(**whose, **asks))
    with pytest.raises(HoursInUseError, match="door 'pool'"):
        drop(gym, drop_schedule, "days")
    with gym.db.write() as conn:
        conn.execute(update(door_rule).values(pin_schedule=None))
        changed = conn.execute(update(plan).values(schedule="days")).rowcount
    if changed:
        with pytest.raises(HoursInUseError, match="plan"):
            drop(gym, drop_schedule, "days")
        with gym.db.write() as conn:
            conn.execute(update(plan).values(schedule="always"))
    drop(gym, drop_schedule, "days")


def test_a_given_right_holds_its_hours_and_its_zone_until_it_is_over(gym: Gym) -> None:
    """Whoever was given a right would stand outside: neither goes before the right has ended."""
    put(gym, DAYS)
    whose = {"organisation_id": gym.organisation_id, "site_id": gym.site_id}
    with gym.db.write() as conn:
        add_zone(conn, **whose, zone="office")
        conn.execute(
            insert(given_right).values(
                organisation_id=gym.organisation_id, member_id=gym.members[0], role="cleaner", zones=["office"],
                schedule="days", from_ms=0, until_ms=1_000, given_by="Camille", reason="evenings",
            )
        )  # fmt: skip
    with gym.db.write() as conn, pytest.raises(HoursInUseError, match="a right of member"):
        drop_schedule(conn, **whose, name="days", now_ms=999)
    with gym.db.write() as conn, pytest.raises(ZoneInUseError, match="a right of member"):
        drop_zone(conn, **whose, zone="office", now_ms=999)
    with gym.db.write() as conn:
        drop_schedule(conn, **whose, name="days", now_ms=1_000)
        drop_zone(conn, **whose, zone="office", now_ms=1_000)


def test_what_is_not_there_cannot_be_removed(gym: Gym) -> None:
    """Neither a schedule nor a calendar of another name."""
    for what in (drop_schedule, drop_calendar):
        with pytest.raises(UnknownHoursError):
            drop(gym, what, "nothing")


def test_hours_of_a_neighbours_site_are_not_there(gym: Gym, db: Database, clock: Any) -> None:
    """Whoever asks with another organisation's name finds no such site."""
    neighbour = build_gym(db, clock)
    with db.write() as conn, pytest.raises(UnknownSiteError):
        put_schedule(conn, organisation_id=neighbour.organisation_id, site_id=gym.site_id, name="days", body=DAYS)
