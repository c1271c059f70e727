"""The nightly invoice run: all that an invoice is, against a bare bulk load of the very rows it wrote.

Batch by batch in turns, so that both see the same machine: the product bills 500 and commits; its rows are read back;
the floor writes them into a copy of the database with the same tables, indexes and keys, and commits. Every commit is
flushed. Not among the floor's rows: what the run must read, the number counter, each subscription moved on.
"""

import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from bench.cloud_gym import DUE_ON, NOW_MS, Engine, build, raw_connection
from bench.report import Row
from portillon_cloud.billing.invoice_run import BATCH, bill_batch
from portillon_cloud.commands.serving import collect_seldom

TABLES = {
    "invoice": "id",
    "invoice_line": "id",
    "invoice_tax": "invoice_id",
    "ledger_entry": "id",
    "posting": "id",
    "payment_intent": "id",
    "timer": "id",
    "access_outbox": "id",
}
"""What a run writes, parents first, and the column by which its newest rows are found."""

RATIO_AIM = 2.0
GROWTH_AIM = 1.2
LARGE, LARGE_AIM_S = 100_000, 30.0
MEMORY_AIM_MB = 150


@dataclass(frozen=True, slots=True)
class Run:
    """Seconds of one whole run and of its floor."""

    members: int
    spent_s: float
    floor_s: float


def benchmarks(engine: Engine, sizes: tuple[int, ...]) -> Iterator[Row]:
    """One row for each number of members, and what growth costs if there are two."""
    collect_seldom()  # as every process that bills does
    runs: list[Run] = []
    for members in sizes:
        run = measure(engine, members)
        runs.append(run)
        yield _row(engine, run)
    if len(runs) > 1:
        small, large = runs[0], runs[-1]
        each_s, before_s = large.spent_s / large.members, small.spent_s / small.members
        # The floor's own growth says what of it is the machine's: its disk, its cache, its other work.
        floor_grew = (large.floor_s / large.members) / (small.floor_s / small.members)
        yield Row(
            f"growth: one invoice among {large.members:,} members; {engine.name}",
            f"{each_s * 1e6:.0f} µs",
            f"among {small.members:,} {before_s * 1e6:.0f} µs; the floor itself grew {floor_grew:.2f}×",
            each_s / before_s,
            f"≤ {GROWTH_AIM}×",
            each_s / before_s <= GROWTH_AIM,
        )
    yield memory(engine, sizes[-1])


def memory(engine: Engine, members: int) -> Row:
    """What a run's process takes beside what it had at its start."""
    url = engine.create(f"memory_{members}")
    gym = build(url, members)
    gym.db.close()
    command = [sys.executable, "-m", "bench.billing_memory", url, str(gym.legal_entity_id)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    before, after = float(said[0]), float(said[1])
    assert int(said[2]) == members
    return Row(
        f"memory of an invoice run over {members:,} members; {engine.name}",
        f"{after - before:.0f} MB",
        f"the process before it {before:.0f} MB",
        None,
        f"< {MEMORY_AIM_MB} MB",
        after - before < MEMORY_AIM_MB,
    )


def measure(engine: Engine, members: int) -> Run:
    """Bill `members` who are all due on one day."""
    url = engine.create(f"invoices_{members}")
    gym = build(url, members)
    gym.db.close()
    floor = _floor(engine.clone(url))
    source = _floor(url)
    db = type(gym.db)(url)
    spent_s = floor_s = 0.0
    issued, reached = 0, None
    clock = time.perf_counter
    while True:
        begin = clock()
        with db.write() as conn:  # as run_invoices does it
            done = bill_batch(conn, gym.legal_entity_id, on=DUE_ON, now_ms=NOW_MS, after=reached)
        spent_s += clock() - begin
        if done.reached is None:
            break
        issued, reached = issued + len(done.issued), done.reached
        rows = source.newest()
        begin = clock()
        floor.write(rows)
        floor_s += clock() - begin
    assert issued == members
    assert floor.counts() == source.counts(), "the floor wrote the same rows"
    for one in (source, floor, db):
        one.close()
    return Run(members, spent_s, floor_s)


class _Floor(Protocol):
    """The newest rows of every table as the driver likes them best, and the fastest way to write them."""

    def newest(self) -> dict[str, Any]: ...
    def write(self, rows: dict[str, Any]) -> None: ...
    def counts(self) -> list[int]: ...
    def close(self) -> None: ...


class _SqliteFloor:
    def __init__(self, url: str) -> None:
        self._connection: sqlite3.Connection = raw_connection(url)
        self._seen = {name: self._last(name) for name in TABLES}

    def newest(self) -> dict[str, Any]:
        found = {}
        for name, key in TABLES.items():
            query = f"SELECT * FROM {name} WHERE {key} > ? ORDER BY {key}"
            found[name] = self._connection.execute(query, (self._seen[name],)).fetchall()
            self._seen[name] = self._last(name)
        return found

    def write(self, rows: dict[str, Any]) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        for name, values in rows.items():
            places = ", ".join("?" * len(values[0]))
            self._connection.executemany(f"INSERT INTO {name} VALUES ({places})", values)
        self._connection.execute("COMMIT")

    def counts(self) -> list[int]:
        return [self._connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in TABLES]

    def close(self) -> None:
        self._connection.close()

    def _last(self, name: str) -> int:
        found: int = self._connection.execute(f"SELECT coalesce(max({TABLES[name]}), 0) FROM {name}").fetchone()[0]
        return found


class _PostgresFloor:
    """COPY out in the form in which COPY takes them in again: no value is formatted on the floor's time."""

    def __init__(self, url: str) -> None:
        self._connection = raw_connection(url)
        self._seen = {name: self._last(name) for name in TABLES}
        self._connection.commit()

    def newest(self) -> dict[str, Any]:
        found = {}
        for name, key in TABLES.items():
            query = f"COPY (SELECT * FROM {name} WHERE {key} > {self._seen[name]} ORDER BY {key}) TO STDOUT"
            with self._connection.cursor() as cursor, cursor.copy(query) as copy:
                found[name] = b"".join(copy)
            self._seen[name] = self._last(name)
        self._connection.commit()
        return found

    def write(self, rows: dict[str, Any]) -> None:
        with self._connection.cursor() as cursor:
            for name, lines in rows.items():
                with cursor.copy(f"COPY {name} FROM STDIN") as copy:
                    copy.write(lines)
        self._connection.commit()

    def counts(self) -> list[int]:
        return [self._connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in TABLES]

    def close(self) -> None:
        self._connection.close()

    def _last(self, name: str) -> int:
        query = f"SELECT coalesce(max({TABLES[name]}), 0) FROM {name}"
        found: int = self._connection.execute(query).fetchone()[0]
        return found


def _floor(url: str) -> _Floor:
    return _PostgresFloor(url) if url.startswith("postgresql") else _SqliteFloor(url)


def _row(engine: Engine, run: Run) -> Row:
    ratio = run.spent_s / run.floor_s
    large = run.members >= LARGE
    load = "COPY" if engine.name == "PostgreSQL" else "executemany"
    return Row(
        f"invoice run: lines, taxes, postings, numbers, intents, outbox; {run.members:,} members; {engine.name}",
        f"{run.spent_s:.2f} s, {run.members / run.spent_s:,.0f}/s",
        f"{load} of the same rows by {BATCH} {run.floor_s:.2f} s",
        ratio,
        f"≤ {RATIO_AIM:.0f}×" + (f", < {LARGE_AIM_S:.0f} s" if large else ""),
        ratio <= RATIO_AIM and (not large or run.spent_s < LARGE_AIM_S),
    )
