"""All journals of one gateway: the file written now, the ones set aside before it, and memory for when no file takes
anything. Events go in at one place and always find the best place there is; what had to be dropped is counted and
reported. No threads and no clock in here: `journal_writer` owns the thread.
"""

import logging
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

from portillon_wire.messages import EventTime
from pydantic import ValidationError

from portillon_edge.domain.events import EventKind, NewEvent
from portillon_edge.errors import JournalTampered, JournalUnwritable, StoreTooNew
from portillon_edge.store.chain import UNKEYED, ChainKey
from portillon_edge.store.journal import Journal, JournalSource, random_journal_id
from portillon_edge.store.journal_room import RESERVE_BYTES, JournalRoom, journal_files
from portillon_edge.store.memory_journal import CAPACITY, MemoryJournal
from portillon_edge.store.room import LIMITS, Room, RoomLimits, compact
from portillon_edge.store.set_aside import Marker, SetAsideJournal, SetAsideWhy, read_marker, write_marker

log = logging.getLogger(__name__)

RETRY_NS = 10_000_000_000
"""How long to wait before trying again to make a new file."""
FILES_MAX = 99
_UNTRIED = -RETRY_NS
_EVERYTHING = 2**62
_REASONS = {
    SetAsideWhy.FAILED: "journal",
    SetAsideWhy.CONTESTED: "journal",
    SetAsideWhy.TAMPERED: "journal_tampered",
}


