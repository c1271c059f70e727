"""What the gateway remembers of credentials so that nothing counts twice: counters, passes, used codes, wrong PINs.

A commit is one flush: the checkpoint waits for a quiet moment, and comes by itself only after many commits without one.

- Used codes and counts of visits are forgotten a month after their end, when business time and the life that the memory
  itself has lived say so (credential_tables.py, Age): a time that is taken back again has tidied nothing away.
- A full disk: the commit is refused, nothing of it is in, the next one tries again.
- Any other failure of a write: after a failed fsync nobody knows what is on the disk, so that the file is not written
  again; in a quiet moment its content goes into a new one.
- A corrupt file stays where it is, and a new one begins. What was forgotten is held against whoever could gain by it:
  a pass issued, or a single-use row valid, before the loss counts as used (every one of them while the time is not
  certain). Counters are set by each card's next reading, and counts of wrong PINs begin anew.
Each of these is an alarm. Names are hashes under the site's keys: this file alone tells nobody's card. Whoever steals
the whole gateway has those keys too, and 10⁴ PINs are soon tried; no PIN is in this file in any form.
"""

import logging
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from portillon_rules.decision import TimeQuality
from portillon_rules.visits import Visit

from portillon_edge.domain.credential_facts import NS_PER_MS, Fact, PinTried, PinTriesForgotten, Tries
from portillon_edge.domain.events import EventTime
from portillon_edge.errors import MemoryUnwritable
from portillon_edge.store import credential_tables as tables
from portillon_edge.store.connection import transaction
from portillon_edge.store.credential_files import SCHEMA, damaged, make_file, numbers, open_file, path_of, remove_old
from portillon_edge.store.schema import migrate

log = logging.getLogger(__name__)

HELD_MAX = 10_000
TIDY_NS = 60_000_000_000
RETRY_NS = 10_000_000_000
_FULL_OR_BUSY = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_LONG_AGO = -(2**62)


