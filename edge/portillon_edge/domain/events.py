"""What the gateway writes down: an event as it happened, before the journal gives it a number.

The kinds and the time stamp are the wire's own, so that nothing is translated between door, journal and cloud.
"""

from dataclasses import dataclass

from portillon_wire.messages import EventKind, EventTime, JournalEvent, Way

__all__ = ["EventKind", "EventTime", "NewEvent", "Way"]

DETAIL_CHARS_MAX = 500
"""The wire refuses longer details; an event is cut, never lost, for a wordy driver."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """Something that happened and must be kept; `credential` is a keyed hash, `reason` an enum's value, never prose."""

    kind: EventKind
    at: EventTime
    door: str | None = None
    reader: str | None = None
    credential: str | None = None
    member: str | None = None
    reason: str | None = None
    flags: tuple[str, ...] = ()
    detail: str | None = None
    way: Way | None = None
    by: str | None = None
    zone: str | None = None
    """Of a passage: the zone of its door."""

    def numbered(self, sequence: int) -> JournalEvent:
        """The same event under the sequence number that the journal gave it."""
        return JournalEvent(
            sequence=sequence,
            kind=self.kind,
            door=self.door,
            reader=self.reader,
            credential=self.credential,
            member=self.member,
            reason=self.reason,
            flags=self.flags,
            detail=self.detail if self.detail is None else self.detail[:DETAIL_CHARS_MAX],
            at=self.at,
            way=self.way,
            by=self.by,
            zone=self.zone,
        )
