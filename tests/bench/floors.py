"""What the machine can do at best for each kind of work: the floor each benchmark is divided by."""

import os
import random
import sqlite3
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds of single operations: median and 99th percentile."""

    p50_s: float
    p99_s: float
    count: int


def timed(work: Callable[[int], object], *, count: int) -> Timing:
    """Time `work(i)` for i in 0..count, one by one."""
    clock = time.perf_counter
    spent = []
    for i in range(count):
        begin = clock()
        work(i)
        spent.append(clock() - begin)
    return summary(spent)


def summary(spent: Sequence[float]) -> Timing:
    """Median and 99th percentile of a list of seconds."""
    ordered = sorted(spent)
    return Timing(statistics.median(ordered), ordered[int(len(ordered) * 0.99)], len(ordered))


def raw_lookup(path: Path, keys: Sequence[str], bodies: Iterable[bytes], *, count: int, seed: int) -> Timing:
    """One bare SQLite point lookup by primary key among the same rows."""
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE row (key TEXT PRIMARY KEY, body BLOB) WITHOUT ROWID")
    connection.executemany("INSERT INTO row VALUES (?, ?)", zip(keys, bodies, strict=True))
    connection.commit()
    random_source = random.Random(seed)
    asked = [random_source.choice(keys) for _ in range(count)]
    execute = connection.execute
    timing = timed(lambda i: execute("SELECT body FROM row WHERE key = ?", (asked[i],)).fetchone(), count=count)
    connection.close()
    return timing


def raw_append(path: Path, *, size_bytes: int, count: int) -> Timing:
    """Append one record to a file and fdatasync it."""
    record = b"x" * size_bytes
    with path.open("ab", buffering=0) as file:

        def append(_: int) -> None:
            file.write(record)
            os.fdatasync(file.fileno())

        return timed(append, count=count)


def executemany(path: Path, keys: Sequence[str], bodies: Iterable[bytes]) -> float:
    """Seconds to insert the same rows into a bare table in one transaction, file flushed at the end."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE row (key TEXT PRIMARY KEY, body BLOB) WITHOUT ROWID")
    begin = time.perf_counter()
    with connection:
        connection.executemany("INSERT INTO row VALUES (?, ?)", zip(keys, bodies, strict=True))
    spent = time.perf_counter() - begin
    connection.close()
    return spent
