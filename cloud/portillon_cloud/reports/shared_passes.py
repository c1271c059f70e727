"""Members who may be sharing their pass, the most suspected first: what was noticed, how often, and when last."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from portillon_cloud.attendance.refusing import DAYS, MS_PER_DAY
from portillon_cloud.attendance.sharing import Sharing, Suspicion, shared_passes
from portillon_cloud.members.tables import member, site


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspectedMember:
    """One member. `times`: how often each was noticed; the last time was at `door` of `site` (its `time_zone`)."""

    member_id: int
    who: str
    times: dict[Sharing, int]
    last_ms: int
    door: str
    site: str
    time_zone: str

    @property
    def count(self) -> int:
        """How often altogether."""
        return sum(self.times.values())


def suspected_members(conn: Connection, organisation_id: int, *, now_ms: int) -> list[SuspectedMember]:
    """Of the last DAYS days of business time. Whom the organisation does not know is not told."""
    found = shared_passes(conn, organisation_id, from_ms=now_ms - DAYS * MS_PER_DAY, until_ms=now_ms + 1)
    by_member: dict[str, list[Suspicion]] = {}
    for one in found:
        by_member.setdefault(one.second.member, []).append(one)
    sites = {
        row.id: row
        for row in conn.execute(
            select(site.c.id, site.c.name, site.c.time_zone).where(site.c.organisation_id == organisation_id)
        )
    }
    names = _names(conn, organisation_id, list(by_member))
    suspected = []
    for name, theirs in by_member.items():
        if name not in names:
            continue
        last = theirs[0].second
        where = sites[last.site_id]
        suspected.append(
            SuspectedMember(
                member_id=int(name),
                who=names[name],
                times=dict(sorted(Counter(one.kind for one in theirs).items())),
                last_ms=last.at_ms,
                door=last.door,
                site=where.name,
                time_zone=where.time_zone,
            )
        )
    return sorted(suspected, key=lambda one: (-one.count, -one.last_ms, one.member_id))


def _names(conn: Connection, organisation_id: int, members: Sequence[str]) -> dict[str, str]:
    ids = [int(one) for one in members if one.isascii() and one.isdecimal() and len(one) <= 18]
    rows = conn.execute(
        select(member.c.id, member.c.first_name, member.c.last_name).where(
            member.c.organisation_id == organisation_id, member.c.id.in_(ids)
        )
    )
    return {str(row.id): f"{row.first_name} {row.last_name}" for row in rows}
