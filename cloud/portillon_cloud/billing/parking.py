"""Accounts that the engine will not bill because it is in doubt: parked with the reason, until a person has looked.

Parked, nothing is invoiced or collected, and the member passes as before: they do not pay for our doubt. Unparked, what
waited is invoiced at once. The bounds are Kill Bill's idea: an engine that is about to write more than any life of a
subscription explains is wrong, whatever it says.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, Row, insert, select

from portillon_cloud.access import operations as access
from portillon_cloud.access.blocks import BlockReason
from portillon_cloud.billing.errors import UnknownDoubtError
from portillon_cloud.billing.event_store import Author
from portillon_cloud.billing.tables import billing_doubt, doubt_settled
from portillon_cloud.database.rows import insert_one

DOCUMENTS_MOST = 15
"""Lines and credits of one subscription in one run. (Kill Bill: 15 items a day and subscription.)"""


class DoubtCode(StrEnum):
    """Why the engine stopped."""

    EVENTS_MAKE_NO_LIFE = "events_make_no_life"
    TOO_MANY_LINES = "too_many_lines"
    TOO_FAR_BEHIND = "too_far_behind"


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """One subscription that cannot be billed, and what is wrong, in words for whoever looks."""

    account_id: int
    subscription_id: int
    code: DoubtCode
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenDoubt:
    """A doubt that nobody has settled."""

    id: int
    account_id: int
    subscription_id: int
    code: DoubtCode
    detail: str
    raised_at_ms: int


def park(conn: Connection, organisation_id: int, doubt: Doubt, *, now_ms: int) -> None:
    """Park the account of a doubt."""
    doubt_id = insert_one(
        conn,
        billing_doubt,
        organisation_id=organisation_id,
        account_id=doubt.account_id,
        subscription_id=doubt.subscription_id,
        code=doubt.code,
        detail=doubt.detail,
        raised_at_ms=now_ms,
    )
    access.put_block(
        conn,
        organisation_id=organisation_id,
        account_id=doubt.account_id,
        reason=BlockReason.PARKED,
        source=_source(doubt_id),
        from_ms=now_ms,
    )


def open_doubts(conn: Connection, organisation_id: int) -> Sequence[OpenDoubt]:
    """Every doubt that waits for a person, oldest first."""
    rows = conn.execute(
        select(billing_doubt)
        .join(doubt_settled, doubt_settled.c.doubt_id == billing_doubt.c.id, isouter=True)
        .where(billing_doubt.c.organisation_id == organisation_id, doubt_settled.c.doubt_id.is_(None))
        .order_by(billing_doubt.c.id)
    )
    return [_open(row) for row in rows]


def unpark(conn: Connection, organisation_id: int, doubt_id: int, *, author: Author) -> None:
    """A person has looked: the doubt is settled and what waited is invoiced. Raises UnknownDoubtError."""
    found = next((one for one in open_doubts(conn, organisation_id) if one.id == doubt_id), None)
    if found is None:
        raise UnknownDoubtError(f"organisation {organisation_id} has no open doubt {doubt_id}")
    conn.execute(
        insert(doubt_settled).values(
            doubt_id=doubt_id,
            organisation_id=organisation_id,
            settled_at_ms=author.at_ms,
            settled_by=author.name,
            note=author.reason,
        )
    )
    access.end_block(
        conn,
        organisation_id=organisation_id,
        account_id=found.account_id,
        reason=BlockReason.PARKED,
        source=_source(doubt_id),
        at_ms=author.at_ms,
    )


def _source(doubt_id: int) -> str:
    return f"doubt:{doubt_id}"


def _open(row: Row[tuple[object, ...]]) -> OpenDoubt:
    return OpenDoubt(
        id=row.id,
        account_id=row.account_id,
        subscription_id=row.subscription_id,
        code=DoubtCode(row.code),
        detail=row.detail,
        raised_at_ms=row.raised_at_ms,
    )
