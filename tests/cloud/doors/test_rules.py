"""What doors ask of whoever comes: at the site's gateways at once, with today's supervisors, as the edge reads it."""

import json
from typing import Any

import pytest
from cloud.gateways.conftest import Gym, build_gym
from cloud.gateways.pretend_gateway import PretendGateway
from portillon_cloud.access.errors import UnknownSiteError
from portillon_cloud.access.tables import schedule
from portillon_cloud.database import Database
from portillon_cloud.doors.errors import DoorRuleError, UnknownDoorError, UnknownScheduleError
from portillon_cloud.doors.rules import AskedAtDoor, asked_of, set_asked
from portillon_cloud.hours.errors import HoursInUseError
from portillon_cloud.hours.operations import drop_schedule, put_schedule
from portillon_cloud.members.operations import DoorRights, set_door_rights
from portillon_rules.door_rule import DoorRule
from portillon_rules.reserved import Reserved
from portillon_wire.messages import DoorHealth, Reported, encode
from portillon_wire.topics import Up, up
from sqlalchemy import insert


@pytest.fixture
def gym(db: Database, clock: Any) -> Gym:
    """A live gym with three members."""
    made = build_gym(db, clock)
    made.add_members(3)
    return made


@pytest.fixture
def front(gym: Gym) -> PretendGateway:
    gateway = gym.enrol()
    gym.talk(gateway.birth(), gateway)
    doors = tuple(DoorHealth(name=name, kind="door", state="locked") for name in ("vault", "pool"))
    report = Reported(
        boot_id="boot-1", devices=(), journal_pending=0, journal_writable=True, rules_version="3", software="pretend",
        at_ms=None, doors=doors,
    )  # fmt: skip
    gym.talk([(up("front", Up.REPORTED), encode(report))], gateway)
    return gateway


def ask(gym: Gym, door: str, asked: AskedAtDoor | None) -> None:
    with gym.db.write() as conn:
        set_asked(conn, organisation_id=gym.organisation_id, site_id=gym.site_id, door=door, asked=asked)


def supervise(gym: Gym, member_id: int, supervisor: bool) -> None:
    with gym.db.write() as conn:
        set_door_rights(
            conn, organisation_id=gym.organisation_id, member_id=member_id, rights=DoorRights(supervisor=supervisor)
        )


def rule_at(front: PretendGateway, door: str) -> DoorRule | None:
    body = front.rows.get(("door_rule", door))
    return None if body is None else DoorRule.from_body(door, json.loads(body))


def test_what_a_door_asks_is_a_row_of_the_feed_until_it_asks_for_nothing(gym: Gym, front: PretendGateway) -> None:
    """Set, it is at the gateway as the edge's own class reads it; changed, it is one row still; ended, it is gone."""
    ask(gym, "vault", AskedAtDoor(two_people=True, within_s=15))
    gym.talk([], front)
    assert rule_at(front, "vault") == DoorRule(door="vault", two_people=True, within_s=15)
    ask(gym, "vault", AskedAtDoor(minors_alone=True))
    gym.talk([], front)
    assert rule_at(front, "vault") == DoorRule(door="vault", minors_alone=True)
    ask(gym, "vault", None)
    gym.talk([], front)
    assert rule_at(front, "vault") is None
    with gym.db.read() as conn:
        assert asked_of(conn, gym.site_id) == {}


def test_a_supervised_door_names_whoever_supervises_today(gym: Gym, front: PretendGateway) -> None:
    """Whoever becomes a supervisor is in the row at once, and out of it again when they are none."""
    ask(gym, "pool", AskedAtDoor(supervised=True))
    gym.talk([], front)
    nobody = rule_at(front, "pool")
    assert nobody is not None and nobody.supervisors == ()
    first, second, _ = gym.members
    for member_id, supervisor, named in (
        (second, True, {second}),
        (first, True, {first, second}),
        (second, False, {first}),
    ):
        supervise(gym, member_id, supervisor)
        gym.talk([], front)
        rule = rule_at(front, "pool")
        assert rule is not None and set(rule.supervisors or ()) == {str(one) for one in named}


def test_a_door_that_asks_for_no_supervisor_names_none(gym: Gym, front: PretendGateway) -> None:
    """Not needed is not the same as nobody: the row says null."""
    supervise(gym, gym.members[0], True)
    ask(gym, "vault", AskedAtDoor(two_people=True))
    gym.talk([], front)
    assert b'"supervisors":null' in front.rows["door_rule", "vault"]


def test_a_pin_is_asked_by_a_schedule_that_exists(gym: Gym, front: PretendGateway) -> None:
    """A schedule of the site travels by its name; another name is refused, and changes nothing."""
    with gym.db.write() as conn:
        conn.execute(
            insert(schedule).values(
                organisation_id=gym.organisation_id,
                site_id=gym.site_id,
                name="nights",
                body={"windows": [[0, 1320, 1440]], "closed_on": []},
            )
        )
    ask(gym, "vault", AskedAtDoor(pin_schedule="nights"))
    with pytest.raises(UnknownScheduleError, match="evenings"):
        ask(gym, "vault", AskedAtDoor(pin_schedule="evenings"))
    gym.talk([], front)
    assert rule_at(front, "vault") == DoorRule(door="vault", pin_schedule="nights")


def test_a_door_waits_for_nobody_for_ever(gym: Gym, front: PretendGateway) -> None:
    """What the gateway would refuse to read is refused here, with the bounds."""
    for within_s in (0, 601):
        with pytest.raises(DoorRuleError, match="1 to 600"):
            ask(gym, "vault", AskedAtDoor(within_s=within_s))


def test_nobody_asks_anything_at_a_neighbours_door(gym: Gym, front: PretendGateway, db: Database, clock: Any) -> None:
    """Another gym's site, and a door that nobody has reported, are not there; their supervisors are not named."""
    neighbour = build_gym(db, clock)
    neighbour.add_members(1)
    supervise(neighbour, neighbour.members[0], True)
    with db.write() as conn, pytest.raises(UnknownSiteError):
        set_asked(conn, organisation_id=neighbour.organisation_id, site_id=gym.site_id, door="vault")
    with pytest.raises(UnknownDoorError):
        ask(gym, "cellar", AskedAtDoor())
    ask(gym, "pool", AskedAtDoor(supervised=True))
    gym.talk([], front)
    rule = rule_at(front, "pool")
    assert rule is not None and rule.supervisors == ()


def test_hours_of_one_group_are_at_the_door(gym: Gym, front: PretendGateway) -> None:
    """They travel as the edge reads them; hours that the site lacks are refused, and those in use are not removed."""
    women = Reserved("women-only", "women")
    with pytest.raises(UnknownScheduleError):
        ask(gym, "pool", AskedAtDoor(reserved=(women,)))
    of_site = {"organisation_id": gym.organisation_id, "site_id": gym.site_id, "name": "women-only"}
    with gym.db.write() as conn:
        put_schedule(conn, **of_site, body={"windows": [[6, 540, 660]], "closed_on": []})
    ask(gym, "pool", AskedAtDoor(reserved=(women,)))
    gym.talk([], front)
    assert rule_at(front, "pool") == DoorRule(door="pool", reserved=(women,))
    with gym.db.write() as conn, pytest.raises(HoursInUseError, match="'pool' is reserved"):
        drop_schedule(conn, **of_site)
