"""Change what doors do for a member beyond opening, with a name to each change."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

from sqlalchemy import Connection, insert, select

from portillon_cloud.doors.tables import door_rights_change
from portillon_cloud.identity.principal import Principal
from portillon_cloud.members.errors import UnknownMemberError
from portillon_cloud.members.operations import DoorRights, set_door_rights
from portillon_cloud.members.tables import member

_RIGHTS = tuple(field.name for field in fields(DoorRights))


@dataclass(frozen=True, slots=True, kw_only=True)
class RightsChange:
    """What the member had from then on. `at_ms` is business time."""

    rights: tuple[str, ...]
    given_by: str
    at_ms: int


def change_rights(
    conn: Connection, *, principal: Principal, member_id: int, rights: DoorRights, now_ms: int, real_ms: int
) -> None:
    """Set them for a member of the principal's organisation; what changes nothing is not written down.

    Raises UnknownMemberError.
    """
    had = conn.execute(
        select(*(member.c[name] for name in _RIGHTS)).where(
            member.c.id == member_id, member.c.organisation_id == principal.organisation_id
        )
    ).one_or_none()
    set_door_rights(conn, organisation_id=principal.organisation_id, member_id=member_id, rights=rights)
    given = [name for name, has in asdict(rights).items() if has]
    if had is None or given == [name for name, has in had._mapping.items() if has]:
        return
    conn.execute(
        insert(door_rights_change).values(
            organisation_id=principal.organisation_id,
            member_id=member_id,
            rights=given,
            at_ms=now_ms,
            at_real_ms=real_ms,
            given_by=principal.name,
            given_by_id=principal.staff_id,
        )
    )


def rights_changes(conn: Connection, organisation_id: int, *, member_id: int, limit: int) -> Sequence[RightsChange]:
    """The latest changes for a member, newest first. Raises UnknownMemberError."""
    known = select(member.c.id).where(member.c.id == member_id, member.c.organisation_id == organisation_id)
    if conn.scalar(known) is None:
        raise UnknownMemberError(f"there is no member {member_id} in your organisation")
    change = door_rights_change.c
    rows = conn.execute(
        select(change.rights, change.given_by, change.at_ms)
        .where(change.organisation_id == organisation_id, change.member_id == member_id)
        .order_by(change.id.desc())
        .limit(limit)
    )
    return [RightsChange(rights=tuple(row.rights), given_by=row.given_by, at_ms=row.at_ms) for row in rows]
