"""An event that raises or ends an alarm, taken in as the gateway link does."""

from portillon_cloud.alarms.derive import derive
from portillon_cloud.attendance.content import Sender
from portillon_cloud.attendance.intake import take_in
from portillon_cloud.gateways.tables import gateway
from portillon_rules.decision import TimeQuality
from portillon_wire.messages import EventTime, JournalBatch, JournalEvent
from sqlalchemy import select


def raise_alarm(gym, kind, sequence=1, **fields):
    at = EventTime(
        boot_id="b", boot_ns=1, real_ms=1_741_800_000_000, business_ms=1_741_800_000_000, quality=TimeQuality.CERTAIN
    )
    batch = JournalBatch(journal_id="alarms", events=(JournalEvent(sequence=sequence, kind=kind, at=at, **fields),))
    with gym.services.db.write() as conn:
        gateway_id = conn.execute(select(gateway.c.id).where(gateway.c.site_id == gym.site_id)).scalars().first()
        sender = Sender(organisation_id=gym.organisation_id, site_id=gym.site_id, gateway_id=gateway_id)
        taken = take_in(conn, batch, sender=sender, now_ms=1)
        derive(conn, batch.events, fresh=taken.fresh, sender=sender, journal_id="alarms", ordinal=taken.ordinal)
