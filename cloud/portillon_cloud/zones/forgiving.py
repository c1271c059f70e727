"""Staff let a member begin anew: they jumped out through the staff door, or somebody else went in on their card."""

from dataclasses import dataclass

from sqlalchemy import Connection, insert, select

from portillon_cloud import outbox
from portillon_cloud.access.errors import UnknownSiteError
from portillon_cloud.identity.principal import Principal
from portillon_cloud.members.errors import UnknownMemberError
from portillon_cloud.members.tables import member, site
from portillon_cloud.zones.errors import ZoneRuleError
from portillon_cloud.zones.tables import NOTE_LENGTH, forgiveness

SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenForgiveness:
    """Once forgiven: where, when (business time), by whom and why."""

    site: str
    time_zone: str
    at_ms: int
    given_by: str
    note: str


def forgive(
    conn: Connection,
    *,
    principal: Principal,
    member_id: int,
    note: str,
    site_id: int | None = None,
    now_ms: int,
    real_ms: int,
) -> None:
    """Where they were until business time `now_ms` no longer counts at the site; None: the member's own.

    Raises UnknownMemberError, UnknownSiteError or ZoneRuleError.
    """
    note = note.strip()
    if not 1 <= len(note) <= NOTE_LENGTH:
        raise ZoneRuleError(f"say why in 1 to {NOTE_LENGTH} characters: whoever looks later wants to know")
    home = _home_of(conn, principal.organisation_id, member_id)
    where = home if site_id is None else site_id
    ours = select(site.c.id).where(site.c.organisation_id == principal.organisation_id, site.c.id == where)
    if conn.scalar(ours) is None:
        raise UnknownSiteError(f"organisation {principal.organisation_id} has no site {where}")
    conn.execute(
        insert(forgiveness).values(
            organisation_id=principal.organisation_id,
            site_id=where,
            member_id=member_id,
            at_ms=now_ms,
            at_real_ms=real_ms,
            note=note,
            given_by=principal.name,
            given_by_id=principal.staff_id,
        )
    )
    outbox.site_rules_changed(conn, principal.organisation_id, where)


def forgivenesses(conn: Connection, *, organisation_id: int, member_id: int) -> list[GivenForgiveness]:
    """The latest of a member, newest first. Raises UnknownMemberError."""
    _home_of(conn, organisation_id, member_id)
    rows = conn.execute(
        select(forgiveness, site.c.name.label("site"), site.c.time_zone)
        .join(site, site.c.id == forgiveness.c.site_id)
        .where(forgiveness.c.organisation_id == organisation_id, forgiveness.c.member_id == member_id)
        .order_by(forgiveness.c.id.desc())
        .limit(SHOWN)
    )
    return [
        GivenForgiveness(site=row.site, time_zone=row.time_zone, at_ms=row.at_ms, given_by=row.given_by, note=row.note)
        for row in rows
    ]


def _home_of(conn: Connection, organisation_id: int, member_id: int) -> int:
    found: int | None = conn.scalar(
        select(member.c.site_id).where(member.c.organisation_id == organisation_id, member.c.id == member_id)
    )
    if found is None:
        raise UnknownMemberError(f"organisation {organisation_id} has no member {member_id}")
    return found
