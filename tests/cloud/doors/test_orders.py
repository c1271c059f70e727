"""Orders, plans and commands: at the site's gateways at once, with a name, and of nobody else's doors."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from cloud.gateways.conftest import Gym, build_gym
from cloud.gateways.pretend_gateway import PretendGateway
from portillon_cloud import outbox
from portillon_cloud.access.errors import UnknownSiteError
from portillon_cloud.access.tables import schedule
from portillon_cloud.database import Database
from portillon_cloud.doors.errors import OrderOverError, UnknownDoorError, UnknownScheduleError
from portillon_cloud.doors.operations import open_once, order, orders_given, orders_in_force, plan, reset_fire
from portillon_cloud.gateways.commands import commands
from portillon_cloud.gateways.errors import GatewayAwayError
from portillon_cloud.identity.principal import Principal, PrincipalKind
from portillon_cloud.identity.roles import Role
from portillon_cloud.members.operations import DoorRights, set_door_rights
from portillon_rules.door_plan import EVERY_DOOR, Standing
from portillon_rules.entitlement import Entitlement
from portillon_wire.commands import LIFE_MS_MAX, Action
from portillon_wire.messages import DoorHealth, Reported, encode
from portillon_wire.topics import Down, Up, down, up
from sqlalchemy import insert


@pytest.fixture
def gym(db: Database, clock: Any) -> Gym:
    """A live gym whose gateway has two doors."""
    return build_gym(db, clock)


@pytest.fixture
def front(gym: Gym) -> PretendGateway:
    gateway = gym.enrol()
    gym.talk(gateway.birth(), gateway)
    report = Reported(
        boot_id="boot-1", devices=(), journal_pending=0, journal_writable=True, rules_version="3", software="pretend",
        at_ms=None, doors=(
            DoorHealth(name="lane-1", kind="turnstile_lane", state="idle"),
            DoorHealth(name="back", kind="door", state="locked", standing="free", open=True, troubles=("door_held",)),
        ),
    )  # fmt: skip
    gym.talk([(up("front", Up.REPORTED), encode(report))], gateway)
    return gateway


def clerk(gym: Gym, role: Role = Role.DESK) -> Principal:
    return Principal(
        kind=PrincipalKind.STAFF, id=3, organisation_id=gym.organisation_id, name="Ana", role=role, language="en"
    )


def give(gym: Gym, door: str, standing: Standing | None, **more: Any) -> None:
    now_ms = gym.clock.real_ms()
    with gym.db.write() as conn:
        order(
            conn, principal=clerk(gym), site_id=gym.site_id, door=door, standing=standing, now_ms=now_ms,
            real_ms=now_ms, **more,
        )  # fmt: skip


def test_a_lockdown_is_a_row_of_the_feed_until_it_is_withdrawn(gym: Gym, front: PretendGateway) -> None:
    """Signed, numbered, with a staff id and no name; withdrawn, the row is gone; and both are in the record."""
    give(gym, EVERY_DOOR, Standing.LOCKDOWN)
    gym.talk([], front)
    body = b'{"by":"staff:3","standing":"lockdown","until_ms":null}'
    assert front.rows["door_order", EVERY_DOOR] == body
    give(gym, EVERY_DOOR, None)
    gym.talk([], front)
    assert ("door_order", EVERY_DOOR) not in front.rows
    with gym.db.read() as conn:
        given = [(one.standing, one.given_by) for one in orders_given(conn, gym.site_id, limit=9)]
    assert given == [(None, "Ana"), (Standing.LOCKDOWN, "Ana")]


def test_an_order_looks_at_no_account(gym: Gym, front: PretendGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lockdown waits for nobody's dues to be added up: one entry with one row, in one round."""
    gym.add_members(3)
    gym.talk([], front)
    looked_at: list[Any] = []
    monkeypatch.setattr(
        "portillon_cloud.gateways.differences.rows_for_accounts",
        lambda *_, account_ids, **__: looked_at.extend(account_ids) or {},
    )
    count = len(front.entries)
    give(gym, "lane-1", Standing.BLOCKED)
    gym.talk([], front)
    (entry,) = front.entries[count:]
    assert [change.key for change in entry.changes] == ["lane-1"] and looked_at == []


