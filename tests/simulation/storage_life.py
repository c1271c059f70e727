"""One seeded life of a gateway's disk: every shipped store on it, and a process that ends anywhere, even in a write.

After each end another process begins on what is left, and `storage_watch` holds it to what was promised. Watched here:
DESIGN §8 invariants 2 (a table is at a whole revision), 3 (committed rows are there), 7 (nothing used counts twice),
8 (no lease comes back), and that the gateway starts again.
"""

import random
import sqlite3
import traceback
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from edge.feed_maker import NOON_MS, SECRET, FeedMaker, entitled, policy, removed
from portillon_edge.domain.credential_facts import CodeUsed, CounterSeen
from portillon_edge.domain.events import EventTime, NewEvent
from portillon_edge.domain.position import Position
from portillon_edge.domain.timekeeping import SavedLease
from portillon_edge.errors import EdgeError, EntryOutOfOrder, SnapshotRefused
from portillon_edge.store.credential_memory import DurableCredentialMemory
from portillon_edge.store.entitlements import EntitlementStore
from portillon_edge.store.journal_shelf import JournalShelf
from portillon_edge.store.snapshot_build import build_snapshot
from portillon_rules.decision import TimeQuality
from portillon_wire.messages import EventKind
from simulation import storage_watch as watch
from simulation.disk import Disk, Trouble
from simulation.finding import Finding
from simulation.history import Act, History, write_history
from simulation.mounted_disk import Careless, mounted

ACTS = 150
STARTS_MAX = 30
WEIGHTS = {
    "write_events": 30, "acknowledge": 6, "rest": 4, "begin_epoch": 1, "apply_entry": 14, "take_snapshot": 2,
    "save_lease": 6, "remember": 10, "kill": 3, "cut_power": 6, "die_in_a_write": 10, "fill_disk": 2, "break_disk": 2,
}  # fmt: skip
"""How often each act comes; the last five are the faults."""
FAULTS = ("kill", "cut_power", "die_in_a_write", "fill_disk", "break_disk")


@dataclass(frozen=True)
class Defences:
    """Switched off one by one to see that each is missed."""

    commits_are_synced: bool = True  # synchronous=FULL
    small_files_are_synced: bool = True  # fsync before the rename
    disk_keeps_what_it_synced: bool = True  # no defence of ours: what a lying disk costs


