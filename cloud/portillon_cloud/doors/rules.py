"""Say what a door asks of whoever comes, beyond a card that opens it. It reaches the site's gateways at once."""

from dataclasses import asdict, dataclass

from portillon_rules.door_rule import COMPANY_WITHIN_S, COMPANY_WITHIN_S_MAX, DoorRule
from portillon_rules.reserved import RESERVED_MAX, Reserved, reserved_from
from sqlalchemy import Connection, delete, insert, select

from portillon_cloud import outbox
from portillon_cloud.access.rule_changes import Changer, note_change
from portillon_cloud.access.rule_kinds import RuleKind
from portillon_cloud.doors.errors import DoorRuleError, UnknownScheduleError
from portillon_cloud.doors.operations import require_door, require_site, schedules_of
from portillon_cloud.doors.tables import door_rule
from portillon_cloud.members.tables import member

__all__ = ["COMPANY_WITHIN_S", "COMPANY_WITHIN_S_MAX", "AskedAtDoor", "asked_of", "door_rules", "set_asked"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedAtDoor:
    """As DoorRule, but for `supervised`: one of the organisation's supervisors must be there, whoever they are then."""

    pin_schedule: str | None = None
    two_people: bool = False
    supervised: bool = False
    minors_alone: bool = False
    within_s: int = COMPANY_WITHIN_S
    reserved: tuple[Reserved, ...] = ()


def set_asked(
    conn: Connection,
    *,
    organisation_id: int,
    site_id: int,
    door: str,
    asked: AskedAtDoor | None = None,
    by: Changer | None = None,
) -> None:
    """From now on the door asks for this; None: for nothing.

    Raises UnknownSiteError, UnknownDoorError, UnknownScheduleError or DoorRuleError.
    """
    require_site(conn, organisation_id, site_id)
    require_door(conn, site_id=site_id, door=door)
    if asked is not None:
        named = {one.schedule for one in asked.reserved} | ({asked.pin_schedule} - {None})
        if unknown := named - set(schedules_of(conn, site_id)):
            raise UnknownScheduleError(f"site {site_id} has no schedule {min(map(str, unknown))!r}")
        if len(asked.reserved) > RESERVED_MAX:
            raise DoorRuleError(f"{len(asked.reserved)} reserved hours: a door has {RESERVED_MAX} at most")
        if not 1 <= asked.within_s <= COMPANY_WITHIN_S_MAX:
            raise DoorRuleError(f"people wait 1 to {COMPANY_WITHIN_S_MAX} seconds for each other, not {asked.within_s}")
    note_change(
        conn,
        by,
        RuleKind.DOOR_RULE,
        door,
        organisation_id=organisation_id,
        site_id=site_id,
        was=None if (had := asked_of(conn, site_id).get(door)) is None else asdict(had),
        becomes=None if asked is None else asdict(asked),
    )
    conn.execute(delete(door_rule).where(door_rule.c.site_id == site_id, door_rule.c.door == door))
    if asked is not None:
        conn.execute(
            insert(door_rule).values(organisation_id=organisation_id, site_id=site_id, door=door, **asdict(asked))
        )
    outbox.site_rules_changed(conn, organisation_id, site_id)


def asked_of(conn: Connection, site_id: int) -> dict[str, AskedAtDoor]:
    """What each door of a site asks for; a door that asks for nothing is not in it."""
    rows = conn.execute(select(door_rule).where(door_rule.c.site_id == site_id).order_by(door_rule.c.door))
    return {
        row.door: AskedAtDoor(
            pin_schedule=row.pin_schedule,
            two_people=row.two_people,
            supervised=row.supervised,
            minors_alone=row.minors_alone,
            within_s=row.within_s,
            reserved=reserved_from(row.reserved),
        )
        for row in rows
    }


def door_rules(conn: Connection, site_id: int) -> list[DoorRule]:
    """The same as gateways take it, with the supervisors of today by name."""
    asked = asked_of(conn, site_id)
    supervisors = _supervisors(conn, site_id) if any(one.supervised for one in asked.values()) else ()
    return [
        DoorRule(
            door=door,
            pin_schedule=one.pin_schedule,
            two_people=one.two_people,
            supervisors=supervisors if one.supervised else None,
            minors_alone=one.minors_alone,
            within_s=one.within_s,
            reserved=one.reserved,
        )
        for door, one in asked.items()
    ]


def _supervisors(conn: Connection, site_id: int) -> tuple[str, ...]:
    organisation_id = select(door_rule.c.organisation_id).where(door_rule.c.site_id == site_id).limit(1)
    rows = conn.execute(
        select(member.c.id)
        .where(member.c.organisation_id == organisation_id.scalar_subquery(), member.c.supervisor)
        .order_by(member.c.id)
    )
    return tuple(str(one) for one in rows.scalars())
