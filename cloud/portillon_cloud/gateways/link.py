"""The cloud's end of the wire to all gateways, without a broker: a message in, messages out; a tick, messages out.

It holds no state of its own: everything is in the database, so any number of processes may do this at the same time,
and a simulation may drive it step by step. What is returned may be published: it is committed.
"""

import logging

from portillon_wire.commands import CommandResult
from portillon_wire.errors import MessageError, UnknownVersionError
from portillon_wire.messages import JournalBatch, Message, Reported, Status, SyncReport, decode, encode
from portillon_wire.presence import PresenceReport
from portillon_wire.topics import Address, Up, parse
from sqlalchemy import Connection, Row, bindparam, select

from portillon_cloud import webhooks
from portillon_cloud.access.grace import LEASE_HOURS
from portillon_cloud.alarms.derive import derive
from portillon_cloud.attendance.content import Sender
from portillon_cloud.attendance.intake import passages, take_in
from portillon_cloud.attendance.refusing import refuse_sharers
from portillon_cloud.clock import Clock, business_now_ms
from portillon_cloud.database import Database
from portillon_cloud.gateways import outgoing, store
from portillon_cloud.gateways.alarms import AlarmKind, raise_alarm
from portillon_cloud.gateways.commands import publish_commands, take_result
from portillon_cloud.gateways.leasing import give_leases
from portillon_cloud.gateways.outgoing import Outgoing
from portillon_cloud.gateways.presence import heard, take_reported, take_status
from portillon_cloud.gateways.reports import take_report
from portillon_cloud.gateways.resender import due_again, resend
from portillon_cloud.gateways.sequencer import sequence
from portillon_cloud.gateways.set_back import mend_instants
from portillon_cloud.gateways.snapshot import offer_snapshots
from portillon_cloud.gateways.tables import gateway
from portillon_cloud.presence import stream
from portillon_cloud.secrets import Keyring
from portillon_cloud.visits.moving import settle
from portillon_cloud.visits.spending import spend

ROUNDS_PER_TICK = 4
"""Sequencer rounds before what they made is published and leases get their turn; the rest waits for the next tick."""

_CLASSES: dict[Up, type[Message]] = {
    Up.STATUS: Status,
    Up.SYNC: SyncReport,
    Up.REPORTED: Reported,
    Up.JOURNAL: JournalBatch,
    Up.RESULT: CommandResult,
    Up.PRESENCE: PresenceReport,
}
_RETAINED = {Up.STATUS, Up.REPORTED}  # versioned state; everything else counts only live (DESIGN §4)

_SENDER = select(gateway).where(gateway.c.id == bindparam("gateway"))  # built once: it runs for every message

_logger = logging.getLogger(__name__)


class GatewayLink:
    """Answers gateways and keeps them supplied. `base_url` is where gateways reach this cloud's HTTP."""

    def __init__(
        self,
        db: Database,
        keyring: Keyring,
        clock: Clock,
        *,
        base_url: str,
        lease_duration_s: int = LEASE_HOURS * 3600,
    ) -> None:
        self._db = db
        self._keyring = keyring
        self._clock = clock
        self._base_url = base_url
        self._lease_duration_s = lease_duration_s

    def handle(self, topic: str, payload: bytes, retain: bool = False) -> list[Outgoing]:
        """Take in one message. Whatever it is, it harms nothing: what cannot be used is reported and dropped."""
        now_ms = self._clock.real_ms()
        try:
            address = parse(topic)
        except MessageError as error:
            _logger.warning("dropped a message: %s", error)
            return []
        if address.name not in _CLASSES:
            return []  # our own down/, should a broker ever hand it back
        message = _read(address, payload)
        with self._db.write() as conn:
            sender = conn.execute(_SENDER, {"gateway": address.gateway}).one_or_none()
            if sender is None:
                _logger.warning("dropped %s of gateway %r, which is not enrolled", address.name, address.gateway)
                return []
            refusal = _refusal(sender, address, message, retain=retain)
            if refusal is not None:
                kind, detail = refusal
                raise_alarm(
                    conn,
                    organisation_id=sender.organisation_id,
                    gateway_id=sender.id,
                    kind=kind,
                    detail=detail,
                    now_ms=now_ms,
                )
                return []
            return self._take(conn, sender, message, retain=retain, now_ms=now_ms)

    def tick(self, real_ms: int | None = None, *, snapshots: bool = True) -> list[Outgoing]:
        """Number what changed, send again what is overdue, give leases that are due, and (if wanted) make snapshots."""
        clock = self._clock.real_ms if real_ms is None else lambda: real_ms
        mend_instants(self._db, now_ms=clock())
        # Somebody stands at a door: commands go before whatever else there is to say.
        messages = publish_commands(self._db, now_ms=clock())
        for _ in range(ROUNDS_PER_TICK):
            numbered, more = sequence(self._db, self._keyring, real_ms=clock)
            messages += numbered
            if not more:
                break
        now_ms = clock()
        messages += resend(self._db, now_ms=now_ms)
        messages += give_leases(self._db, self._keyring, now_ms=now_ms, duration_s=self._lease_duration_s)
        if snapshots:
            messages += self.snapshots(now_ms)
        return messages

    def snapshots(self, real_ms: int | None = None) -> list[Outgoing]:
        """Offer the snapshots that gateways want. Making a large one takes seconds: give it a thread of its own."""
        now_ms = self._clock.real_ms() if real_ms is None else real_ms
        return offer_snapshots(self._db, self._keyring, base_url=self._base_url, now_ms=now_ms)

    def returned(self) -> list[Outgoing]:
        """The broker is back, perhaps with an empty disk: everything unconfirmed is due again at once."""
        now_ms = self._clock.real_ms()
        due_again(self._db, now_ms=now_ms)
        return resend(self._db, now_ms=now_ms)

    def _take(
        self, conn: Connection, sender: Row[object], message: object, *, retain: bool, now_ms: int
    ) -> list[Outgoing]:
        match message:
            case Status():
                take_status(conn, sender.id, message, retained=retain, now_ms=now_ms)
            case Reported():
                take_reported(conn, sender.id, message, now_ms=now_ms)
                if not retain:
                    heard(conn, sender.id, boot_id=None, now_ms=now_ms)
                    business_ms = business_now_ms(conn, sender.organisation_id, now_ms)
                    settle(conn, sender.id, message, now_ms=now_ms, business_ms=business_ms)
            case SyncReport():
                heard(conn, sender.id, boot_id=message.boot_id, now_ms=now_ms)
                state = store.lock(conn, sender.id)
                if state is not None:
                    return take_report(
                        conn, self._keyring, state, message, now_ms=now_ms, duration_s=self._lease_duration_s
                    )
            case CommandResult():
                take_result(conn, sender.id, message, now_ms=now_ms)
                heard(conn, sender.id, boot_id=None, now_ms=now_ms)
            case PresenceReport():
                heard(conn, sender.id, boot_id=None, now_ms=now_ms)
                return stream.answer(conn, self._keyring.feed_key, sender, message, now_ms=now_ms)
            case JournalBatch():
                heard(conn, sender.id, boot_id=None, now_ms=now_ms)  # and holds the gateway's status row: see derive
                return _take_journal(conn, self._keyring, sender, message, now_ms)
        return []