class JournalShelf:
    """`journal.db`, then `journal-2.db` and so on, each only after the one before was set aside; none is ever deleted.

    All methods belong to one thread, except `sources`, `writable` and `lost`.
    """

    def __init__(
        self,
        folder: Path,
        *,
        new_id: Callable[[], str] = random_journal_id,
        factory: type[sqlite3.Connection] = sqlite3.Connection,
        page_limit: int | None = None,
        memory_capacity: int = CAPACITY,
        reserve_bytes: int = RESERVE_BYTES,
        keys: Sequence[ChainKey] = (UNKEYED,),
        limits: RoomLimits = LIMITS,
    ) -> None:
        self._folder = folder
        self._new_id = new_id
        self._factory = factory
        self._page_limit = page_limit
        self._room = JournalRoom(folder, limits=limits, reserve_bytes=reserve_bytes, tell=self._alarm)
        self._keys = keys
        self._current: Journal | None = None
        self._set_aside: list[SetAsideJournal] = []
        self._memory = MemoryJournal(capacity=memory_capacity, new_id=new_id)
        self._alarms: list[tuple[str, str]] = []
        self._tried_ns = _UNTRIED
        self.lost = 0
        self._lost_reported = 0
        self._sources: tuple[JournalSource, ...] = ()
        self._open_all()

    @property
    def writable(self) -> bool:
        """Whether an event written now would be on the disk; `decide` asks for it."""
        return self._current is not None and self._room.state is not Room.NONE

    def sources(self) -> tuple[JournalSource, ...]:
        """Every journal with rows that may go up, oldest first."""
        return self._sources

    def pending(self) -> int:
        """How many events the cloud has not acknowledged yet."""
        return sum(source.last - source.acknowledged for source in self._sources)

    def write(self, events: Sequence[NewEvent], at: EventTime) -> None:
        """Commit the events, or keep them in memory, or count them as lost; `at` is now, for alarms of its own."""
        self._look_at_room(at.boot_ns)
        if self._room.state is not Room.AMPLE:
            whole, events = events, compact(events)
            self._room.left_out += len(whole) - len(events)
        events = [*self._alarm_events(at), *_readable(events, at)]
        for _ in range(2):  # the file in use, then at most one new one
            if self._room.state is Room.NONE:
                break
            journal = self._current or self._take_new(at.boot_ns)
            if journal is None or not events:
                break
            try:
                journal.append(events)
                return
            except JournalUnwritable as error:
                self._put_aside(SetAsideWhy.FAILED, str(error))
                events = [*self._alarm_events(at), *events]
        if not events:
            return
        kept = self._memory.append(events)
        self.note_lost(len(events) - kept)
        self._rebuild_sources()

    def note_lost(self, count: int) -> None:
        """Count events that had no place; the next commit reports them."""
        self.lost += count

    def acknowledge(self, journal_id: str, *, epoch: int, through: int, real_ms: int | None) -> None:
        """The cloud of `epoch` has committed every row of that journal up to `through`; of another epoch: ignored."""
        for source in self._sources:
            if (source.journal_id, source.epoch) == (journal_id, epoch):
                source.acknowledge(through, real_ms)

    def begin_epoch(self, epoch: int) -> None:
        """The cloud starts from another state: every kept row counts as not acknowledged."""
        for source in self._sources:
            try:
                source.begin_epoch(epoch)
            except JournalUnwritable as error:
                self._put_aside(SetAsideWhy.FAILED, str(error))

    def contest(self, journal_id: str, detail: str) -> None:
        """The cloud holds other content under this journal's numbers: stop sending it and go on in a new file."""
        if self._current is not None and self._current.journal_id == journal_id:
            self._put_aside(SetAsideWhy.CONTESTED, detail)
            self._tried_ns = _UNTRIED
            return
        for journal in self._set_aside:
            if journal.journal_id == journal_id and journal.sendable:
                self._mark(journal.path, SetAsideWhy.CONTESTED, detail, journal)
                journal.close()
                self._set_aside.remove(journal)
                self._rebuild_sources()
                return

    def tidy(self, real_ms: int | None) -> None:
        """In a quiet moment: write a pending acknowledgement down, delete rows acknowledged a week ago, and check the
        next part of the hash chain."""
        if self._current is None:
            return
        try:
            self._current.save_acknowledged()
            if real_ms is not None:
                self._current.prune(real_ms)
            self._current.check_some()
        except JournalTampered as error:
            self._put_aside(SetAsideWhy.TAMPERED, str(error))
        except JournalUnwritable as error:
            self._put_aside(SetAsideWhy.FAILED, str(error))

    def close(self) -> None:
        """Close every file."""
        if self._current is not None:
            try:
                self._current.close()
            except JournalUnwritable as error:
                log.error("closing: %s", error)
        for journal in self._set_aside:
            journal.close()

    def _open_all(self) -> None:
        paths = journal_files(self._folder)
        for number, path in sorted(paths.items()):
            marker = read_marker(path)
            if marker is None and number == max(paths):
                self._open_current(path)
            else:
                self._open_set_aside(path, marker or Marker(SetAsideWhy.FAILED, "replaced", _EVERYTHING, 0, 0))
        if not paths:
            self._open_current(self._path(1))
        self._room.keep_reserve()
        self._rebuild_sources()

    def _open_current(self, path: Path) -> None:
        try:
            self._current = self._journal(path)
        except (JournalUnwritable, StoreTooNew) as error:
            why = SetAsideWhy.TAMPERED if isinstance(error, JournalTampered) else SetAsideWhy.FAILED
            self._alarm(f"{error}; a new journal is begun, and this file is kept", _REASONS[why])
            if path.exists():
                marker = Marker(why, str(error), _EVERYTHING, 0, 0)
                write_marker(path, marker)
                self._open_set_aside(path, marker)

    def _open_set_aside(self, path: Path, marker: Marker) -> None:
        try:
            journal = SetAsideJournal(path, marker)
        except JournalUnwritable as error:
            self._alarm(f"{error}; the file is kept for a person to look at")
            return
        if journal.sendable:
            self._set_aside.append(journal)
        else:
            journal.close()

    def _put_aside(self, why: SetAsideWhy, detail: str) -> None:
        journal = self._current
        if journal is None:
            return
        self._current = None
        unsent = journal.last - journal.acknowledged
        text = f"{journal.path.name} set aside ({why}) with {unsent} events not acknowledged: {detail}"
        self._alarm(text, _REASONS[why])
        self._room.give_back_reserve()
        self._mark(journal.path, why, detail, journal)
        # Its reader is opened before the writer closes, so that closing does not checkpoint the failed file.
        self._open_set_aside(journal.path, Marker(why, detail, journal.last, journal.acknowledged, journal.epoch))
        try:
            journal.close()
        except (JournalUnwritable, sqlite3.Error) as error:
            log.error("closing %s: %s", journal.path, error)
        self._rebuild_sources()

    def _mark(self, path: Path, why: SetAsideWhy, detail: str, journal: Journal | SetAsideJournal) -> None:
        write_marker(path, Marker(why, detail, journal.last, journal.acknowledged, journal.epoch))

    def _take_new(self, now_ns: int) -> Journal | None:
        if now_ns - self._tried_ns < RETRY_NS:
            return None
        self._tried_ns = now_ns
        number = max(journal_files(self._folder), default=0) + 1
        if number > FILES_MAX:
            log.error("%s holds %d journals: free the disk, then move old ones away", self._folder, FILES_MAX)
            return None
        try:
            self._current = self._journal(self._path(number))
        except JournalUnwritable as error:
            log.error("%s", error)
            return None
        self._rebuild_sources()
        return self._current

    def _journal(self, path: Path) -> Journal:
        journal = Journal(
            path, new_id=self._new_id, factory=self._factory, page_limit=self._page_limit, keys=self._keys
        )
        if journal.remark is not None:
            self._alarm(journal.remark)
        return journal

    def _alarm_events(self, at: EventTime) -> list[NewEvent]:
        if self.lost > self._lost_reported:
            self._alarms.append(("journal", f"{self.lost - self._lost_reported} events had no place and are lost"))
            self._lost_reported = self.lost
        alarms, self._alarms = self._alarms, []
        return [NewEvent(kind=EventKind.ALARM, at=at, reason=reason, detail=text) for reason, text in alarms]

    def _alarm(self, text: str, reason: str = "journal") -> None:
        log.error("%s", text)
        self._alarms.append((reason, text))

    def _look_at_room(self, now_ns: int) -> None:
        try:
            self._room.look(self._current, now_ns)
        except JournalUnwritable as error:
            self._put_aside(SetAsideWhy.FAILED, str(error))

    def _rebuild_sources(self) -> None:
        memory = (self._memory,) if self._memory.last else ()
        current = (self._current,) if self._current else ()
        self._sources = (*self._set_aside, *memory, *current)

    def _path(self, number: int) -> Path:
        return self._folder / ("journal.db" if number == 1 else f"journal-{number}.db")


def _readable(events: Sequence[NewEvent], at: EventTime) -> list[NewEvent]:
    """The events; one that the wire would refuse becomes an alarm that says so, and takes no other event with it."""
    readable: list[NewEvent] = []
    for event in events:
        try:
            event.numbered(1)
            readable.append(event)
        except ValidationError as error:
            detail = f"an event of kind {event.kind} could not be written: {error.errors(include_url=False)[0]['msg']}"
            log.error("%s (%r)", detail, event)
            readable.append(NewEvent(kind=EventKind.ALARM, at=at, reason="journal", detail=detail))
    return readable
