"""The gateway's share: decide, decide and write down, apply a snapshot, and what memory that takes."""

import random
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from bench import floors
from bench.gym_rows import KEY, NOW_MS, PACK_EVERY, card, hashed, rows, snapshot
from bench.report import Row, micro
from portillon_edge.domain.events import EventKind, EventTime, NewEvent
from portillon_edge.domain.look_up import look_up
from portillon_edge.store.entitlements import EntitlementStore
from portillon_edge.store.journal import Journal
from portillon_edge.store.snapshot_build import build_snapshot
from portillon_rules.company import Company
from portillon_rules.decision import DecisionTime, DoorView, Granted, TimeQuality, decide
from portillon_rules.entitlement import Entitlement
from portillon_rules.local_facts import LocalFacts
from portillon_rules.presence import Presence
from portillon_rules.row_mac import row_mac_key
from portillon_rules.visits import VisitRow, VisitUse
from portillon_wire.messages import SnapshotOffer

SECRET = row_mac_key(KEY)
LANE = DoorView("lane1", "gym")
LOCAL = LocalFacts(
    presence=Presence(None, NOW_MS - 3_600_000), occupancy=120, company=Company(waiting=("m2",)), pin_shown=False
)
TIME = DecisionTime(NOW_MS, TimeQuality.CERTAIN, 3_600_000)
STAMP = EventTime(boot_id="b", boot_ns=1, real_ms=NOW_MS, business_ms=NOW_MS, quality=TimeQuality.CERTAIN)
RSS_AIM_MB = 200
SNAPSHOT_TURNS = 3
DECISIONS = 100_000
ENTRIES = 500


