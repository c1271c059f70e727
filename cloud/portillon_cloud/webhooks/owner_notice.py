"""Tell the owners by letter that an endpoint of theirs was turned off, once each, at least."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select, update

from portillon_cloud.clock import Clock
from portillon_cloud.database import Database
from portillon_cloud.identity.roles import Role
from portillon_cloud.identity.tables import staff
from portillon_cloud.messages.carrier import Carrier, Letter
from portillon_cloud.messages.errors import CarrierBusyError, LetterRefusedError
from portillon_cloud.webhooks.owner_letter import owner_letter
from portillon_cloud.webhooks.tables import webhook_endpoint

AGAIN_MS = 10 * 60_000  # after a crash, or when the carrier was busy

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerNotice:
    """A drain of the worker."""

    db: Database
    clock: Clock
    carrier: Carrier

    def __call__(self) -> int:
        """Write to the owners of every endpoint that was turned off since; how many endpoints."""
        real_ms, endpoint = self.clock.real_ms(), webhook_endpoint.c
        waiting = endpoint.tell_owners_at_real_ms <= real_ms
        with self.db.read() as conn:
            if conn.execute(select(endpoint.id).where(waiting).limit(1)).one_or_none() is None:
                return 0
        with self.db.write() as conn:
            rows = conn.execute(
                update(webhook_endpoint)
                .where(waiting)
                .values(tell_owners_at_real_ms=real_ms + AGAIN_MS)
                .returning(*endpoint)
            ).all()
            owners = {row.organisation_id: _owners(conn, row.organisation_id) for row in rows}
        for row in rows:
            if all([self._told(row, owner, real_ms) for owner in owners[row.organisation_id]]):
                with self.db.write() as conn:
                    conn.execute(
                        update(webhook_endpoint).where(endpoint.id == row.id).values(tell_owners_at_real_ms=None)
                    )
        return len(rows)

    def _told(self, row: Row[Any], owner: Row[Any], real_ms: int) -> bool:
        said = owner_letter(owner.language, name=owner.name, url=row.url, why=row.last_error or "")
        letter = Letter(
            id=f"webhook-off-{row.id}-{owner.id}-{row.off_at_real_ms}",
            recipient=owner.email,
            subject=said.subject,
            body=said.body,
            language=owner.language,
            written_at_ms=real_ms,
        )
        try:
            self.carrier.carry(letter)
        except LetterRefusedError as error:
            log.warning("an owner can never be told that endpoint %s was turned off: %s", row.id, error)
        except CarrierBusyError as error:
            log.warning("an owner is not told yet that endpoint %s was turned off: %s", row.id, error)
            return False
        return True


def _owners(conn: Connection, organisation_id: int) -> Sequence[Row[Any]]:
    column = staff.c
    return conn.execute(
        select(*column).where(column.organisation_id == organisation_id, column.role == Role.OWNER).order_by(column.id)
    ).all()
