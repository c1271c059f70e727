"""The gateway's start, and what its journal costs the card: from an empty process to a decision; bytes by event."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench import floors
from bench.edge import SECRET, STAMP
from bench.gym_rows import snapshot
from bench.report import Row
from portillon_edge.domain.events import EventKind, NewEvent
from portillon_edge.store.entitlements import EntitlementStore
from portillon_edge.store.journal import Journal
from portillon_edge.store.snapshot_build import build_snapshot

STARTS = 5
EVENTS = 2_000
GROUPED = 50
_FIRST_DECISION = """
import sys
from pathlib import Path
import portillon_edge.gateway
from bench import edge
from bench.gym_rows import card
from portillon_edge.store.entitlements import EntitlementStore
from portillon_edge.store.journal import Journal
from portillon_edge.domain.events import EventKind, NewEvent
folder = Path(sys.argv[1])
store, journal = EntitlementStore(folder / "entitlements.db", edge.SECRET), Journal(folder / "start.db")
name, answer = edge._decide_once(store, [card(1)], 0)
journal.append([NewEvent(kind=EventKind.GRANTED, at=edge.STAMP, door="lane1", credential=name, member=answer.member)])
"""


def benchmarks(folder: Path, members: int) -> Iterator[Row]:
    """Processes that import the whole gateway, open its stores and decide; then the journal's bytes."""
    yield _start(folder, members)
    yield from _bytes(folder)


def _start(folder: Path, members: int) -> Row:
    offer = snapshot(folder / "table.zst", members)
    store = EntitlementStore(folder / "entitlements.db", SECRET)
    built = store.snapshot_path(offer.epoch, offer.revision)
    build_snapshot(folder / "table.zst", built, offer=offer, secret=SECRET, cancelled=lambda: False)
    store.switch(built)
    store.close()
    spent_s, empty_s = [], []
    for _ in range(STARTS):
        empty_s.append(_process("import sys", folder))
        spent_s.append(_process(_FIRST_DECISION, folder))
    start, floor = floors.summary(spent_s), floors.summary(empty_s)
    return Row(
        f"start of a process to its first decision, written down; {members:,} members",
        f"p50 {start.p50_s:.2f} s, longest of {STARTS} {max(spent_s):.2f} s",
        f"an empty Python {floor.p50_s * 1e3:.0f} ms",
        None,
        "≤ 2 s",
        max(spent_s) <= 2,
    )


def _process(program: str, folder: Path) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", program, str(folder)], check=True, env={"PYTHONPATH": ":".join(sys.path)})
    return time.perf_counter() - began


def _bytes(folder: Path) -> Iterator[Row]:
    for group in (1, GROUPED):
        journal = Journal(folder / f"bytes-{group}.db")
        events = [
            NewEvent(
                kind=EventKind.GRANTED, at=STAMP, door="lane1", reader="r1", credential="k1." + "0" * 64, member="m1"
            )
        ] * group
        before = _written_bytes()
        for _ in range(EVENTS // group):
            journal.append(events)
        written = (_written_bytes() - before) / EVENTS
        kept = journal.extent()[0] / EVENTS
        journal.close()
        yield Row(
            f"journal: bytes written by event, {group} in a commit",
            f"{written:,.0f} B written, {kept:.0f} B kept",
            "one page and its log entry 4,120 B" if group == 1 else f"the row {kept:.0f} B",
            written / (4_120 if group == 1 else kept),
            "≤ 5×",
            written / (4_120 if group == 1 else kept) <= 5,
        )


def _written_bytes() -> int:
    """What this process has handed to the system in write calls, checkpoints included (proc(5), `wchar`)."""
    lines = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(lines["wchar"])
