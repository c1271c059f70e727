"""From journal events to alarms, in the transaction that stores the events: each raised once, in whatever order.

1. An event raises or ends by its place in the gateway's journals, not by when it came here.
2. A raised alarm is ended by the first ending event after it; one that ended it and turns out not to be the first
   gives way to the earlier one.
3. A word said at the gateway takes note of what was raised before it there; the first such word counts, and one that
   counted and turns out not to be the first gives way. What somebody has said in the cloud stays said.
4. What is stored once raises once: only events that are new to the journal are looked at.
"""

from collections.abc import Collection, Sequence

from portillon_wire.alarm_classes import TELLING_KINDS, Acknowledged, Ended, Raised, meanings
from portillon_wire.messages import JournalEvent
from sqlalchemy import Connection, exists, insert, or_, select, update

from portillon_cloud.alarms.tables import alarm, alarm_acknowledgement, alarm_end, alarm_seen_on_site
from portillon_cloud.attendance.content import Sender
from portillon_cloud.attendance.tables import journal_event

_SEQUENCE_BITS = 40
"""A trillion events of one journal; a Pi writes a thousand a second for thirty years before it gets there."""


def derive(
    conn: Connection,
    events: Sequence[JournalEvent],
    *,
    fresh: Collection[int],
    sender: Sender,
    journal_id: str,
    ordinal: int,
) -> int:
    """Raise and end what the `fresh` ones of these events say; how many alarms were raised.

    The caller holds the gateway's status row: two of its journals must not be looked at at the same moment.
    """
    telling = [event for event in events if event.kind in TELLING_KINDS]
    if not telling:
        return 0
    wanted, raised = set(fresh), 0
    for event in sorted(telling, key=lambda one: one.sequence):
        if event.sequence not in wanted:
            continue
        wanted.discard(event.sequence)  # a batch may hold an event twice
        place = _Place(sender, journal_id, event.sequence, ordinal)
        for meaning in meanings(event):
            match meaning:
                case Raised():
                    _raise(conn, meaning, place, door=event.door)
                    raised += 1
                case Ended():
                    _end(conn, meaning, place)
                case Acknowledged():
                    _acknowledge(conn, meaning, place, event)
    return raised


class _Place:
    """Where in a gateway's journals an event stands."""

    def __init__(self, sender: Sender, journal_id: str, sequence: int, ordinal: int) -> None:
        self.sender = sender
        self.journal_id = journal_id
        self.sequence = sequence
        self.position = (ordinal << _SEQUENCE_BITS) + min(sequence, (1 << _SEQUENCE_BITS) - 1)

    def ended(self) -> dict[str, object]:
        """The columns of an alarm that the event here ends."""
        return {
            "ended_position": self.position,
            "ended_journal_id": self.journal_id,
            "ended_sequence": self.sequence,
        }


def _raise(conn: Connection, raised: Raised, place: _Place, *, door: str | None) -> None:
    ended = place.ended() if raised.over else _first_end(conn, raised, place)
    conn.execute(
        insert(alarm).values(
            organisation_id=place.sender.organisation_id,
            site_id=place.sender.site_id,
            gateway_id=place.sender.gateway_id,
            journal_id=place.journal_id,
            sequence=place.sequence,
            position=place.position,
            alarm=raised.alarm.value,
            subject=raised.subject,
            acknowledged_id=_first_word(conn, raised, place, door),
            **ended,
        )
    )


def _first_end(conn: Connection, raised: Raised, place: _Place) -> dict[str, object]:
    end = alarm_end.c
    found = conn.execute(
        select(end.position, end.journal_id, end.sequence)
        .where(
            end.gateway_id == place.sender.gateway_id,
            end.alarm == raised.alarm.value,
            end.position > place.position,
            or_(end.subject.is_(None), end.subject == raised.subject),
        )
        .order_by(end.position)
        .limit(1)
    ).one_or_none()
    if found is None:
        return {}
    return {"ended_position": found.position, "ended_journal_id": found.journal_id, "ended_sequence": found.sequence}


def _end(conn: Connection, ended: Ended, place: _Place) -> None:
    gateway_id = place.sender.gateway_id
    conn.execute(
        insert(alarm_end).values(
            organisation_id=place.sender.organisation_id,
            gateway_id=gateway_id,
            alarm=ended.alarm.value,
            subject=ended.subject,
            journal_id=place.journal_id,
            sequence=place.sequence,
            position=place.position,
        )
    )
    row = alarm.c
    of_these = [row.gateway_id == gateway_id, row.alarm == ended.alarm.value, row.position < place.position]
    if ended.subject is not None:
        of_these.append(row.subject == ended.subject)
    conn.execute(
        update(alarm)
        .where(*of_these, or_(row.ended_position.is_(None), row.ended_position > place.position))
        .values(**place.ended())
    )


def _acknowledge(conn: Connection, said: Acknowledged, place: _Place, event: JournalEvent) -> None:
    gateway_id, by = place.sender.gateway_id, event.by or ""
    word = conn.execute(
        insert(alarm_acknowledgement)
        .values(
            organisation_id=place.sender.organisation_id,
            at_real_ms=event.at.real_ms,
            given_by=by,
            given_by_id=by,
            note=event.detail or "",
            is_over=False,
        )
        .returning(alarm_acknowledgement.c.id)
    ).scalar_one()
    conn.execute(
        insert(alarm_seen_on_site).values(
            organisation_id=place.sender.organisation_id,
            gateway_id=gateway_id,
            alarm=said.alarm,
            door=said.door,
            journal_id=place.journal_id,
            sequence=place.sequence,
            position=place.position,
            acknowledgement_id=word,
        )
    )
    row, seen, told = alarm.c, alarm_seen_on_site.c, journal_event.c
    of_these = [row.gateway_id == gateway_id, row.position < place.position]
    if said.alarm is not None:
        of_these.append(row.alarm == said.alarm.value)
    if said.door is not None:
        of_these.append(
            exists().where(
                told.gateway_id == row.gateway_id,
                told.journal_id == row.journal_id,
                told.sequence == row.sequence,
                told.door == said.door,
            )
        )
    later = select(seen.acknowledgement_id).where(seen.gateway_id == gateway_id, seen.position > place.position)
    conn.execute(
        update(alarm)
        .where(*of_these, or_(row.acknowledged_id.is_(None), row.acknowledged_id.in_(later)))
        .values(acknowledged_id=word)
    )


def _first_word(conn: Connection, raised: Raised, place: _Place, door: str | None) -> int | None:
    seen = alarm_seen_on_site.c
    found: int | None = conn.execute(
        select(seen.acknowledgement_id)
        .where(
            seen.gateway_id == place.sender.gateway_id,
            seen.position > place.position,
            or_(seen.alarm.is_(None), seen.alarm == raised.alarm.value),
            or_(seen.door.is_(None), seen.door == door),
        )
        .order_by(seen.position)
        .limit(1)
    ).scalar_one_or_none()
    return found
