"""Whose turn it is at a lane or a barrier: who is let in, and who waits behind them. Pure; knows no time, no output.

1. One grant runs. Another card while it does, or while somebody stands in the lane, goes by `second_badge`: it is BUSY,
   it is IGNORED, or it is QUEUED in the order of the cards, at most QUEUE_MAX.
2. The same credential in the same way is there AGAIN and keeps its place. In the other way it is BUSY whatever
   `second_badge` says: nobody stands on both sides.
3. Where it stands free nobody has to wait, so no card is BUSY or IGNORED: the second one is QUEUED. It overtakes
   its credential's grant in the other way, and the eldest that waits beyond QUEUE_MAX: these have to end first.
"""

from collections import deque
from enum import StrEnum

from portillon_edge.doors.machine import Grant

QUEUE_MAX = 3
"""Nobody can follow who stands in front of them, beyond this many."""


class SecondBadge(StrEnum):
    """What becomes of a card while another person is being let through."""

    REFUSE = "refuse"
    QUEUE = "queue"
    IGNORE = "ignore"


class Place(StrEnum):
    """Where a card finds itself."""

    NOW = "now"
    AGAIN = "again"
    QUEUED = "queued"
    IGNORED = "ignored"
    BUSY = "busy"


class Turns:
    """The grants of one lane or barrier. `occupied`: it says that somebody stands in it; `free`: it stands free."""

    def __init__(self, second_badge: SecondBadge) -> None:
        self.running: Grant | None = None
        self._second_badge = second_badge
        self._waiting: deque[Grant] = deque()

    @property
    def queues(self) -> bool:
        """Whether a second card may wait where it does not stand free."""
        return self._second_badge is SecondBadge.QUEUE

    @property
    def waiting(self) -> tuple[Grant, ...]:
        """Who waits, the next one first."""
        return tuple(self._waiting)

    @property
    def any(self) -> bool:
        """Whether somebody runs or waits."""
        return self.running is not None or bool(self._waiting)

    def busy(self, *, occupied: bool, free: bool) -> bool:
        """Whether another card would be BUSY."""
        if free or self._second_badge is SecondBadge.IGNORE:
            return False
        if self.queues:
            return len(self._waiting) >= QUEUE_MAX
        return self.any or occupied

    def own(self, credential: str) -> Grant | None:
        """The grant that this credential has already, running or waiting."""
        running = (self.running,) if self.running else ()
        return next((grant for grant in (*running, *self._waiting) if grant.credential == credential), None)

    def overtaken_by(self, grant: Grant) -> list[Grant]:
        """Who ends for this card where it stands free."""
        own = self.own(grant.credential)
        if own is not None and _same(own, grant):
            return []
        stay = [each for each in self._waiting if each is not own]
        return [*([own] if own else []), *stay[: max(0, len(stay) + 1 - QUEUE_MAX)]]

    def take(self, grant: Grant, *, occupied: bool, free: bool) -> Place:
        """Give this card its place; NOW and AGAIN are for the lane to carry out."""
        own = self.own(grant.credential)
        if own is not None:
            return Place.AGAIN if _same(own, grant) else Place.BUSY
        if not self.any and not occupied:
            return Place.NOW
        if free or (self.queues and len(self._waiting) < QUEUE_MAX):
            self._waiting.append(grant)
            return Place.QUEUED
        return Place.IGNORED if self._second_badge is SecondBadge.IGNORE else Place.BUSY

    def next(self) -> Grant | None:
        """Whose turn it is now, if nobody runs; no longer waiting."""
        return self._waiting.popleft() if self.running is None and self._waiting else None

    def end(self, grant: Grant) -> None:
        """It runs or waits no more."""
        if grant is self.running:
            self.running = None
        else:
            self._waiting.remove(grant)


def _same(one: Grant, other: Grant) -> bool:
    return (one.member, one.way) == (other.member, other.way)
