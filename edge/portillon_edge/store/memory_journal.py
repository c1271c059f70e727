"""Where events stay while no journal file can be written: bounded, sent directly, gone with the process.

It is a journal of its own, with its own random id, so that the cloud tells its rows apart from every file's.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence

from portillon_wire.messages import JournalEvent

from portillon_edge.domain.events import NewEvent
from portillon_edge.store.journal import READ_ROWS_MAX, random_journal_id

CAPACITY = 2_000
"""An evening of a busy gym; about 1 MB."""


class MemoryJournal:
    """A ring of numbered events; one thread writes, one other reads and acknowledges."""

    def __init__(self, *, capacity: int = CAPACITY, new_id: Callable[[], str] = random_journal_id) -> None:
        self.journal_id = new_id()
        self.epoch = 0
        self.last = 0
        self.acknowledged = 0
        self._capacity = capacity
        self._rows: deque[JournalEvent] = deque()
        self._lock = threading.Lock()

    @property
    def oldest(self) -> int:
        """The lowest number of a row that is still kept; of the next row if there is none."""
        with self._lock:
            return self._rows[0].sequence if self._rows else self.last + 1

    def append(self, events: Sequence[NewEvent]) -> int:
        """Keep as many as there is room for and return how many that were: what is dropped is the newest, unnumbered,
        so that the numbers have no hole."""
        with self._lock:
            kept = list(events[: max(0, self._capacity - len(self._rows))])
            for event in kept:
                self.last += 1
                self._rows.append(event.numbered(self.last))
        return len(kept)

    def read(self, first: int, last: int) -> list[JournalEvent]:
        """Rows `first … last` that are still kept, ascending; at most READ_ROWS_MAX."""
        with self._lock:
            return [row for row in self._rows if first <= row.sequence <= last][:READ_ROWS_MAX]

    def acknowledge(self, through: int, real_ms: int | None) -> None:
        """The cloud has every row up to `through`: they make room for others."""
        with self._lock:
            self.acknowledged = max(self.acknowledged, min(through, self.last))
            while self._rows and self._rows[0].sequence <= self.acknowledged:
                self._rows.popleft()

    def begin_epoch(self, epoch: int) -> None:
        """Nothing acknowledged is kept here, so there is nothing to send again."""
