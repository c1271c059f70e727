"""Grace that a person gives an account beyond the ladder's: who gave it, why, until when. The last word given holds."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, func, select

from portillon_cloud.access.tables import grace_given

_LAST_WORDS = select(grace_given.c.account_id, grace_given.c.until_ms).where(
    grace_given.c.id.in_(
        select(func.max(grace_given.c.id))
        .where(grace_given.c.account_id.in_(bindparam("account_ids", expanding=True)))
        .group_by(grace_given.c.account_id)
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GraceGiven:
    """One word given: from `given_at_ms` until `until_ms` nothing that is owed shuts anything off. Business time."""

    id: int
    given_at_ms: int
    until_ms: int
    given_by: str
    reason: str


def spared_until(conn: Connection, account_ids: Sequence[int]) -> dict[int, int]:
    """Until when what these accounts owe shuts nothing off; who was never given grace is not in it. One query."""
    rows = conn.execute(_LAST_WORDS, {"account_ids": account_ids})
    return {row.account_id: row.until_ms for row in rows}


def grace_of(conn: Connection, organisation_id: int, account_id: int) -> list[GraceGiven]:
    """Every grace that the account was given, the newest first."""
    column = grace_given.c
    rows = conn.execute(
        select(grace_given)
        .where(column.organisation_id == organisation_id, column.account_id == account_id)
        .order_by(column.id.desc())
    )
    return [
        GraceGiven(
            id=row.id,
            given_at_ms=row.given_at_ms,
            until_ms=row.until_ms,
            given_by=row.given_by,
            reason=row.reason,
        )
        for row in rows
    ]
