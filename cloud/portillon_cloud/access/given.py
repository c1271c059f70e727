"""Rights that staff give and nobody pays for: to staff, technicians, cleaners, and for nothing in return."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from portillon_rules.entitlement import ALWAYS
from sqlalchemy import Connection, select, update

from portillon_cloud import outbox
from portillon_cloud.access.errors import GivenRightError, UnknownGivenRightError
from portillon_cloud.access.facts import GivenRole, Membership
from portillon_cloud.access.review import review_at
from portillon_cloud.access.sites import Sites, holds_at, require_sites, stored
from portillon_cloud.access.tables import given_right, schedule
from portillon_cloud.database.rows import insert_one
from portillon_cloud.members.errors import UnknownMemberError
from portillon_cloud.members.tables import member, site

ZONES_MAX = 32
REASON_CHARACTERS_MAX = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenRight:
    """One right, in force or over. Business time, half-open; `until_ms` None: until somebody ends it."""

    id: int
    member_id: int
    role: GivenRole
    zones: tuple[str, ...]
    schedule: str
    sites: Sites
    from_ms: int
    until_ms: int | None
    given_by: str
    reason: str
    ended_by: str | None

    def membership(self) -> Membership:
        """As the standing function takes it."""
        return Membership(
            from_ms=self.from_ms,
            until_ms=self.until_ms,
            zones=frozenset(self.zones),
            schedule=self.schedule,
            role=self.role,
        )


def give_right(
    conn: Connection,
    *,
    organisation_id: int,
    member_id: int,
    role: GivenRole,
    zones: Sequence[str],
    from_ms: int,
    given_by: str,
    reason: str,
    schedule: str = ALWAYS,
    sites: Sites = None,
    until_ms: int | None = None,
) -> int:
    """Give a member a right; every gateway of its sites knows within a second.

    Raises UnknownMemberError, UnknownSiteError, or GivenRightError: the message says what is missing.
    """
    who = _require_member(conn, organisation_id, member_id)
    require_sites(conn, organisation_id, sites)
    if until_ms is not None and until_ms <= from_ms:
        raise GivenRightError("a right ends after it begins: give it a later end, or none")
    if not reason.strip() or len(reason) > REASON_CHARACTERS_MAX:
        raise GivenRightError(f"say why, in {REASON_CHARACTERS_MAX} characters at most: the next one reads it")
    _require_zones(conn, organisation_id, who.site_id, sites, zones, schedule)
    made = insert_one(
        conn,
        given_right,
        organisation_id=organisation_id,
        member_id=member_id,
        role=role.value,
        zones=sorted(set(zones)),
        schedule=schedule,
        sites=stored(sites),
        from_ms=from_ms,
        until_ms=until_ms,
        given_by=given_by,
        reason=reason.strip(),
        ended_by=None,
    )
    for instant_ms in (from_ms, until_ms):
        if instant_ms is not None:
            review_at(conn, organisation_id, who.account_id, instant_ms)
    outbox.account_changed(conn, organisation_id, who.account_id)
    return made


def end_right(
    conn: Connection, *, organisation_id: int, member_id: int, right_id: int, ended_by: str, at_ms: int
) -> None:
    """End a right now, begun or coming; who did is kept. Raises UnknownMemberError, UnknownGivenRightError."""
    who = _require_member(conn, organisation_id, member_id)
    right = given_right.c
    row = conn.execute(
        select(given_right).where(right.id == right_id, right.member_id == member_id).with_for_update()
    ).one_or_none()
    if row is None or (row.until_ms is not None and row.until_ms <= at_ms):
        raise UnknownGivenRightError(f"member {member_id} has no right {right_id} that could end")
    conn.execute(
        update(given_right).where(right.id == right_id).values(until_ms=max(at_ms, row.from_ms), ended_by=ended_by)
    )
    outbox.account_changed(conn, organisation_id, who.account_id)


def rights_of(conn: Connection, organisation_id: int, member_id: int) -> list[GivenRight]:
    """Every right a member was given, the newest first. Raises UnknownMemberError."""
    _require_member(conn, organisation_id, member_id)
    return rights_given(conn, [member_id]).get(member_id, [])[::-1]


def rights_given(conn: Connection, member_ids: Sequence[int]) -> dict[int, list[GivenRight]]:
    """What these members were given, in one query."""
    found: defaultdict[int, list[GivenRight]] = defaultdict(list)
    rows = conn.execute(select(given_right).where(given_right.c.member_id.in_(member_ids)).order_by(given_right.c.id))
    for row in rows:
        found[row.member_id].append(
            GivenRight(
                id=row.id,
                member_id=row.member_id,
                role=GivenRole(row.role),
                zones=tuple(row.zones),
                schedule=row.schedule,
                sites=tuple(row.sites) if isinstance(row.sites, list) else row.sites,
                from_ms=row.from_ms,
                until_ms=row.until_ms,
                given_by=row.given_by,
                reason=row.reason,
                ended_by=row.ended_by,
            )
        )
    return found


def _require_zones(
    conn: Connection, organisation_id: int, home_id: int, sites: Sites, zones: Sequence[str], wanted: str
) -> None:
    """Every zone, and the schedule, must be there at one of the sites at least."""
    places = conn.execute(select(site.c.id, site.c.zones).where(site.c.organisation_id == organisation_id)).all()
    here = [place for place in places if holds_at(sites, site_id=place.id, home_id=home_id)]
    known = {zone for place in here for zone in place.zones}
    if not zones or len(zones) > ZONES_MAX:
        raise GivenRightError(f"name 1 to {ZONES_MAX} zones that it opens; there are: {', '.join(sorted(known))}")
    if unknown := sorted(set(zones) - known):
        raise GivenRightError(f"no zone is called {', '.join(unknown)} there; there are: {', '.join(sorted(known))}")
    if wanted == ALWAYS:
        return
    names = select(schedule.c.name).where(schedule.c.site_id.in_([place.id for place in here]))
    if wanted not in conn.execute(names).scalars().all():
        raise GivenRightError(f"no schedule is called {wanted!r} there; make it first, or leave it out")


def _require_member(conn: Connection, organisation_id: int, member_id: int) -> "_Home":
    row = conn.execute(
        select(member.c.account_id, member.c.site_id).where(
            member.c.id == member_id, member.c.organisation_id == organisation_id
        )
    ).one_or_none()
    if row is None:
        raise UnknownMemberError(f"organisation {organisation_id} has no member {member_id}")
    return _Home(row.account_id, row.site_id)


@dataclass(frozen=True, slots=True)
class _Home:
    account_id: int
    site_id: int
