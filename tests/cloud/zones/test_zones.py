"""Zones' rules and forgiveness: at the site's gateways at once, as the edge's own classes read them."""

import json
from dataclasses import replace
from typing import Any

import pytest
from cloud.gateways.conftest import Gym, build_gym
from cloud.gateways.pretend_gateway import PretendGateway
from portillon_cloud.access.errors import UnknownSiteError
from portillon_cloud.billing.tables import plan
from portillon_cloud.database import Database
from portillon_cloud.identity.principal import Principal, PrincipalKind
from portillon_cloud.identity.roles import Role
from portillon_cloud.members.errors import UnknownMemberError
from portillon_cloud.zones import rows as zone_rows_module
from portillon_cloud.zones.api import RuleBody
from portillon_cloud.zones.errors import UnknownZoneError, ZoneInUseError, ZoneRuleError
from portillon_cloud.zones.forgiving import forgive, forgivenesses
from portillon_cloud.zones.operations import add_zone, drop_zone, drop_zone_rule, put_zone_rule, zones_of
from portillon_cloud.zones.tables import forgiveness
from portillon_rules.presence import Forgiven
from portillon_rules.zone_rule import EVERY_ZONE, Strictness, ZoneRule
from sqlalchemy import delete, insert
from sqlalchemy.exc import DatabaseError

HARD = {"passback": "hard", "passback_minutes": 120, "passback_after": "soft", "reset_hour": 4}


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
    return gateway


def put(gym: Gym, body: dict[str, Any], zone: str = "gym") -> ZoneRule:
    with gym.db.write() as conn:
        return put_zone_rule(conn, organisation_id=gym.organisation_id, site_id=gym.site_id, zone=zone, body=body)


def on_zone(gym: Gym, what: Any, zone: str) -> None:
    with gym.db.write() as conn:
        what(conn, organisation_id=gym.organisation_id, site_id=gym.site_id, zone=zone)


def desk(gym: Gym) -> Principal:
    return Principal(
        kind=PrincipalKind.STAFF,
        id=7,
        organisation_id=gym.organisation_id,
        name="Camille",
        role=Role.DESK,
        language="fr",
    )


def let_begin_anew(gym: Gym, member_id: int, *, note: str = "Jumped out", site_id: int | None = None) -> int:
    now_ms: int = gym.clock.real_ms()
    with gym.db.write() as conn:
        forgive(
            conn,
            principal=desk(gym),
            member_id=member_id,
            note=note,
            site_id=site_id,
            now_ms=now_ms,
            real_ms=now_ms,
        )
    return now_ms


def keys_of(front: PretendGateway, kind: str) -> dict[str, Any]:
    return {key: json.loads(body) for (found, key), body in front.rows.items() if found == kind}


def test_a_zones_rule_is_at_the_gateway_at_once_and_gone_when_it_is_removed(gym: Gym, front: PretendGateway) -> None:
    """Set, it is the rule that the edge's own class reads; changed, it is one row still; removed, it is none."""
    put(gym, HARD)
    gym.talk([], front)
    expected = ZoneRule(
        zone="gym",
        passback=Strictness.HARD,
        passback_minutes=120,
        passback_after=Strictness.SOFT,
        reset_hour=4,
    )
    assert ZoneRule.from_body("gym", keys_of(front, "zone_rule")["gym"]) == expected
    put(gym, {**HARD, "capacity": 40, "almost_full": 36})
    gym.talk([], front)
    found = ZoneRule.from_body("gym", keys_of(front, "zone_rule")["gym"])
    assert found == replace(expected, capacity=40, almost_full=36)
    on_zone(gym, drop_zone_rule, "gym")
    gym.talk([], front)
    assert keys_of(front, "zone_rule") == {}


def test_the_api_names_every_key_of_a_rule() -> None:
    """A new key of ZoneRule cannot be set over the API until it stands there with its bounds and words."""
    known = set(ZoneRule.__dataclass_fields__) - {"zone"}
    assert set(RuleBody.model_fields) == known
    assert all(field.description for field in RuleBody.model_fields.values())
    nothing = ZoneRule(zone="gym")
    assert ZoneRule.from_body("gym", RuleBody().model_dump(mode="json")) == nothing


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"passback": "sometimes"}, ZoneRuleError),
        ({"reset_hour": 24}, ZoneRuleError),
        ({"capacity": 0}, ZoneRuleError),
        ({"capacity": 10, "almost_full": 11}, ZoneRuleError),
        ({"capacity": "many"}, ZoneRuleError),
        ({"within": "cellar"}, UnknownZoneError),
        ({"within": "gym"}, ZoneRuleError),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(gym: Gym, body: dict[str, Any], error: type[Exception]) -> None:
    """Nothing of it is stored: a row that cannot be read would be a rule that does not hold."""
    with pytest.raises(error):
        put(gym, body)
    with gym.db.read() as conn:
        assert zone_rows_module.zone_rules_of(conn, gym.site_id) == {}


def test_a_capacity_of_the_whole_site_belongs_to_its_outermost_zone(gym: Gym) -> None:
    """What only a zone can have is refused site-wide, with where it belongs."""
    put(gym, {"passback": "soft"}, EVERY_ZONE)
    with pytest.raises(ZoneRuleError, match="outermost"):
        put(gym, {"capacity": 10}, EVERY_ZONE)


