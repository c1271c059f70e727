"""What was suspected, for the page and the API."""

from dataclasses import dataclass

from sqlalchemy import Connection, select

from portillon_cloud.members.tables import account
from portillon_cloud.payments.fraud.limits import Suspicion
from portillon_cloud.payments.fraud.tables import fraud_signal


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One suspicion. Instants are machine time; `cleared_by` None: nobody has looked yet."""

    id: int
    account_id: int
    who: str
    suspicion: Suspicion
    counted: int
    raised_at_real_ms: int
    cleared_at_real_ms: int | None
    cleared_by: str | None
    note: str | None


def signals_of(conn: Connection, organisation_id: int, *, still_open: bool, limit: int) -> list[Signal]:
    """Those that nobody has cleared, or those that somebody has; the newest first."""
    column = fraud_signal.c
    cleared = column.cleared_at_real_ms
    rows = conn.execute(
        select(fraud_signal, account.c.name.label("who"))
        .join(account, account.c.id == column.account_id)
        .where(column.organisation_id == organisation_id, cleared.is_(None) if still_open else cleared.is_not(None))
        .order_by(column.id.desc())
        .limit(limit)
    )
    return [
        Signal(
            id=row.id,
            account_id=row.account_id,
            who=row.who,
            suspicion=Suspicion(row.suspicion),
            counted=row.counted,
            raised_at_real_ms=row.raised_at_real_ms,
            cleared_at_real_ms=row.cleared_at_real_ms,
            cleared_by=row.cleared_by,
            note=row.note,
        )
        for row in rows
    ]
