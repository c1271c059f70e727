"""How much room the journal has left, and what is still written when that runs out. Pure.

1. AMPLE: everything is written, whole.
2. TIGHT: rows that the cloud has acknowledged give way first, before their week is over. Then compact mode: who came
   and went, doors and alarms are written, without details; what only explains (`LEFT_OUT`) is counted instead.
3. NONE: the reserve is given back, and compact mode goes on in it. When that is used up too nothing is written: events
   stay in memory, and the decision hears that the journal takes nothing. The file has not failed: with room it goes on.
4. A state ends only when there is clearly more room than where it began, and each change is told.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from portillon_edge.domain.events import EventKind, NewEvent

MIB = 1024 * 1024
LEFT_OUT = frozenset(
    {
        EventKind.EXIT_REQUEST,
        EventKind.DOOR_HELD_SOON,
        EventKind.REBADGED,
        EventKind.PASSAGE_REFUSED,
        EventKind.REFUSED_MESSAGE,
    }
)
"""Nobody's attendance and no alarm's beginning or end: what is counted rather than written in compact mode."""


class Room(StrEnum):
    """How the journal writes."""

    AMPLE = "ample"
    TIGHT = "tight"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomLimits:
    """Bytes. The quota is for all journals of a gateway and their reserve: about 1.5 million events."""

    quota_bytes: int = 512 * MIB
    tight_bytes: int = 16 * MIB
    none_bytes: int = MIB
    """What a commit and its write-ahead log may need at once: SQLite must never meet the end of the disk itself."""


LIMITS = RoomLimits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Bytes of all journals and the reserve, of those free for reuse within the file, and free on the disk."""

    used: int
    reusable: int
    disk_free: int

    def left(self, limits: RoomLimits) -> int:
        """Bytes that can still be written."""
        return self.reusable + max(0, min(self.disk_free, limits.quota_bytes - self.used))


def judge(before: Room, left: int, limits: RoomLimits) -> Room:
    """The state now; leaving one takes half as much again as entering it."""
    if left < limits.none_bytes or (before is Room.NONE and left < limits.none_bytes * 3 // 2):
        return Room.NONE
    if left < limits.tight_bytes or (before is not Room.AMPLE and left < limits.tight_bytes * 3 // 2):
        return Room.TIGHT
    return Room.AMPLE


def compact(events: Sequence[NewEvent]) -> list[NewEvent]:
    """What is written of these events in compact mode."""
    kept = [event for event in events if event.kind not in LEFT_OUT]
    return [event if event.kind is EventKind.ALARM else replace(event, detail=None) for event in kept]


def told(room: Room, left: int, left_out: int) -> str:
    """The alarm's text for a change of state."""
    match room:
        case Room.AMPLE:
            return f"the journal has room again; {left_out} events were left out meanwhile"
        case Room.TIGHT:
            return (
                f"the journal is nearly full, {left // 1024} KiB are left: only what matters most is written;"
                " bring the cloud back or free the disk"
            )
        case Room.NONE:
            return "the journal is full: events stay in memory only; bring the cloud back or free the disk"
