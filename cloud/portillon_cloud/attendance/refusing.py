"""Refuse members who share a pass, where the organisation wants it; until somebody at the desk has spoken with them.

A refusal is a block like any other: it travels in the member's rows, and every gateway refuses with or without the
cloud. It is placed when a journal brings the suspicion that makes the number full, and ended by hand. What was noticed
before it was ended is forgiven: it counts for no other refusal.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from portillon_wire.messages import EventKind, JournalEvent
from sqlalchemy import Connection, delete, func, insert, select

from portillon_cloud.access.blocks import BlockReason
from portillon_cloud.access.operations import end_block, put_block
from portillon_cloud.access.tables import block
from portillon_cloud.attendance.sharing import shared_passes
from portillon_cloud.attendance.tables import sharing_policy
from portillon_cloud.errors import NotFoundError
from portillon_cloud.members.tables import member

DAYS = 30
"""How long a suspicion counts."""
MS_PER_DAY = 86_400_000
REFUSE_FROM_MAX = 1_000
SOURCE = "sharing"
"""Who placed these blocks: staff end them here, and no other."""
_TELLING = (EventKind.PASSAGE, EventKind.DENIED)


class NotRefusedError(NotFoundError):
    """No such member is refused for sharing a pass."""


@dataclass(frozen=True, slots=True)
class RefusedMember:
    """One who is refused until somebody lets them in again; `since_ms` is business time."""

    member_id: int
    who: str
    since_ms: int


def refuse_from(conn: Connection, organisation_id: int) -> int | None:
    """From how many suspicions in DAYS days on a member is refused; None: sharing is only shown."""
    return conn.scalar(select(sharing_policy.c.refuse_from).where(sharing_policy.c.organisation_id == organisation_id))


def set_refuse_from(conn: Connection, organisation_id: int, number: int | None) -> None:
    """Change it, for what journals bring from now on. Whoever is refused already stays so."""
    conn.execute(delete(sharing_policy).where(sharing_policy.c.organisation_id == organisation_id))
    if number is not None:
        conn.execute(insert(sharing_policy).values(organisation_id=organisation_id, refuse_from=number))


def refuse_sharers(
    conn: Connection, events: Iterable[JournalEvent], *, fresh: Collection[int], organisation_id: int, now_ms: int
) -> None:
    """Refuse whoever reaches the number with these fresh events of a journal; `now_ms`: business time."""
    number = refuse_from(conn, organisation_id)
    if number is None:
        return
    new = set(fresh)
    suspects = {one.member for one in events if one.sequence in new and one.member and one.kind in _TELLING}
    if not suspects:
        return
    found = shared_passes(
        conn, organisation_id, from_ms=now_ms - DAYS * MS_PER_DAY, until_ms=now_ms + 1, members=suspects
    )
    names = {one.second.member for one in found}
    known = _known(conn, organisation_id, names)
    forgiven = _forgiven(conn, list(known))
    times = Counter(
        int(one.second.member)
        for one in found
        if one.second.member.isdecimal() and one.second.at_ms >= forgiven.get(int(one.second.member), 0)
    )
    for member_id, account_id in known.items():
        if times[member_id] >= number:
            put_block(
                conn,
                organisation_id=organisation_id,
                account_id=account_id,
                member_id=member_id,
                reason=BlockReason.PASS_SHARED,
                source=SOURCE,
                from_ms=now_ms,
            )


def let_in_again(conn: Connection, *, organisation_id: int, member_id: int, at_ms: int) -> None:
    """Somebody has spoken with them: end the refusal. Raises NotRefusedError."""
    account_id = _known(conn, organisation_id, [str(member_id)]).get(member_id)
    if account_id is None or not end_block(
        conn,
        organisation_id=organisation_id,
        account_id=account_id,
        member_id=member_id,
        reason=BlockReason.PASS_SHARED,
        source=SOURCE,
        at_ms=at_ms,
    ):
        raise NotRefusedError(f"member {member_id} of organisation {organisation_id} is not refused for sharing")


def refused_members(conn: Connection, organisation_id: int) -> list[RefusedMember]:
    """Who waits for a word of staff, the longest first."""
    rows = conn.execute(
        select(member.c.id, member.c.first_name, member.c.last_name, block.c.from_ms)
        .join_from(block, member, member.c.id == block.c.member_id)
        .where(
            block.c.organisation_id == organisation_id,
            block.c.reason == BlockReason.PASS_SHARED,
            block.c.source == SOURCE,
            block.c.until_ms.is_(None),
        )
        .order_by(block.c.from_ms, block.c.id)
    )
    return [RefusedMember(row.id, f"{row.first_name} {row.last_name}", row.from_ms) for row in rows]


def _known(conn: Connection, organisation_id: int, members: Iterable[str]) -> dict[int, int]:
    ids = [int(one) for one in members if one.isascii() and one.isdecimal() and len(one) <= 18]
    rows = conn.execute(
        select(member.c.id, member.c.account_id).where(
            member.c.organisation_id == organisation_id, member.c.id.in_(ids)
        )
    )
    return {row.id: row.account_id for row in rows}


def _forgiven(conn: Connection, member_ids: Sequence[int]) -> dict[int, int]:
    rows = conn.execute(
        select(block.c.member_id, func.max(block.c.until_ms).label("ended_ms"))
        .where(block.c.member_id.in_(member_ids), block.c.source == SOURCE, block.c.until_ms.is_not(None))
        .group_by(block.c.member_id)
    )
    return {row.member_id: row.ended_ms for row in rows}
