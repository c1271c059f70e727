"""Give doors plans and orders; open one now. All of it reaches the site's gateways at once; all of it has a name."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from portillon_rules.door_plan import EVERY_DOOR, Standing
from portillon_wire.commands import Action
from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from portillon_cloud import outbox
from portillon_cloud.access.errors import UnknownSiteError
from portillon_cloud.access.rule_changes import Changer, note_change
from portillon_cloud.access.rule_kinds import RuleKind
from portillon_cloud.access.tables import schedule
from portillon_cloud.doors.errors import OrderOverError, UnknownDoorError, UnknownScheduleError
from portillon_cloud.doors.states import doors_of
from portillon_cloud.doors.tables import door_order, door_order_change, door_plan
from portillon_cloud.gateways.commands import give_command
from portillon_cloud.gateways.tables import gateway
from portillon_cloud.identity.principal import Principal
from portillon_cloud.members.tables import site
from portillon_cloud.secrets import Keyring


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenOrder:
    """One order, in force or in the past. `standing` None: withdrawn. Instants are business time."""

    door: str
    standing: Standing | None
    until_ms: int | None
    given_by: str
    given_at_ms: int


def order(
    conn: Connection,
    *,
    principal: Principal,
    site_id: int,
    door: str,
    standing: Standing | None,
    until_ms: int | None = None,
    now_ms: int,
    real_ms: int,
) -> None:
    """Let a door (or EVERY_DOOR) stand so until business time `until_ms` or until withdrawn; None: back to its plan.

    Raises UnknownSiteError, UnknownDoorError or OrderOverError.
    """
    require_site(conn, principal.organisation_id, site_id)
    if door != EVERY_DOOR:
        require_door(conn, site_id=site_id, door=door)
    if until_ms is not None and until_ms <= now_ms:
        raise OrderOverError("an order that is over already orders nothing: choose a later end, or none")
    had = conn.execute(delete(door_order).where(door_order.c.site_id == site_id, door_order.c.door == door)).rowcount
    if standing is None and not had:
        return
    whose: dict[str, Any] = {
        "organisation_id": principal.organisation_id,
        "site_id": site_id,
        "door": door,
        "standing": None if standing is None else standing.value,
        "until_ms": until_ms if standing is not None else None,
        "given_by": principal.name,
        "given_by_id": principal.staff_id,
    }
    if standing is not None:
        insert_new = sqlite.insert if conn.dialect.name == "sqlite" else postgresql.insert
        placing = insert_new(door_order).values(**whose, given_at_ms=now_ms)
        # Two people at the same moment: the later word counts, and both are written down.
        conn.execute(
            placing.on_conflict_do_update(
                index_elements=["site_id", "door"],
                set_={
                    name: placing.excluded[name]
                    for name in ("standing", "until_ms", "given_by", "given_by_id", "given_at_ms")
                },
            )
        )
    conn.execute(insert(door_order_change).values(**whose, at_ms=now_ms, at_real_ms=real_ms))
    outbox.site_rules_changed(conn, principal.organisation_id, site_id)


def plan(
    conn: Connection,
    *,
    organisation_id: int,
    site_id: int,
    door: str,
    unlock: str | None,
    first_person: bool = False,
    by: Changer | None = None,
) -> None:
    """Let a door stand unlocked while the schedule `unlock` is open; None: it has no plan and stays locked.

    Raises UnknownSiteError, UnknownDoorError or UnknownScheduleError.
    """
    require_site(conn, organisation_id, site_id)
    require_door(conn, site_id=site_id, door=door)
    if unlock is not None and unlock not in schedules_of(conn, site_id):
        raise UnknownScheduleError(f"site {site_id} has no schedule {unlock!r}")
    of_it = (door_plan.c.site_id == site_id, door_plan.c.door == door)
    had = conn.execute(select(door_plan.c.unlock, door_plan.c.first_person).where(*of_it)).one_or_none()
    note_change(
        conn,
        by,
        RuleKind.DOOR_PLAN,
        door,
        organisation_id=organisation_id,
        site_id=site_id,
        was=None if had is None else dict(had._mapping),
        becomes=None if unlock is None else {"unlock": unlock, "first_person": first_person},
    )
    conn.execute(delete(door_plan).where(*of_it))
    if unlock is not None:
        conn.execute(
            insert(door_plan).values(
                organisation_id=organisation_id, site_id=site_id, door=door, unlock=unlock, first_person=first_person
            )
        )
    outbox.site_rules_changed(conn, organisation_id, site_id)


def open_once(
    conn: Connection, keyring: Keyring, *, principal: Principal, site_id: int, door: str, real_ms: int
) -> int:
    """Have a door opened once, now; returns the command. Raises UnknownDoorError, GatewayAwayError."""
    require_site(conn, principal.organisation_id, site_id)
    return give_command(
        conn,
        keyring,
        principal=principal,
        gateway_id=require_door(conn, site_id=site_id, door=door),
        action=Action.OPEN_DOOR,
        door=door,
        now_ms=real_ms,
    )


def reset_fire(conn: Connection, keyring: Keyring, *, principal: Principal, site_id: int, real_ms: int) -> list[int]:
    """Say to every gateway of the site that the fire is over; returns the commands.

    Raises UnknownSiteError, or GatewayAwayError: then none of them was told.
    """
    require_site(conn, principal.organisation_id, site_id)
    gateways = conn.execute(
        select(gateway.c.id)
        .where(gateway.c.site_id == site_id, gateway.c.revoked_at_ms.is_(None))
        .order_by(gateway.c.id)
    ).scalars()
    return [
        give_command(
            conn,
            keyring,
            principal=principal,
            gateway_id=gateway_id,
            action=Action.RESET_FIRE,
            door=None,
            now_ms=real_ms,
        )
        for gateway_id in gateways.all()
    ]


def orders_in_force(conn: Connection, site_id: int, *, now_ms: int) -> dict[str, GivenOrder]:
    """The orders above the plans, by door; EVERY_DOOR is all of the site."""
    rows = conn.execute(select(door_order).where(door_order.c.site_id == site_id))
    return {
        row.door: GivenOrder(
            door=row.door,
            standing=Standing(row.standing),
            until_ms=row.until_ms,
            given_by=row.given_by,
            given_at_ms=row.given_at_ms,
        )
        for row in rows
        if row.until_ms is None or row.until_ms > now_ms
    }


def orders_given(conn: Connection, site_id: int, *, limit: int) -> Sequence[GivenOrder]:
    """The latest orders at a site, withdrawals too, newest first."""
    rows = conn.execute(
        select(door_order_change)
        .where(door_order_change.c.site_id == site_id)
        .order_by(door_order_change.c.id.desc())
        .limit(limit)
    )
    return [
        GivenOrder(
            door=row.door,
            standing=None if row.standing is None else Standing(row.standing),
            until_ms=row.until_ms,
            given_by=row.given_by,
            given_at_ms=row.at_ms,
        )
        for row in rows
    ]


def schedules_of(conn: Connection, site_id: int) -> list[str]:
    """The names of a site's schedules."""
    rows = conn.execute(select(schedule.c.name).where(schedule.c.site_id == site_id).order_by(schedule.c.name))
    return list(rows.scalars())


def require_door(conn: Connection, *, site_id: int, door: str) -> str:
    """The gateway that has this door. Raises UnknownDoorError."""
    found = next((one for one in doors_of(conn, site_id) if one.name == door), None)
    if found is None:
        raise UnknownDoorError(f"no gateway of site {site_id} has reported a door {door!r}")
    return found.gateway_id


def require_site(conn: Connection, organisation_id: int, site_id: int) -> str:
    """The site's time zone. Raises UnknownSiteError unless the site is of the organisation."""
    found: str | None = conn.execute(
        select(site.c.time_zone).where(site.c.id == site_id, site.c.organisation_id == organisation_id)
    ).scalar_one_or_none()
    if found is None:
        raise UnknownSiteError(f"organisation {organisation_id} has no site {site_id}")
    return found
