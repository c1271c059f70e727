"""What somebody should look at: refused messages, restored cards, conflicting journals. Said once, then counted."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, insert, select, update

from portillon_cloud.gateways.tables import gateway_alarm

REPEAT_MS = 600_000
"""The same alarm within ten minutes of its last time is the same occurrence, counted."""

DETAIL_LENGTH = 500


class AlarmKind(StrEnum):
    """Why the cloud complains about a gateway, or about itself on its behalf."""

    JOURNAL_CONFLICT = "journal_conflict"  # a sequence came again with other content: a restored card or a clone
    UNKNOWN_VERSION = "unknown_version"  # the gateway speaks another major version: update the older side
    MALFORMED_MESSAGE = "malformed_message"
    RETAINED_MESSAGE = "retained_message"  # retained where only live messages are allowed
    REVOKED_GATEWAY = "revoked_gateway"  # a revoked gateway still reaches the broker
    NEW_EPOCH = "new_epoch"  # gateway or cloud was restored: all positions of before mean nothing
    DIGEST_REPAIRED = "digest_repaired"  # the running digest was not that of the rows: the cloud's own disk or code
    SEQUENCER_FAILED = "sequencer_failed"  # rows of this gateway could not be computed; its leases will stop


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One occurrence; instants are real time."""

    gateway_id: str
    kind: str
    detail: str
    count: int
    first_at_ms: int
    last_at_ms: int


def raise_alarm(
    conn: Connection, *, organisation_id: int, gateway_id: str, kind: AlarmKind, detail: str, now_ms: int
) -> None:
    """Record an alarm, or count it if the same one was raised within REPEAT_MS."""
    alarm = gateway_alarm.c
    detail = detail[:DETAIL_LENGTH]
    counted = conn.execute(
        update(gateway_alarm)
        .where(
            alarm.gateway_id == gateway_id,
            alarm.kind == kind.value,
            alarm.detail == detail,
            alarm.last_at_ms > now_ms - REPEAT_MS,
        )
        .values(count=alarm.count + 1, last_at_ms=now_ms)
    )
    if not counted.rowcount:
        conn.execute(
            insert(gateway_alarm).values(
                organisation_id=organisation_id,
                gateway_id=gateway_id,
                kind=kind.value,
                detail=detail,
                count=1,
                first_at_ms=now_ms,
                last_at_ms=now_ms,
            )
        )


def alarms(conn: Connection, organisation_id: int, *, limit: int = 50) -> Sequence[Alarm]:
    """The organisation's latest alarms, newest first."""
    alarm = gateway_alarm.c
    rows = conn.execute(
        select(alarm.gateway_id, alarm.kind, alarm.detail, alarm.count, alarm.first_at_ms, alarm.last_at_ms)
        .where(alarm.organisation_id == organisation_id)
        .order_by(alarm.last_at_ms.desc(), alarm.id.desc())
        .limit(limit)
    )
    return [Alarm(**row._mapping) for row in rows]
