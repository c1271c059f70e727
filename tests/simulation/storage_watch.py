"""What a gateway's files must still hold after any end: all that a store said was written, whole and unchanged."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from portillon_edge.domain.position import EMPTY, Position
from portillon_edge.domain.timekeeping import SavedLease
from portillon_edge.errors import MemoryUnwritable
from portillon_edge.store.credential_memory import DurableCredentialMemory
from portillon_edge.store.entitlements import EntitlementStore
from portillon_edge.store.journal_shelf import JournalShelf
from portillon_edge.store.memory_journal import MemoryJournal
from portillon_wire.digest import DigestBuilder

Breaks = Callable[[int, str], None]
JOURNAL, TABLE, REPLAY, TIME, PROGRESS = 3, 2, 7, 8, 0


@dataclass
class Promised:
    """What the stores said is on the disk, and what they may have written before they could say so."""

    rows: dict[tuple[str, int], str] = field(default_factory=dict)
    told: dict[str, int] = field(default_factory=dict)
    """Up to which row the cloud acknowledged each journal."""
    sent: dict[tuple[str, int], str] = field(default_factory=dict)
    """What the cloud has under those numbers."""
    position: Position = EMPTY
    positions: list[Position] = field(default_factory=list)
    """Where the table may be besides."""
    lease: SavedLease | None = None
    leases: list[SavedLease] = field(default_factory=list)
    counters: dict[str, int] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    harmed: set[str] = field(default_factory=set)
    """Which parts a bit was flipped in: they may lose what they held, and never more."""


def note_rows(promised: Promised, shelf: JournalShelf) -> None:
    """Every row that a file gives now was promised."""
    for source in shelf.sources():
        if isinstance(source, MemoryJournal):
            continue
        known = max((number for journal, number in promised.rows if journal == source.journal_id), default=0)
        for event in source.read(known + 1, source.last):
            promised.rows[source.journal_id, event.sequence] = event.model_dump_json()


def look_at_journals(promised: Promised, shelf: JournalShelf, breaks: Breaks, *, surely: bool) -> None:
    """3: what was promised is there unchanged and once, without holes; nothing counts as told that was not.

    Here and below `surely`: the power was cut, so that what is there now is on the disk. After the end of the process
    alone it may still be in the system's memory, and a cut of the power may take it.
    """
    found: dict[tuple[str, int], str] = {}
    for source in shelf.sources():
        numbers = []
        for first in range(source.oldest, source.last + 1, 500):
            for event in source.read(first, source.last):
                found[source.journal_id, event.sequence] = event.model_dump_json()
                numbers.append(event.sequence)
        if numbers != list(range(source.oldest, source.last + 1)):
            breaks(JOURNAL, f"journal {source.journal_id[:8]} has a hole: {numbers[:3]}…{numbers[-3:]}")
        if source.acknowledged > max(promised.told.get(source.journal_id, 0), source.oldest - 1):
            breaks(JOURNAL, f"journal {source.journal_id[:8]} says that the cloud has row {source.acknowledged}")
    for key, body in promised.rows.items():
        if found.get(key) != body:
            breaks(JOURNAL, f"row {key[1]} of journal {key[0][:8]} was written and is {found.get(key, 'gone')}")
            return
    for key, body in promised.sent.items():
        if found.get(key, body) != body:
            breaks(JOURNAL, f"the cloud has row {key[1]} of journal {key[0][:8]}, which is another event now")
    details = [body.split('"detail":"event ', 1)[1] for body in found.values() if '"detail":"event ' in body]
    if len(details) != len(set(details)):
        breaks(JOURNAL, "an event is there twice")
    if surely:
        promised.rows = found


def look_at_table(promised: Promised, store: EntitlementStore, folder: Path, breaks: Breaks, *, surely: bool) -> None:
    """2: the table is at a revision that was applied whole, and its rows make that revision's root."""
    position = store.position()
    allowed = [promised.position, *promised.positions, *([EMPTY] if "table" in promised.harmed else [])]
    if position not in allowed:
        breaks(TABLE, f"the table is at {position.epoch}/{position.revision}, it was at {promised.position}")
    builder = DigestBuilder()
    in_force = store._pointer.current
    with closing(sqlite3.connect(f"{in_force.as_uri()}?mode=ro", uri=True)) as db:
        rows = db.execute("SELECT kind, key, body FROM feed_row").fetchall()
    builder.add_many([(kind.encode(), key.encode(), body.encode()) for kind, key, body in rows])
    if position != EMPTY and builder.digest().root() != position.root and "table" not in promised.harmed:
        breaks(TABLE, f"the rows of {position.epoch}/{position.revision} do not make its root")
    if surely:
        promised.position, promised.positions = position, []


def look_at_lease(promised: Promised, store: EntitlementStore, breaks: Breaks, *, surely: bool) -> None:
    """8: the lease is the one saved last: an older one would give time back."""
    lease = store.load_lease()
    if lease not in [promised.lease, *promised.leases] and not (lease is None and "lease" in promised.harmed):
        breaks(TIME, f"the lease saved last is {lease and lease.counter}, not {promised.lease}")
    if surely:
        promised.lease, promised.leases = lease, []


def look_at_memory(promised: Promised, memory: DurableCredentialMemory, breaks: Breaks) -> None:
    """7: what was used once stays used; counters never fall."""
    try:
        for name in sorted(promised.used):
            if not memory.is_used(name, 0):
                breaks(REPLAY, f"the single-use credential {name} can be used again")
        if "memory" in promised.harmed:
            return
        for name, counter in promised.counters.items():
            if (memory.counter(name) or 0) < counter:
                breaks(REPLAY, f"{name}'s counter fell from {counter} to {memory.counter(name)}")
    except MemoryUnwritable as error:
        breaks(PROGRESS, f"the disk works again, the memory does not: {error}")