def _read(address: Address, payload: bytes) -> Message | MessageError:
    try:
        return decode(_CLASSES[Up(address.name)], payload)
    except MessageError as error:
        return error


def _refusal(
    sender: Row[object], address: Address, message: Message | MessageError, *, retain: bool
) -> tuple[AlarmKind, str] | None:
    """Why this message must not be acted on; None: it may."""
    if sender.revoked_at_ms is not None:
        return AlarmKind.REVOKED_GATEWAY, f"sent {address.name}; take its certificate off the broker"
    if isinstance(message, UnknownVersionError):
        return AlarmKind.UNKNOWN_VERSION, str(message)
    if isinstance(message, MessageError):
        return AlarmKind.MALFORMED_MESSAGE, str(message)
    if retain and address.name not in _RETAINED:
        return AlarmKind.RETAINED_MESSAGE, f"{address.name} came retained; clear that topic on the broker"
    return None


def _take_journal(
    conn: Connection, keyring: Keyring, sender: Row[object], batch: JournalBatch, now_ms: int
) -> list[Outgoing]:
    whose = Sender(organisation_id=sender.organisation_id, site_id=sender.site_id, gateway_id=sender.id)
    taken = take_in(conn, batch, sender=whose, now_ms=now_ms)
    news: list[Outgoing] = []
    if taken.fresh:
        business_ms = business_now_ms(conn, whose.organisation_id, now_ms)
        came_in = passages(whose, batch.journal_id, taken.fresh)
        webhooks.tell(conn, webhooks.EventKind.PASSAGE, whose.organisation_id, came_in, at_ms=business_ms)
        derive(
            conn,
            batch.events,
            fresh=taken.fresh,
            sender=whose,
            journal_id=batch.journal_id,
            ordinal=taken.ordinal,
        )
        spend(conn, batch.events, fresh=taken.fresh, sender=whose, journal_id=batch.journal_id)
        refuse_sharers(
            conn,
            batch.events,
            fresh=taken.fresh,
            organisation_id=whose.organisation_id,
            now_ms=business_ms,
        )
        news = stream.share(
            conn,
            keyring.feed_key,
            batch.events,
            fresh=taken.fresh,
            sender=whose,
            journal_id=batch.journal_id,
            now_ms=business_ms,
        )
    if taken.conflicts:
        raise_alarm(
            conn,
            organisation_id=sender.organisation_id,
            gateway_id=sender.id,
            kind=AlarmKind.JOURNAL_CONFLICT,
            detail=f"journal {batch.journal_id}: other content under sequence {taken.conflicts[0]} "
            f"and {len(taken.conflicts) - 1} more; its card was restored or cloned",
            now_ms=now_ms,
        )
    return [outgoing.ack(sender.id, encode(taken.ack)), *news]