def benchmarks(folder: Path, members: int, count: int) -> Iterator[Row]:
    """Measure with a table of `members` rows; single operations are repeated `count` times."""
    offer = snapshot(folder / "table.zst", members)
    yield _snapshot(folder, offer, members)
    store = EntitlementStore(folder / "entitlements.db", SECRET)
    built = store.snapshot_path(offer.epoch, offer.revision)
    build_snapshot(folder / "table.zst", built, offer=offer, secret=SECRET, cancelled=lambda: False)
    store.switch(built)
    source = random.Random(1)
    asked = [card(source.randrange(members)) for _ in range(count)]
    keys = [hashed(number) for number in range(members)]
    raw = floors.raw_lookup(
        folder / "floor.db", sorted(keys), (body for kind, _, body in rows(members) if kind == "entitlement"),
        count=count, seed=1,
    )  # fmt: skip
    del keys
    yield _decide(store, asked, raw, members)
    yield _decide_with_pack(
        store, [card(n * PACK_EVERY) for n in range(min(count, members // PACK_EVERY))], raw, members
    )
    yield _decide_and_write(folder, store, asked, raw, members)
    store.close()
    yield _memory(folder, members)


def _decide_once(store: EntitlementStore, asked: list[object], i: int) -> tuple[str, Granted]:
    name, found = look_up(asked[i], keys=[KEY], lookup=store.lookup)  # type: ignore[arg-type]
    answer = decide(lookup=found, door=LANE, site=store.site_rules(), time=TIME, local=LOCAL)
    assert isinstance(answer, Granted)
    return name, answer


def _decide(store: EntitlementStore, asked: list[object], raw: floors.Timing, members: int) -> Row:  # type: ignore[type-arg]
    timing = floors.timed(lambda i: _decide_once(store, asked, i), count=len(asked))
    ratio = timing.p50_s / raw.p50_s
    return Row(
        f"decide: keyed hash, lookup, row MAC, all rules on; {members:,} members",
        f"p50 {micro(timing.p50_s)}, p99 {micro(timing.p99_s)}",
        f"one point lookup {micro(raw.p50_s)}",
        ratio,
        "≤ 5×, p99 < 1 ms",
        ratio <= 5 and timing.p99_s < 1e-3,
    )


def _decide_with_pack(store: EntitlementStore, asked: list[object], raw: floors.Timing, members: int) -> Row:
    """Somebody who comes on a visit pack: their visits are a second row of the table."""

    def work(i: int) -> None:
        _, found = look_up(asked[i], keys=[KEY], lookup=store.lookup)  # type: ignore[arg-type]
        assert isinstance(found, Entitlement)
        row = store.visits(found.member)
        assert isinstance(row, VisitRow)
        local = replace(LOCAL, visits=VisitUse(row))
        assert isinstance(decide(lookup=found, door=LANE, site=store.site_rules(), time=TIME, local=local), Granted)

    timing = floors.timed(work, count=len(asked))
    ratio = timing.p50_s / (2 * raw.p50_s)
    return Row(
        f"the same for a member with a visit pack: two rows; {members:,} members",
        f"p50 {micro(timing.p50_s)}, p99 {micro(timing.p99_s)}",
        f"two point lookups {micro(2 * raw.p50_s)}",
        ratio,
        "≤ 5×, p99 < 1 ms",
        ratio <= 5 and timing.p99_s < 1e-3,
    )


def _decide_and_write(
    folder: Path, store: EntitlementStore, asked: list[object], raw: floors.Timing, members: int
) -> Row:
    journal = Journal(folder / "journal.db")
    count = min(len(asked), 2_000)
    spent: list[float] = []
    flush: list[float] = []
    size = 400
    # In turns, since a disk's flush time wanders: floor and work see the same disk.
    for begin in range(0, count, 200):
        flush.append(floors.raw_append(folder / "floor.log", size_bytes=size, count=200).p50_s)

        def work(i: int, begin: int = begin) -> None:
            name, answer = _decide_once(store, asked, begin + i)
            journal.append(
                [NewEvent(kind=EventKind.GRANTED, at=STAMP, door="lane1", reader="r1", credential=name,
                          member=answer.member)]
            )  # fmt: skip

        spent.append(floors.timed(work, count=200).p50_s)
    journal.close()
    measured, floor = floors.summary(spent).p50_s, floors.summary(flush).p50_s + raw.p50_s
    return Row(
        f"decide + durable journal event; {members:,} members",
        f"p50 {micro(measured)}",
        f"append + fdatasync + lookup {micro(floor)}",
        measured / floor,
        "≤ 1.5×",
        measured / floor <= 1.5,
    )


def _snapshot(folder: Path, offer: SnapshotOffer, members: int) -> Row:
    """Apply in a process of its own, so that its memory is its own; in turns with the floor, as the machine wanders."""
    ordered = [(f"{kind} {key}", body) for kind, key, body in rows(members)]
    keys, bodies = [key for key, _ in ordered], [body for _, body in ordered]
    del ordered
    applied, floor, peaks_mb = [], [], []
    for turn in range(SNAPSHOT_TURNS):
        floor.append(floors.executemany(folder / f"many{turn}.db", keys, bodies))
        (folder / f"many{turn}.db").unlink()
        done = subprocess.run(
            [sys.executable, "-m", "bench.edge", str(folder / "table.zst"), str(folder / "applied.db"),
             offer.model_dump_json()], capture_output=True, text=True, check=True,
        )  # fmt: skip
        (folder / "applied.db").unlink()
        applied_s, peak_mb = (float(word) for word in done.stdout.split())
        applied.append(applied_s)
        peaks_mb.append(peak_mb)
    ratio = statistics.median(applied) / statistics.median(floor)
    return Row(
        f"snapshot applied: unpack, check, MAC, digest, store; {members:,} members",
        f"{statistics.median(applied):.2f} s, {max(peaks_mb):.0f} MB",
        f"executemany {statistics.median(floor):.2f} s",
        ratio,
        f"≤ 1.5×, < {RSS_AIM_MB} MB",
        ratio <= 1.5 and max(peaks_mb) < RSS_AIM_MB,
    )


def _memory(folder: Path, members: int) -> Row:
    """In a process of its own, over the table that is in force in `folder`."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.memory", str(folder), str(members), str(DECISIONS), str(ENTRIES)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    before_mb, decided_mb, all_mb = (float(word) for word in done.stdout.split())
    return Row(
        f"memory: {DECISIONS:,} decisions, {ENTRIES} entries, a scrub; {members:,} members",
        f"peak {all_mb:.0f} MB, {decided_mb:.0f} MB after the decisions",
        f"the same process before {before_mb:.0f} MB",
        None,
        f"< {RSS_AIM_MB} MB",
        all_mb < RSS_AIM_MB,
    )


def peak_mb() -> float:
    """This program's own peak memory. Not `ru_maxrss`: that one survives exec, so a child reports its parent's peak."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def main() -> None:
    """Build one snapshot and print seconds and peak memory (the child of `_snapshot`)."""
    compressed, target, offer = sys.argv[1:]
    begin = time.perf_counter()
    build_snapshot(
        Path(compressed), Path(target), offer=SnapshotOffer.model_validate_json(offer), secret=SECRET,
        cancelled=lambda: False,
    )  # fmt: skip
    print(time.perf_counter() - begin, peak_mb())


if __name__ == "__main__":
    main()
