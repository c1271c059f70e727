"""The tables of the credential memory, and how one fact becomes one row of them. The file is credential_memory.py's."""

import sqlite3
from dataclasses import dataclass
from typing import assert_never

import sqlite_utils
from portillon_rules.decision import TimeQuality
from portillon_rules.visits import Visit

from portillon_edge.domain.credential_facts import (
    CodeFreed,
    CodeUsed,
    CounterSeen,
    Fact,
    PassSeen,
    PinTried,
    PinTriesForgotten,
    Tries,
)
from portillon_edge.domain.events import EventTime
from portillon_edge.domain.visit_facts import EveryVisitFreed, VisitFreed, VisitReserved, VisitSpent

CARDS_MAX = 1_000_000
"""Counters, and phones, that are kept: more than one gateway has members. Past it the longest unseen are forgotten."""
PINS_MAX = 100_000
KEEP_MS = 30 * 86_400_000
"""A used code, and a count of visits, is remembered for this long after its end, in case that is put off."""
LASTS_MS = 32 * 86_400_000
"""Of what was counted when nobody knew the time: as long as the count of a quota is of use."""
USED = "SELECT 1 FROM used_code WHERE name = ?"
TABLES = ("counter", "phone", "nonce", "used_code", "pin_tries", "lost", "visit", "lived")


@dataclass(frozen=True, slots=True)
class Age:
    """How long this memory has lived under a running gateway, by the boot clock, and the business time at that age.

    Business time may be taken back: a cloud whose clock was a year ahead is put right (timekeeping.py, rule 7). What
    was lived is not. So a count is over when both say so: business time, and as much life as it had left when it was
    written. Without power nobody lives: that keeps a count for longer, never for shorter.
    """

    lived_ms: int = 0
    business_ms: int | None = None

    def at(self, until_ms: int) -> int:
        """The age at which business time `until_ms` is lived through."""
        return self.lived_ms + (LASTS_MS if self.business_ms is None else max(0, until_ms - self.business_ms))


def m001_what_must_not_count_twice(db: sqlite_utils.Database) -> None:
    db.execute("CREATE TABLE counter (name TEXT PRIMARY KEY, counter INTEGER NOT NULL)")
    db.execute("CREATE TABLE phone (name TEXT PRIMARY KEY, issued_ms INTEGER NOT NULL)")
    db.execute(
        "CREATE TABLE nonce (name TEXT NOT NULL, nonce TEXT NOT NULL, until_real_ms INTEGER NOT NULL,"
        " PRIMARY KEY (name, nonce)) WITHOUT ROWID"
    )
    db.execute("CREATE TABLE used_code (name TEXT PRIMARY KEY, until_business_ms INTEGER NOT NULL)")
    db.execute(
        "CREATE TABLE pin_tries (name TEXT PRIMARY KEY, wrong INTEGER NOT NULL, lockout_ms INTEGER NOT NULL,"
        " boot_id TEXT NOT NULL, until_ns INTEGER NOT NULL)"
    )
    # At most one row: an earlier memory was lost; when is not known before the first certain time.
    db.execute(
        "CREATE TABLE lost (one INTEGER PRIMARY KEY CHECK (one = 1), why TEXT NOT NULL, business_ms INTEGER,"
        " real_ms INTEGER)"
    )


def m002_visits(db: sqlite_utils.Database) -> None:
    # Differences, where they wait for the disk (what is held): so a number may be below 0 there.
    db.execute(
        "CREATE TABLE visit (member TEXT NOT NULL, name TEXT NOT NULL, turn INTEGER NOT NULL, period TEXT NOT NULL,"
        " until_business_ms INTEGER NOT NULL, spent INTEGER NOT NULL, reserved INTEGER NOT NULL,"
        " PRIMARY KEY (member, name, turn, period))"
    )


def m003_lived(db: sqlite_utils.Database) -> None:
    # What was counted before there were ages ends as if it had been counted at the first.
    db.execute("CREATE TABLE lived (one INTEGER PRIMARY KEY CHECK (one = 1), ms INTEGER NOT NULL)")
    for table in ("used_code", "visit"):
        db.execute(f"ALTER TABLE {table} ADD COLUMN until_lived_ms INTEGER NOT NULL DEFAULT {LASTS_MS}")


STEPS = (m001_what_must_not_count_twice, m002_visits, m003_lived)