class DurableCredentialMemory:
    """Used by one thread. A bad disk never keeps it from being made: it is then unwritable, and says so by an alarm."""

    def __init__(
        self,
        folder: Path,
        *,
        factory: type[sqlite3.Connection] = sqlite3.Connection,
        page_limit: int | None = None,
    ) -> None:
        """Raises StoreTooNew for a file that a newer version wrote."""
        self._folder = folder
        self._factory = factory
        self._page_limit = page_limit
        self._db: sqlite3.Connection | None = None
        self._bad: str | None = None
        self._corrupt = False
        self._ram = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        migrate(self._ram, path=Path(":memory:"), name=SCHEMA, steps=tables.STEPS)
        self._held: list[Fact] = []
        self._tries: dict[str, Tries] = {}
        self._lost: tuple[int | None, int | None] | None = None
        self._alarms: list[str] = []
        self._alarmed = ""
        self._dirty = True
        self._tidied_ns = self._retried_ns = _LONG_AGO
        self._age = tables.Age()
        self._aged_ns: int | None = None
        self._number = max(numbers(folder), default=0)
        self._restart()
        if self._corrupt:
            self._restart()

    def counter(self, name: str) -> int | None:
        """The last counter of this credential. Raises MemoryUnwritable."""
        return self._known("SELECT counter FROM counter WHERE name = ?", name)

    def issued_ms(self, name: str) -> int | None:
        """When the last pass of this phone that let somebody in was issued. Raises MemoryUnwritable."""
        return self._known("SELECT issued_ms FROM phone WHERE name = ?", name)

    def has_pass(self, name: str, nonce: str, issued_ms: int) -> bool:
        """Whether this pass let somebody in, or may have. Raises MemoryUnwritable."""
        if self._lost is not None and (self._lost[1] is None or issued_ms <= self._lost[1]):
            return True
        return bool(self._known("SELECT 1 FROM nonce WHERE name = ? AND nonce = ?", name, nonce))

    def is_used(self, name: str, valid_from_ms: int) -> bool:
        """Whether this single-use credential is spent or reserved, or may be. Raises MemoryUnwritable."""
        if self.may_have_forgotten(valid_from_ms):
            return True
        return bool(self._known(tables.USED, name))

    def visits(self, member: str) -> dict[Visit, int]:
        """How often each visit of this member was spent or is reserved. Raises MemoryUnwritable."""
        if self._db is None or self._corrupt:
            raise MemoryUnwritable(f"{self._path}: {self._bad or 'cannot be opened'}")
        with self._judged():
            counted = Counter(tables.visits_of(self._db, member))
        counted.update(tables.visits_of(self._ram, member))
        return counted

    def may_have_forgotten(self, since_ms: int) -> bool:
        """Whether something remembered since this business time may be lost with an earlier memory."""
        return self._lost is not None and (self._lost[0] is None or since_ms <= self._lost[0])

    def tries(self, name: str) -> Tries | None:
        """The wrong PINs in a row there."""
        return self._tries.get(name)

    def commit(self, facts: Sequence[Fact]) -> None:
        """Write all of them down durably, with what is held; or raise MemoryUnwritable, and none is in."""
        if self._db is None or self._bad is not None:
            raise MemoryUnwritable(f"{self._path}: {self._bad or 'cannot be opened'}")
        with self._judged(), transaction(self._db):
            for fact in (*self._held, *facts):
                tables.write(self._db, fact, self._age)
        self._note_tries(facts)
        self._dirty, self._alarmed = True, ""
        if self._held:
            self._held.clear()
            for table in tables.TABLES:
                self._ram.execute(f"DELETE FROM {table}")  # noqa: S608

    def hold(self, facts: Sequence[Fact]) -> None:
        """Know them until the process ends; the next commit that succeeds takes them along."""
        for fact in facts:
            tables.write(self._ram, fact, self._age)
        self._note_tries(facts)
        self._held += facts
        if len(self._held) > HELD_MAX:
            del self._held[:-HELD_MAX]
            self._alarm(f"more than {HELD_MAX} facts wait for the disk; the oldest are lost at the next start")

    def tidy(self, now: EventTime) -> None:
        """In a quiet moment: forget what has run out, save what is held, go on in a new file if this one failed.

        It is from here that the memory knows the time; it is to be called each second or so.
        """
        self._grow(now)
        if (self._bad is not None or self._db is None or self._held) and now.boot_ns - self._retried_ns >= RETRY_NS:
            self._retried_ns = now.boot_ns
            with suppress(MemoryUnwritable):
                if self._bad is not None or self._db is None:
                    self._restart()
                if self._held:
                    self.commit(())
            tables.prune(self._ram, now, self._age.lived_ms)
        usable = self._db is not None and self._bad is None
        if usable and self._dirty and now.boot_ns - self._tidied_ns >= TIDY_NS:
            self._tidied_ns = now.boot_ns
            with suppress(MemoryUnwritable):
                self._prune(now)

    def take_alarms(self) -> list[str]:
        """What happened to the memory itself since the last call, for the journal."""
        alarms, self._alarms = self._alarms, []
        return alarms

    def close(self) -> None:
        """Save what is held, if the disk takes it, and close."""
        with suppress(MemoryUnwritable):
            if self._held:
                self.commit(())
        self._close()
        self._ram.close()

    @property
    def _path(self) -> Path:
        return path_of(self._folder, self._number)

    def _known(self, sql: str, *names: str) -> int | None:
        """The higher of what is held and what is on the disk; if the disk cannot be read, what is held must do."""
        held = self._ram.execute(sql, names).fetchone()
        try:
            if self._db is None or self._corrupt:
                raise MemoryUnwritable(f"{self._path}: {self._bad or 'cannot be opened'}")
            with self._judged():
                saved = self._db.execute(sql, names).fetchone()
        except MemoryUnwritable:
            if held is None:
                raise
            saved = None
        return max((row[0] for row in (held, saved) if row is not None), default=None)

    def _note_tries(self, facts: Sequence[Fact]) -> None:
        for fact in facts:
            match fact:
                case PinTried(name, tries):
                    self._tries[name] = tries
                case PinTriesForgotten(name):
                    self._tries.pop(name, None)

    def _grow(self, now: EventTime) -> None:
        since_ns = now.boot_ns if self._aged_ns is None else self._aged_ns
        lived_ms = max(0, now.boot_ns - since_ns) // NS_PER_MS
        self._aged_ns = since_ns + lived_ms * NS_PER_MS
        self._age = tables.Age(self._age.lived_ms + lived_ms, now.business_ms)

    def _prune(self, now: EventTime) -> None:
        assert self._db is not None  # noqa: S101  the caller saw to it
        with self._judged():
            with transaction(self._db):
                over = tables.prune(self._db, now, self._age.lived_ms)
                if self._lost == (None, None) and now.quality is TimeQuality.CERTAIN:
                    self._db.execute("UPDATE lost SET business_ms = ?, real_ms = ?", (now.business_ms, now.real_ms))
            self._lost = tables.load_loss(self._db)
            self._db.execute("PRAGMA wal_checkpoint(PASSIVE)")
        for name in over:
            self._tries.pop(name, None)
        self._dirty = self._lost is not None and self._lost[0] is None

    def _restart(self) -> None:
        """Open the file in force, or go on in a new one: with its content if it can be read, with the loss if not."""
        try:
            if self._corrupt:
                self._begin(lost=self._bad)
            elif self._db is not None:
                self._begin(carried=self._db)
            elif self._number:
                self._open()
            else:
                self._begin()
        except (sqlite3.Error, OSError) as error:
            self._note(error)

    def _begin(self, *, lost: str | None = None, carried: sqlite3.Connection | None = None) -> None:
        path = path_of(self._folder, self._number + 1)
        # Counts of wrong PINs are in memory too, so that a loss while running forgets none.
        known = [PinTried(name, tries) for name, tries in self._tries.items()] if lost else []
        make_file(path, factory=self._factory, carried=carried, lost=lost, known=known)
        if self._bad is not None:
            fate = "it is forgotten: what it may have held counts as used" if lost else "nothing of it is lost"
            self._alarm(f"{self._path}: {self._bad}; going on in {path.name}, {fate}")
        self._close()
        self._number, self._corrupt = self._number + 1, False
        self._open()
        remove_old(self._folder, self._number)

    def _open(self) -> None:
        db = open_file(self._path, factory=self._factory, page_limit=self._page_limit)
        self._tries = tables.load_tries(db)
        self._lost = tables.load_loss(db)
        self._age = replace(self._age, lived_ms=max(self._age.lived_ms, tables.load_lived(db)))
        self._note_tries(self._held)
        self._db, self._bad, self._dirty = db, None, True

    @contextmanager
    def _judged(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            self._note(error)
            raise MemoryUnwritable(f"{self._path}: the credential memory fails: {error}") from error

    def _note(self, error: sqlite3.Error | OSError) -> None:
        code = getattr(error, "sqlite_errorcode", None)
        passing = code is not None and code & 0xFF in _FULL_OR_BUSY
        if not passing or self._db is None:
            self._bad = str(error)
            self._corrupt = self._corrupt or damaged(error)
        self._alarm(f"{self._path}: the credential memory fails: {error}")

    def _alarm(self, text: str) -> None:
        """Once for each trouble, until something was written again."""
        if text != self._alarmed:
            self._alarmed = text
            self._alarms.append(text)
            log.error("%s", text)

    def _close(self) -> None:
        if self._db is not None:
            with suppress(sqlite3.Error):
                self._db.close()
        self._db = None
