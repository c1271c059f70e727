"""Date what a gateway wrote before it knew the time: from a certain time of the same boot and the boot clock between.

The gateway's own words stay: `quality` never changes, and its estimate is replaced only by something certain.
"""

from collections.abc import Sequence

from portillon_rules.decision import TimeQuality
from sqlalchemy import Connection, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite

from portillon_cloud.attendance.content import EventRow, Sender
from portillon_cloud.attendance.tables import boot_anchor, journal_event

_NS_PER_MS = 1_000_000
_KNOWN_BOOTS = select(boot_anchor.c.boot_id).where(
    boot_anchor.c.gateway_id == bindparam("gateway"), boot_anchor.c.boot_id.in_(bindparam("boots", expanding=True))
)


def date_rows(conn: Connection, rows: list[EventRow], sender: Sender) -> list[EventRow]:
    """`rows` with every date that can be known now; and dates stored rows of a boot whose time just became certain."""
    if all(one.quality == TimeQuality.CERTAIN for one in rows) and _anchored(conn, sender, rows):
        return rows
    anchors = {boot_id: _anchor(conn, sender, boot_id, rows) for boot_id in {one.boot_id for one in rows}}
    return [_dated(one, anchors[one.boot_id]) for one in rows]


def _anchored(conn: Connection, sender: Sender, rows: Sequence[EventRow]) -> bool:
    boots = {one.boot_id for one in rows}
    found = conn.execute(_KNOWN_BOOTS, {"gateway": sender.gateway_id, "boots": sorted(boots)}).scalars()
    return set(found) == boots


def _anchor(
    conn: Connection, sender: Sender, boot_id: str, rows: Sequence[EventRow]
) -> tuple[int, int, int | None] | None:
    """(boot_ns, real_ms, business_ms) of one certain instant of the boot; None: none is known yet."""
    anchor = boot_anchor.c
    found = conn.execute(
        select(anchor.boot_ns, anchor.real_ms, anchor.business_ms).where(
            anchor.gateway_id == sender.gateway_id, anchor.boot_id == boot_id
        )
    ).one_or_none()
    if found is not None:
        return found.boot_ns, found.real_ms, found.business_ms
    for one in rows:
        if one.boot_id == boot_id and one.quality == TimeQuality.CERTAIN and one.real_ms is not None:
            business_ms = one.real_ms if one.at_ms is None else one.at_ms
            new = {"boot_ns": one.boot_ns, "real_ms": one.real_ms, "business_ms": business_ms}
            key = {
                "gateway_id": sender.gateway_id,
                "boot_id": boot_id,
                "organisation_id": sender.organisation_id,
            }
            insert_new = sqlite.insert if conn.dialect.name == "sqlite" else postgresql.insert
            conn.execute(insert_new(boot_anchor).values(**key, **new).on_conflict_do_nothing())
            _date_stored(conn, sender, boot_id, one, business_ms)
            return one.boot_ns, one.real_ms, business_ms
    return None


def _dated(one: EventRow, anchor: tuple[int, int, int | None] | None) -> EventRow:
    if one.quality == TimeQuality.CERTAIN or anchor is None:
        return one
    boot_ns, real_ms, business_ms = anchor
    shift_ms = (one.boot_ns - boot_ns) // _NS_PER_MS
    return one._replace(
        real_ms=real_ms + shift_ms,
        at_ms=None if business_ms is None else business_ms + shift_ms,
        dated_by="anchor",
    )


def _date_stored(conn: Connection, sender: Sender, boot_id: str, certain: EventRow, business_ms: int) -> None:
    event = journal_event.c
    # Integer division on both engines; the boot clock is ahead of or behind the anchor's by whole milliseconds.
    shift_ms = (event.boot_ns - certain.boot_ns) // _NS_PER_MS
    conn.execute(
        update(journal_event)
        .where(
            event.gateway_id == sender.gateway_id,
            event.boot_id == boot_id,
            event.quality != TimeQuality.CERTAIN.value,
        )
        .values(real_ms=certain.real_ms + shift_ms, at_ms=business_ms + shift_ms, dated_by="anchor")
    )