def write(db: sqlite3.Connection, fact: Fact, age: Age) -> None:
    """One fact, inside the caller's transaction. The last one written has the highest rowid: the last to be pruned."""
    match fact:
        case CounterSeen(name, counter):
            _raise(db, "counter", "counter", name, counter)
        case PassSeen(name, nonce, issued_ms, until_ms):
            _raise(db, "phone", "issued_ms", name, issued_ms)
            db.execute("INSERT OR REPLACE INTO nonce VALUES (?, ?, ?)", (name, nonce, until_ms))
        case CodeUsed(name, until_ms):
            db.execute("INSERT OR REPLACE INTO used_code VALUES (?, ?, ?)", (name, until_ms, age.at(until_ms)))
        case CodeFreed(name):
            db.execute("DELETE FROM used_code WHERE name = ?", (name,))
        case PinTried(name, tries):
            db.execute(
                "INSERT OR REPLACE INTO pin_tries VALUES (?, ?, ?, ?, ?)",
                (name, tries.wrong, tries.lockout_ms, tries.boot_id, tries.until_ns),
            )
        case PinTriesForgotten(name):
            db.execute("DELETE FROM pin_tries WHERE name = ?", (name,))
        case VisitReserved(member, visit, until_ms):
            _count_visit(db, member, visit, until_ms, age, spent=0, reserved=1)
        case VisitSpent(member, visit, until_ms):
            _count_visit(db, member, visit, until_ms, age, spent=1, reserved=-1)
        case VisitFreed(member, visit, until_ms):
            _count_visit(db, member, visit, until_ms, age, spent=0, reserved=-1)
        case EveryVisitFreed():
            db.execute("UPDATE visit SET reserved = 0 WHERE reserved <> 0")
        case _:
            assert_never(fact)


def _raise(db: sqlite3.Connection, table: str, column: str, name: str, value: int) -> None:
    """Set the value, unless a higher one is there."""
    db.execute(
        f"INSERT OR REPLACE INTO {table} (name, {column})"  # noqa: S608  table and column are our own
        f" SELECT :name, max(:value, coalesce((SELECT {column} FROM {table} WHERE name = :name), :value))",
        {"name": name, "value": value},
    )


def _count_visit(
    db: sqlite3.Connection, member: str, visit: Visit, until_ms: int, age: Age, *, spent: int, reserved: int
) -> None:
    db.execute(
        "INSERT INTO visit VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
        " until_business_ms = max(until_business_ms, excluded.until_business_ms),"
        " until_lived_ms = max(until_lived_ms, excluded.until_lived_ms),"
        " spent = spent + excluded.spent, reserved = reserved + excluded.reserved",
        (member, visit.name, visit.turn, visit.period, until_ms, spent, reserved, age.at(until_ms)),
    )


def visits_of(db: sqlite3.Connection, member: str) -> dict[Visit, int]:
    """How often each visit of the member was spent or is reserved."""
    rows = db.execute("SELECT name, turn, period, spent + reserved FROM visit WHERE member = ?", (member,))
    return {Visit(name, turn, period): count for name, turn, period, count in rows}


def load_loss(db: sqlite3.Connection) -> tuple[int | None, int | None] | None:
    """Up to which business and real time an earlier memory is lost; None: it is whole; None inside: not known yet."""
    row: tuple[int | None, int | None] | None = db.execute("SELECT business_ms, real_ms FROM lost").fetchone()
    return row


def load_tries(db: sqlite3.Connection) -> dict[str, Tries]:
    """All wrong PINs in a row: they are few, and asked for at each PIN."""
    rows = db.execute("SELECT name, wrong, lockout_ms, boot_id, until_ns FROM pin_tries")
    return {name: Tries(*tries) for name, *tries in rows}


def load_lived(db: sqlite3.Connection) -> int:
    """For how long the memory had lived when that was last written down, in milliseconds."""
    row: tuple[int] | None = db.execute("SELECT ms FROM lived").fetchone()
    return 0 if row is None else row[0]


def prune(db: sqlite3.Connection, now: EventTime, lived_ms: int) -> list[str]:
    """Forget what can change nothing any more, inside the caller's transaction; the names of forgotten tries."""
    db.execute("INSERT OR REPLACE INTO lived VALUES (1, ?)", (lived_ms,))
    if now.real_ms is not None:  # uncertain time is a lower bound: what has run out by it has run out
        db.execute("DELETE FROM nonce WHERE until_real_ms <= ?", (now.real_ms,))
    if now.business_ms is not None and now.quality is TimeQuality.CERTAIN:
        over = (now.business_ms - KEEP_MS, lived_ms - KEEP_MS)
        for table in ("used_code", "visit"):
            db.execute(f"DELETE FROM {table} WHERE until_business_ms < ? AND until_lived_ms < ?", over)  # noqa: S608
    for table in ("counter", "phone"):
        db.execute(
            f"DELETE FROM {table} WHERE rowid <= (SELECT rowid FROM {table} ORDER BY rowid DESC LIMIT 1 OFFSET ?)",  # noqa: S608
            (CARDS_MAX,),
        )
    ended = [name for name, tries in load_tries(db).items() if tries.over(now)]
    ended += [
        name
        for (name,) in db.execute(
            "SELECT name FROM pin_tries WHERE lockout_ms = 0 ORDER BY rowid DESC LIMIT -1 OFFSET ?", (PINS_MAX,)
        )
    ]
    db.executemany("DELETE FROM pin_tries WHERE name = ?", [(name,) for name in ended])
    return ended


def copy(source: sqlite3.Connection, target: sqlite3.Connection) -> None:
    """Every row into an empty file, oldest first, inside the caller's transaction."""
    for table in TABLES:
        order = "" if table == "nonce" else " ORDER BY rowid"
        rows = source.execute(f"SELECT * FROM {table}{order}")  # noqa: S608
        marks = ", ".join("?" * len(rows.description))
        target.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)  # noqa: S608
