"""Whether a gateway is there: births, wills, and what it reports of itself.

A birth and the will that belongs to it carry the same boot id and connection number, so that a will that comes late
cannot end the birth that came after it.
"""

import json
from typing import Any

from portillon_wire.messages import Reported, Status
from sqlalchemy import ColumnElement, Connection, Row, bindparam, or_, select, update

from portillon_cloud.gateways.tables import feed_state, gateway_status

SILENT_AFTER_MS = 90_000
"""Three lease intervals: an online gateway confirms each lease, so one that says nothing for so long is not there."""

_SEEN_EVERY_MS = 5_000  # one write for the many messages of a busy gateway
# Built once: they run for every message.
_HELD = select(gateway_status).where(gateway_status.c.gateway_id == bindparam("gateway")).with_for_update()
_CHANGE = update(gateway_status).where(gateway_status.c.gateway_id == bindparam("gateway"))


def reachable(now_ms: int) -> ColumnElement[bool]:
    """It says that it is online, or spoke a moment ago (whatever an old will says)."""
    return or_(gateway_status.c.online, gateway_status.c.seen_at_ms > now_ms - SILENT_AFTER_MS)


def is_online(*, online: bool, seen_at_ms: int | None, now_ms: int) -> bool:
    """What is shown: born, not heard to have died, and not silent (broker and gateway may die together)."""
    return online and seen_at_ms is not None and now_ms - seen_at_ms < SILENT_AFTER_MS


def take_status(conn: Connection, gateway_id: str, status: Status, *, retained: bool, now_ms: int) -> bool:
    """Take a birth or a will; False if it is an old one and changed nothing."""
    known = _known(conn, gateway_id)
    same_boot = known.boot_id == status.boot_id
    if status.online:
        if same_boot and status.connection < known.connection:
            return False
        new_connection = not same_boot or status.connection > known.connection or not known.online
    else:
        # The will of another boot is an old one, unless the broker kept it as the last word on the matter.
        if (same_boot and status.connection < known.connection) or (not same_boot and not retained):
            return False
        new_connection = False
    values: dict[str, object] = {
        "online": status.online,
        "boot_id": status.boot_id,
        "connection": status.connection,
        "software": status.software,
    }
    if status.online != known.online:
        values["changed_at_ms"] = now_ms
    if not retained and status.online:
        values["seen_at_ms"] = now_ms
    conn.execute(_CHANGE, {"gateway": gateway_id, **values})
    if new_connection:
        # Nothing was sent on this connection yet: the next report is answered in full, and with a lease.
        conn.execute(
            update(feed_state).where(feed_state.c.gateway_id == gateway_id).values(sent_at_ms=None, lease_revision=-1)
        )
    return True


def take_reported(conn: Connection, gateway_id: str, reported: Reported, *, now_ms: int) -> None:
    """Keep the gateway's latest report of itself."""
    kept = {"reported": json.loads(reported.model_dump_json()), "reported_at_ms": now_ms, "software": reported.software}
    conn.execute(_CHANGE, {"gateway": gateway_id, **kept})


def heard(conn: Connection, gateway_id: str, *, boot_id: str | None, now_ms: int) -> None:
    """A live message came: the gateway is there, whatever was heard of it before. `boot_id` if the message tells it."""
    known = _known(conn, gateway_id)
    values: dict[str, object] = {}
    if known.seen_at_ms is None or now_ms - known.seen_at_ms >= _SEEN_EVERY_MS:
        values["seen_at_ms"] = now_ms
    if boot_id is not None and not known.online:
        values.update(online=True, changed_at_ms=now_ms, seen_at_ms=now_ms)
        if known.boot_id != boot_id:
            values.update(boot_id=boot_id, connection=0)
    if values:
        conn.execute(_CHANGE, {"gateway": gateway_id, **values})


def _known(conn: Connection, gateway_id: str) -> Row[Any]:
    return conn.execute(_HELD, {"gateway": gateway_id}).one()
