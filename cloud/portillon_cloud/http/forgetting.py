"""Once an hour: what was answered under a caller's key is forgotten when nobody asks under it any more."""

from dataclasses import dataclass

from sqlalchemy import delete, select

from portillon_cloud.clock import Clock
from portillon_cloud.database import Database
from portillon_cloud.http.tables import answered_request

EVERY_MS = 3_600_000
KEPT_MS = 30 * 24 * 3_600_000
"""Longer than any program goes on asking; from then on the key is a new one."""
GO_AT_ONCE = 5_000  # rows per transaction


@dataclass(kw_only=True)
class Forgetting:
    """A drain of the worker that does something once an hour."""

    db: Database
    clock: Clock
    _next_real_ms: int = 0

    def __call__(self) -> int:
        """How many answers were forgotten."""
        real_ms = self.clock.real_ms()
        if real_ms < self._next_real_ms:
            return 0
        self._next_real_ms = real_ms + EVERY_MS
        column, gone = answered_request.c, 0
        with self.db.read() as conn:
            old = select(column.organisation_id).where(column.asked_at_real_ms < real_ms - KEPT_MS).distinct()
            organisations = conn.scalars(old).all()
        for organisation_id in organisations:
            while (count := self._forget(organisation_id, real_ms - KEPT_MS)) > 0:
                gone += count
        return gone

    def _forget(self, organisation_id: int, before_real_ms: int) -> int:
        column = answered_request.c
        old = (
            select(column.id)
            .where(column.organisation_id == organisation_id, column.asked_at_real_ms < before_real_ms)
            .limit(GO_AT_ONCE)
        )
        with self.db.write() as conn:
            gone = delete(answered_request).where(column.organisation_id == organisation_id, column.id.in_(old))
            return conn.execute(gone).rowcount