class StorageLife:
    """One folder, its stores, and chance."""

    def __init__(self, seed: int, folder: Path, defences: Defences | None = None) -> None:
        self.finding = Finding(seed)
        self.folder = folder
        self.defences = defences or Defences()
        self.random = random.Random(seed)
        self.disk = Disk(folder, self.random)
        self.disk.lies = not self.defences.disk_keeps_what_it_synced
        self.disk.deaf = not self.defences.small_files_are_synced
        self.promised = watch.Promised()
        self.feed = FeedMaker()
        self.feed.entry(policy(), entitled(1))
        self._now_s = 0
        self._written = self._counter = self._ids = 0
        self._power_goes = self._surely = False
        self._mount = ExitStack()
        self._mount.enter_context(mounted(self.disk))
        self._started: list[Callable[[], None]] = []
        self._begin()

    def play(self, history: History) -> None:
        """Live it, up to the first thing that is not so; then end once more and look."""
        for act in history.acts:
            self.act(act)
            if self.finding.broken:
                return
        self._end(power=True)
        if not self.finding.broken:
            self._look_whether_it_works()

    def act(self, act: Act) -> None:
        """One act, and what its disk makes of the process."""
        self.random.seed(act.chance)
        self.finding.counts[act.do] += 1
        self._now_s += 20
        self._do(getattr(self, act.do))
        if self.disk.dead:
            self._end(power=self._power_goes)

    def close(self) -> None:
        """End it."""
        self._stop()
        self._mount.close()
        self.finding.counts += self.disk.counts
        self.finding.trace = f"{self.disk.steps} steps"

    def _do(self, act: Callable[[], None]) -> None:
        try:
            act()
        except (OSError, sqlite3.Error) as error:  # no store documents these: the process ends, and systemd starts it
            if not self.disk.dead:
                where = traceback.extract_tb(error.__traceback__)
                ours = next(frame for frame in reversed(where) if "portillon_edge" in frame.filename)
                name = Path(ours.filename).name
                self.finding.counts[f"undocumented {type(error).__name__} from {name}:{ours.lineno}"] += 1
                self._power_goes = False
                self.disk.kill()

    # What the gateway does

    def write_events(self) -> None:
        """Some events, in one commit."""
        events = []
        for _ in range(self.random.randint(1, 6)):
            self._written += 1
            events.append(NewEvent(kind=EventKind.GRANTED, at=self._at(), detail=f"event {self._written}" + "." * 40))
        self.shelf.write(events, self._at())
        if not self.disk.dead:
            watch.note_rows(self.promised, self.shelf)

    def acknowledge(self) -> None:
        """The cloud has some rows."""
        source = self.random.choice(self.shelf.sources())
        through = self.random.randint(source.acknowledged, source.last)
        for event in source.read(source.acknowledged + 1, through):
            self.promised.sent[source.journal_id, event.sequence] = event.model_dump_json()
        told = self.promised.told
        told[source.journal_id] = max(told.get(source.journal_id, 0), through)
        self.shelf.acknowledge(source.journal_id, epoch=source.epoch, through=through, real_ms=None)

    def begin_epoch(self) -> None:
        """The cloud was restored: everything is to be sent again."""
        self.shelf.begin_epoch(max(source.epoch for source in self.shelf.sources()) + 1)

    def rest(self) -> None:
        """A quiet moment."""
        self.shelf.tidy(None)
        self.memory.tidy(self._at())

    def apply_entry(self) -> None:
        """The next entry of the feed; to an empty table, all of it."""
        if self.store.position().epoch != self.feed.epoch:
            self.take_snapshot()
            return
        revision = self.store.position().revision + 1
        if revision > self.feed.revision:
            number = self.random.randint(1, 40)
            self.feed.entry(removed(number) if self.random.random() < 0.2 else entitled(number))
        entry = self.feed.entries[revision]
        self.promised.positions.append(Position(entry.epoch, entry.revision, entry.root))
        self._move(lambda: self.store.apply(entry))

    def take_snapshot(self) -> None:
        """The whole table anew."""
        offer, body = self.feed.snapshot()
        self.promised.positions.append(Position(offer.epoch, offer.revision, offer.root))

        def switch() -> Position:
            compressed = self.folder / "download.zst"
            compressed.write_bytes(body)
            target = self.store.snapshot_path(offer.epoch, offer.revision)
            build_snapshot(compressed, target, offer=offer, secret=SECRET, cancelled=lambda: False)
            return self.store.switch(target)

        self._move(switch)

    def _move(self, to: Callable[[], Position]) -> None:
        try:
            position = to()
        except (EntryOutOfOrder, SnapshotRefused):
            raise  # there was nothing wrong with what we gave it
        except (EdgeError, OSError):
            self.finding.counts["refused by the disk"] += 1
            return
        if not self.disk.dead:
            self.promised.position, self.promised.positions = position, []

    def save_lease(self) -> None:
        """Each lease in turn."""
        self._counter += 1
        saved = SavedLease(
            epoch=1, revision=1, counter=self._counter, mode="test", clock_rev=0, rate=1, duration_ms=1_000,
            boot_id="boot", boot_ns=self._now_s, spent_ms=0, real_ms=NOON_MS, business_ms=NOON_MS, certain=True,
        )  # fmt: skip
        self.promised.leases.append(saved)
        try:
            self.store.save_lease(saved)
        except EdgeError:
            self.finding.counts["refused by the disk"] += 1
            return
        if not self.disk.dead:
            self.promised.lease, self.promised.leases = saved, []

    def remember(self) -> None:
        """A card proves itself by a counter, a code is used up."""
        self._counter += 1
        name = f"k1.{self.random.randrange(8)}"
        code = f"code{self._counter}"
        try:
            self.memory.commit([CounterSeen(name, self._counter), CodeUsed(code, NOON_MS * 2)])
        except EdgeError:
            self.finding.counts["refused by the disk"] += 1
            return
        if not self.disk.dead:
            self.promised.counters[name] = self._counter
            self.promised.used.add(code)

    # What goes wrong

    def kill(self) -> None:
        """SIGKILL between two acts."""
        self._end(power=False)

    def cut_power(self) -> None:
        """The power goes between two acts."""
        self._end(power=True)

    def die_in_a_write(self) -> None:
        """The process or the power ends just before one of the next steps of the disk."""
        self._power_goes = self.random.random() < 0.7
        self.disk.die_at(self.random.randint(1, 40), lambda: None)

    def fill_disk(self) -> None:
        """No room, for so many writes."""
        self.disk.fail_at(self.random.randint(1, 10), count=self.random.choice([1, 3, 100]), trouble=Trouble.FULL)

    def break_disk(self) -> None:
        """Steps fail, one or some in a row."""
        self.disk.fail_at(self.random.randint(1, 20), count=self.random.choice([1, 2, 8]))

    # Life and death

    def _at(self) -> EventTime:
        return EventTime(
            boot_id="boot", boot_ns=self._now_s * 1_000_000_000, business_ms=NOON_MS, quality=TimeQuality.CERTAIN,
            real_ms=NOON_MS,
        )  # fmt: skip

    def _end(self, *, power: bool) -> None:
        self.disk.kill()
        self._stop()
        if power:
            self.disk.cut_power()
        self.disk.revive()
        if self.random.random() < 0.2:  # the next process may not get far either
            self.disk.die_at(self.random.randint(1, 12), lambda: None)
        self._begin(power=power)
        if not self.finding.broken:
            self._look()

    def _stop(self) -> None:
        self.disk.kill()
        for stop in self._started:
            stop()
        self._started = []

    def _begin(self, *, power: bool = False) -> None:
        self._surely = power
        for _ in range(STARTS_MAX):
            self.finding.counts["starts"] += 1
            try:
                self._open()
            except (EdgeError, sqlite3.Error, OSError) as error:
                if not self.disk.dead:
                    self.finding.breaks(watch.PROGRESS, f"nothing is wrong with the disk any more, and still: {error}")
                    return
                self.finding.counts[f"deaths while starting: {type(error).__name__}"] += 1
            if not self.disk.dead:
                return
            self._stop()
            self._surely = self.random.random() < 0.7
            if self._surely:
                self.disk.cut_power()
            self.disk.revive()

    def _open(self) -> None:
        factory = sqlite3.Connection if self.defences.commits_are_synced else Careless
        self.store = EntitlementStore(self.folder / "entitlements.db", SECRET, factory=factory)
        self._started.append(self.store.close)
        self.memory = DurableCredentialMemory(self.folder, factory=factory)
        self._started.append(self.memory.close)
        self.shelf = JournalShelf(self.folder, new_id=self._new_id, factory=factory, reserve_bytes=8_192)
        self._started.append(self.shelf.close)

    def _new_id(self) -> str:
        self._ids += 1
        return f"{self._ids:08x}" + "0" * 24

    def _look(self) -> None:
        self.disk.mend()
        promised, breaks = self.promised, self.finding.breaks
        watch.look_at_journals(promised, self.shelf, breaks, surely=self._surely)
        watch.look_at_table(promised, self.store, self.folder, breaks, surely=self._surely)
        watch.look_at_lease(promised, self.store, breaks, surely=self._surely)
        watch.look_at_memory(promised, self.memory, breaks)

    def _look_whether_it_works(self) -> None:
        self._now_s += 20
        self.write_events()
        if not self.shelf.writable:
            self.finding.breaks(watch.PROGRESS, "the disk works again, the journal does not")


def write_storage_history(seed: int, *, acts: int = ACTS, without: tuple[str, ...] = ()) -> History:
    """The life of that seed."""
    return write_history(seed, kind="storage", weights=WEIGHTS, count=acts, without=without)


def store_once(history: History, folder: Path, *, defences: Defences | None = None) -> Finding:
    """One whole life."""
    home = folder / f"storage{history.seed}"
    home.mkdir()
    life = StorageLife(history.seed, home, defences)
    try:
        life.play(history)
    finally:
        life.close()
    return life.finding
