"""The thread that commits: doors hand events over and go on; whatever came in during one flush is the next commit.

So an event is on the disk one flush after the flush that was running when it came, well within the 20 ms that DESIGN §3
allows before it, and a burst costs one flush for all of it.
"""

import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass

from portillon_wire.messages import EventTime

from portillon_edge.domain.events import NewEvent
from portillon_edge.store.journal import JournalSource
from portillon_edge.store.journal_shelf import JournalShelf

log = logging.getLogger(__name__)

QUEUE_MAX = 2_048
GROUP_MAX = 256
IDLE_S = 1.0
TIDY_EVERY_NS = 600_000_000_000


@dataclass(frozen=True, slots=True)
class _Acknowledge:
    journal_id: str
    epoch: int
    through: int


@dataclass(frozen=True, slots=True)
class _BeginEpoch:
    epoch: int


@dataclass(frozen=True, slots=True)
class _Contest:
    journal_id: str
    detail: str


@dataclass(frozen=True, slots=True)
class _Flush:
    done: threading.Event


_Order = NewEvent | _Acknowledge | _BeginEpoch | _Contest | _Flush


class JournalWriter:
    """Owns the shelf's writing side. Every method may be called from any thread."""

    def __init__(
        self,
        shelf: JournalShelf,
        *,
        stamp: Callable[[], EventTime],
        on_committed: Callable[[], None] = lambda: None,
        queue_max: int = QUEUE_MAX,
    ) -> None:
        """`stamp` says what time it is; `on_committed` is called on the writer's thread: there may be more to send."""
        self._shelf = shelf
        self._stamp = stamp
        self.on_committed = on_committed
        self._orders: queue.Queue[_Order] = queue.Queue(queue_max)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="journal-writer", daemon=True)
        self._refused = 0
        self._refused_lock = threading.Lock()
        self._tidied_ns = 0

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self, timeout_s: float = 10.0) -> bool:
        """Write all that was handed over and close the files; False if that took too long."""
        self._stop.set()
        self._order(_Flush(threading.Event()))
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def submit(self, event: NewEvent) -> bool:
        """Hand an event over without waiting; False if the queue is full: the event is lost, counted and reported."""
        return self._order(event)

    def flush(self, timeout_s: float = 10.0) -> bool:
        """Wait until everything handed over before is where it will stay."""
        done = threading.Event()
        return self._order(_Flush(done)) and done.wait(timeout_s)

    def acknowledge(self, journal_id: str, *, epoch: int, through: int) -> bool:
        """The cloud has every row of that journal up to `through`. A dropped order (False) costs a second sending."""
        return self._order(_Acknowledge(journal_id, epoch, through))

    def begin_epoch(self, epoch: int) -> bool:
        """Every kept row counts as not acknowledged, unless that epoch has begun already."""
        return self._order(_BeginEpoch(epoch))

    def contest(self, journal_id: str, detail: str) -> bool:
        """The cloud holds other content under this journal's numbers."""
        return self._order(_Contest(journal_id, detail))

    @property
    def writable(self) -> bool:
        """What `DoorView.journal_writable` says: whether an event would be on the disk soon."""
        return self._shelf.writable and not self._orders.full()

    @property
    def settled(self) -> bool:
        """Whether all that was handed over is where it will stay: on the disk, in memory, or counted as lost."""
        return self._orders.unfinished_tasks == 0

    @property
    def pending(self) -> int:
        """Events that the cloud has not acknowledged, as far as they are written."""
        return self._shelf.pending()

    @property
    def lost(self) -> int:
        """Events that had no place since the start."""
        return self._shelf.lost + self._refused

    def sources(self) -> tuple[JournalSource, ...]:
        """Every journal with rows that may go up, oldest first."""
        return self._shelf.sources()

    def _order(self, order: _Order) -> bool:
        try:
            self._orders.put_nowait(order)
        except queue.Full:
            if isinstance(order, NewEvent):
                with self._refused_lock:
                    self._refused += 1
            return False
        return True

    def _run(self) -> None:
        self._shelf.write([], self._stamp())  # what opening the files found out
        while True:
            group = self._next_group()
            if not group and self._stop.is_set():
                break
            self._carry_out(group)
            for _ in group:
                self._orders.task_done()
        self._shelf.close()

    def _next_group(self) -> list[_Order]:
        group: list[_Order] = []
        try:
            # A stop is noticed within IDLE_S, or at once through the flush that `stop` hands over.
            group.append(self._orders.get(block=not self._stop.is_set(), timeout=IDLE_S))
            while len(group) < GROUP_MAX:
                group.append(self._orders.get_nowait())
        except queue.Empty:
            pass
        return group

    def _carry_out(self, group: list[_Order]) -> None:
        at = self._stamp()
        with self._refused_lock:
            refused, self._refused = self._refused, 0
        self._shelf.note_lost(refused)
        for order in group:
            match order:
                case _Acknowledge(journal_id, epoch, through):
                    self._shelf.acknowledge(journal_id, epoch=epoch, through=through, real_ms=at.real_ms)
                case _BeginEpoch(epoch):
                    self._shelf.begin_epoch(epoch)
                case _Contest(journal_id, detail):
                    self._shelf.contest(journal_id, detail)
                case _:
                    pass
        events = [order for order in group if isinstance(order, NewEvent)]
        self._shelf.write(events, at)
        for order in group:
            if isinstance(order, _Flush):
                order.done.set()
        if group:
            self.on_committed()
        elif at.boot_ns - self._tidied_ns >= TIDY_EVERY_NS:
            self._tidied_ns = at.boot_ns
            self._shelf.tidy(at.real_ms)