def test_ablation_with_everything_changed_all_accounts_are_looked_at(
    gym: Gym, front: PretendGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The outbox's row for rules alone is what spares them."""
    gym.add_members(3)
    gym.talk([], front)
    looked_at: list[int] = []
    monkeypatch.setattr(
        "portillon_cloud.gateways.differences.rows_for_accounts",
        lambda *_, account_ids, **__: looked_at.extend(account_ids) or {},
    )
    monkeypatch.setattr(outbox, "site_rules_changed", lambda conn, org, _: outbox.everything_changed(conn, org))
    give(gym, "lane-1", Standing.BLOCKED)
    gym.talk([], front)
    assert sorted(looked_at) == sorted(gym.accounts)


def test_a_new_gateway_learns_the_orders_with_its_snapshot(gym: Gym, front: PretendGateway) -> None:
    """A lockdown holds for a gateway that was enrolled after it."""
    give(gym, EVERY_DOOR, Standing.LOCKDOWN)
    second = gym.enrol("second")
    gym.talk(second.birth(), front, second)
    assert ("door_order", EVERY_DOOR) in second.rows


def test_an_order_ends_by_itself_and_a_later_one_takes_its_place(gym: Gym, front: PretendGateway) -> None:
    """One order per door; what is over is not in force, and cannot be given."""
    now_ms = gym.clock.real_ms()
    give(gym, "back", Standing.FREE, until_ms=now_ms + 60_000)
    give(gym, "back", Standing.BLOCKED, until_ms=now_ms + 90_000)
    with gym.db.read() as conn:
        (found,) = orders_in_force(conn, gym.site_id, now_ms=now_ms).values()
        assert (found.standing, found.until_ms) == (Standing.BLOCKED, now_ms + 90_000)
        assert orders_in_force(conn, gym.site_id, now_ms=now_ms + 90_000) == {}
    with pytest.raises(OrderOverError):
        give(gym, "back", Standing.FREE, until_ms=now_ms)


def test_a_door_is_planned_by_a_schedule_that_exists(gym: Gym, front: PretendGateway) -> None:
    """The plan travels; a door or a schedule that nobody knows is refused."""
    with gym.db.write() as conn:
        conn.execute(
            insert(schedule).values(
                organisation_id=gym.organisation_id,
                site_id=gym.site_id,
                name="mornings",
                body={"windows": [[0, 360, 720]], "closed_on": []},
            )
        )

    def give_plan(door: str, unlock: str | None) -> None:
        with gym.db.write() as conn:
            plan(
                conn, organisation_id=gym.organisation_id, site_id=gym.site_id, door=door, unlock=unlock,
                first_person=True,
            )  # fmt: skip

    give_plan("back", "mornings")
    gym.talk([], front)
    assert front.rows["door_plan", "back"] == b'{"first_person":true,"unlock":"mornings"}'
    with pytest.raises(UnknownScheduleError):
        give_plan("back", "evenings")
    with pytest.raises(UnknownDoorError):
        give_plan("side", "mornings")
    give_plan("back", None)
    gym.talk([], front)
    assert ("door_plan", "back") not in front.rows


def test_a_door_is_opened_once_by_the_gateway_that_has_it(gym: Gym, front: PretendGateway) -> None:
    """Signed by the command key, published once, answered, and kept with who gave it."""
    with gym.db.write() as conn:
        open_once(
            conn, gym.keyring, principal=clerk(gym), site_id=gym.site_id, door="lane-1", real_ms=gym.clock.real_ms()
        )
    messages = gym.link.tick()
    (sent,) = [one for one in messages if one.topic == down("front", Down.COMMAND)]
    assert sent.expiry_s == LIFE_MS_MAX // 1000
    assert [one for one in gym.link.tick() if one.topic.endswith("command")] == []
    gym.talk(front.receive([sent]), front)
    (taken,) = front.commands
    assert (taken.action, taken.door, taken.by) == (Action.OPEN_DOOR, "lane-1", "staff:3")
    with gym.db.read() as conn:
        (kept,) = commands(conn, gym.organisation_id, site_id=gym.site_id, limit=9)
    assert (kept.outcome, kept.given_by) == ("taken", "Ana")


def test_counters_rise_even_after_a_restored_backup(gym: Gym, front: PretendGateway) -> None:
    """Two in one millisecond differ; one after all were forgotten is higher than any before."""

    def give_two() -> None:
        for _ in range(2):
            with gym.db.write() as conn:
                reset_fire(conn, gym.keyring, principal=clerk(gym), site_id=gym.site_id, real_ms=gym.clock.real_ms())

    give_two()
    gym.talk([], front)
    with gym.db.write() as conn:
        conn.exec_driver_sql("DELETE FROM command")
    gym.clock.forward(ms=1_000)
    give_two()
    gym.talk([], front)
    counters = [one.counter for one in front.commands]
    assert counters == sorted(set(counters)) and len(counters) == 4


def test_nothing_is_kept_for_a_gateway_that_is_away(gym: Gym, front: PretendGateway) -> None:
    """It would open later, for somebody else. What was given and not published in time goes nowhere either."""

    def give_command() -> None:
        with gym.db.write() as conn:
            open_once(
                conn, gym.keyring, principal=clerk(gym), site_id=gym.site_id, door="back", real_ms=gym.clock.real_ms()
            )

    give_command()
    gym.clock.forward(ms=LIFE_MS_MAX)
    assert [one for one in gym.link.tick() if one.topic.endswith("command")] == []
    gym.link.handle(*front.will())
    with pytest.raises(GatewayAwayError, match="nothing was done"):
        give_command()


def test_the_doors_of_another_gym_do_not_exist(gym: Gym, front: PretendGateway, db: Database, clock: Any) -> None:
    """Neither ordered nor opened by its neighbour's staff."""
    neighbour = build_gym(db, clock)
    tries: list[Callable[[Any], Any]] = [
        lambda conn: order(
            conn,
            principal=clerk(neighbour),
            site_id=gym.site_id,
            door="back",
            standing=Standing.FREE,
            now_ms=1,
            real_ms=1,
        ),
        lambda conn: open_once(
            conn, gym.keyring, principal=clerk(neighbour), site_id=gym.site_id, door="back", real_ms=1
        ),
        lambda conn: reset_fire(conn, gym.keyring, principal=clerk(neighbour), site_id=gym.site_id, real_ms=1),
    ]
    for act in tries:
        with db.write() as conn, pytest.raises(UnknownSiteError):
            act(conn)
    with db.write() as conn, pytest.raises(UnknownDoorError):
        order(
            conn, principal=clerk(neighbour), site_id=neighbour.site_id, door="back", standing=Standing.FREE, now_ms=1,
            real_ms=1,
        )  # fmt: skip


def test_what_doors_do_for_a_person_travels_with_their_card(gym: Gym, front: PretendGateway) -> None:
    """More time, first person and exemption are in the row; taken away, they are not told at all."""
    gym.add_members(1)
    for rights in (DoorRights(long_access=True, lockdown_exempt=True), DoorRights()):
        with gym.db.write() as conn:
            set_door_rights(conn, organisation_id=gym.organisation_id, member_id=gym.members[0], rights=rights)
        gym.talk([], front)
        (body,) = [body for (kind, _), body in front.rows.items() if kind == "entitlement"]
        entitlement = Entitlement.from_body("k", json.loads(body))
        assert (entitlement.long_access, entitlement.first_person, entitlement.lockdown_exempt) == (
            rights.long_access,
            rights.first_person,
            rights.lockdown_exempt,
        )
        assert (b"long_access" in body) is rights.long_access