def test_zones_do_not_lie_in_each_other_in_a_ring(gym: Gym) -> None:
    """Pool in wet area in pool is refused where it would close."""
    for zone in ("wet", "pool"):
        on_zone(gym, add_zone, zone)
    put(gym, {"within": "gym"}, "wet")
    put(gym, {"within": "wet"}, "pool")
    with pytest.raises(ZoneRuleError, match="gym in pool in wet in gym"):
        put(gym, {"within": "pool"}, "gym")


def test_a_zone_that_something_goes_by_is_not_removed(gym: Gym) -> None:
    """A zone around another, the last zone, and one that a plan opens stay; what nothing names goes with its rule."""
    with pytest.raises(ZoneInUseError, match="last zone"):
        on_zone(gym, drop_zone, "gym")
    for zone in ("sauna", "pool", "pool"):
        on_zone(gym, add_zone, zone)
    put(gym, {"within": "pool"}, "sauna")
    with pytest.raises(ZoneInUseError, match="'sauna' lies in 'pool'"):
        on_zone(gym, drop_zone, "pool")
    on_zone(gym, drop_zone, "sauna")
    values = {"organisation_id": gym.organisation_id, "legal_entity_id": gym.entity_id, "schedule": "always"}
    with gym.db.write() as conn:
        conn.execute(insert(plan).values(**values, code="wet", name="Wet area", zones=["pool"]))
    with pytest.raises(ZoneInUseError, match="Wet area"):
        on_zone(gym, drop_zone, "pool")
    with gym.db.read() as conn:
        assert zones_of(conn, gym.site_id) == ["gym", "pool"]
        assert zone_rows_module.zone_rules_of(conn, gym.site_id) == {}


def test_what_is_not_there_cannot_be_removed_or_ruled(gym: Gym) -> None:
    """Neither a zone nor a rule of another name; a name must be one that a configuration can hold."""
    for what, zone in ((drop_zone, "cellar"), (drop_zone_rule, "gym")):
        with pytest.raises(UnknownZoneError):
            on_zone(gym, what, zone)
    with pytest.raises(UnknownZoneError):
        put(gym, {}, "cellar")
    for name in ("", "the pool", "*", "x" * 65):
        with pytest.raises(ZoneRuleError):
            on_zone(gym, add_zone, name)


def test_whoever_is_forgiven_begins_anew_at_the_gateway_at_once(gym: Gym, front: PretendGateway) -> None:
    """The latest forgiveness of each member is a row, in the edge's own words; all are kept with who and why."""
    put(gym, HARD)
    first, second, _ = gym.members
    let_begin_anew(gym, first)
    gym.clock.forward(ms=60_000)
    later_ms = let_begin_anew(gym, first, note="  Left by the fire exit  ")
    let_begin_anew(gym, second)
    gym.talk([], front)
    found = {Forgiven.from_body(key, body) for key, body in keys_of(front, "forgiven").items()}
    assert found == {Forgiven(str(first), later_ms), Forgiven(str(second), later_ms)}
    with gym.db.read() as conn:
        told = forgivenesses(conn, organisation_id=gym.organisation_id, member_id=first)
    assert [(one.note, one.given_by) for one in told] == [
        ("Left by the fire exit", "Camille"),
        ("Jumped out", "Camille"),
    ]


def test_who_forgave_whom_is_never_rewritten(gym: Gym) -> None:
    """The database itself refuses to change or forget it."""
    let_begin_anew(gym, gym.members[0])
    with pytest.raises(DatabaseError, match="never change"), gym.db.write() as conn:
        conn.execute(delete(forgiveness))


def test_a_site_that_watches_nobody_is_told_of_nobody(gym: Gym, front: PretendGateway) -> None:
    """Without a rule for any zone there is nothing to forgive, and no row travels."""
    let_begin_anew(gym, gym.members[0])
    gym.talk([], front)
    assert keys_of(front, "forgiven") == {}


def test_the_feed_keeps_the_latest_who_were_forgiven(
    gym: Gym, front: PretendGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Gateways hold them all at hand, so there is a bound: who was forgiven longest ago goes first."""
    monkeypatch.setattr(zone_rows_module, "FORGIVEN_MOST", 2)
    put(gym, HARD)
    for member_id in gym.members:
        gym.clock.forward(ms=1_000)
        let_begin_anew(gym, member_id)
    gym.talk([], front)
    assert set(keys_of(front, "forgiven")) == {str(one) for one in gym.members[1:]}


@pytest.mark.parametrize("note", ["", "   ", "x" * 201])
def test_nobody_is_forgiven_without_a_word(gym: Gym, note: str) -> None:
    """Whoever looks at the list later wants to know why."""
    with pytest.raises(ZoneRuleError, match="say why"):
        let_begin_anew(gym, gym.members[0], note=note)


def test_nobody_rules_or_forgives_at_a_neighbours(gym: Gym, db: Database, clock: Any) -> None:
    """Another organisation's site and members are not there."""
    neighbour = build_gym(db, clock)
    neighbour.add_members(1)
    with db.write() as conn, pytest.raises(UnknownSiteError):
        put_zone_rule(conn, organisation_id=neighbour.organisation_id, site_id=gym.site_id, zone="gym", body=HARD)
    with pytest.raises(UnknownMemberError):
        let_begin_anew(neighbour, gym.members[0])
    with pytest.raises(UnknownSiteError):
        let_begin_anew(neighbour, neighbour.members[0], site_id=gym.site_id)
    with db.read() as conn, pytest.raises(UnknownMemberError):
        forgivenesses(conn, organisation_id=neighbour.organisation_id, member_id=gym.members[0])
