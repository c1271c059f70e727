"""From a grant to the output that it releases, per kind of output; what becomes of it when processes are killed; holds.

The guard is the real process; this one is the gateway's end and the board's electronics (pins: a file of levels). A
real line adds the time of its bytes, told beside it; a pty has none.
"""

import random
import statistics
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from bench import floors
from bench.report import Row, micro
from edge.guard.every_output import KINDS, OUTPUT, WAIT_S, scene
from portillon_edge.guard.protocol import GuardEvent, Locked

LINE_S = {"lcus_relay": 4 * 10 / 9_600, "modbus_relay": 8 * 10 / 9_600}
"""The command's bytes at the boards' usual speed; the board's answer comes after the coil."""
P99_AIM_S = 5e-3
ON_MS = 30
LONG_MS = "30000"
GATEWAY_DEAD_S_MAX = 0.1
GUARD_BACK_S_MAX = 2.0
"""What the drivers' heads promise, with systemd's RestartSec=200ms inside."""
HOLD_S = 3.0
HOLD_CPU_MAX = 0.01


def benchmarks(folder: Path, grants: int, deaths: int) -> Iterator[Row]:
    """`grants` and `deaths` per kind."""
    for number, kind in enumerate(KINDS):
        yield _grant_row(_folder(folder, f"g{number}"), kind, grants)
        yield _death_row(_folder(folder, f"d{number}"), kind, deaths)
    for number, kind in enumerate(("lcus_relay", "modbus_relay, flash")):
        yield _hold_row(_folder(folder, f"h{number}"), kind)


def _grant_row(folder: Path, kind: str, grants: int) -> Row:
    locked = threading.Event()

    def hear(event: GuardEvent) -> None:
        if isinstance(event, Locked):
            locked.set()

    spent = []
    with scene(folder, kind) as site:
        site.guard()
        client = site.client(hear)
        for _ in range(grants):
            assert locked.wait(WAIT_S)
            locked.clear()
            time.sleep(random.uniform(0.02, 0.05))  # nobody badges in step with the guard's refreshes
            asked_ns = time.monotonic_ns()
            client.release(OUTPUT, ON_MS)
            spent.append((site.next_release_ns() - asked_ns) / 1e9)
        assert locked.wait(WAIT_S)
    measured = floors.summary(spent)
    line_s = LINE_S.get(kind.partition(",")[0])
    return Row(
        f"grant → output, guard process; {kind}, {grants} grants",
        f"p50 {micro(measured.p50_s)}, p99 {micro(measured.p99_s)}",
        "" if line_s is None else f"a real line adds {micro(line_s)}",
        None,
        f"p99 ≤ {P99_AIM_S * 1e3:.0f} ms",
        measured.p99_s <= P99_AIM_S,
    )


def _death_row(folder: Path, kind: str, deaths: int) -> Row:
    gateway_s, guard_s = [], []
    with scene(folder, kind) as site:
        guard = site.guard()
        for _ in range(deaths):
            killed_ns = site.kill(site.gateway("hold"))
            gateway_s.append((site.wait_releasing(False) - killed_ns) / 1e9)
            gateway = site.gateway("release", LONG_MS)
            killed_ns = site.kill(gateway, guard)
            guard = site.guard()
            guard_s.append((site.wait_releasing(False) - killed_ns) / 1e9)
    return Row(
        f"SIGKILL → locked; {kind}, {deaths} deaths each",
        f"gateway {micro(max(gateway_s))}, both and guard started again {micro(max(guard_s))} at most",
        "",
        None,
        f"≤ {GATEWAY_DEAD_S_MAX * 1e3:.0f} ms; ≤ {GUARD_BACK_S_MAX:.0f} s",
        max(gateway_s) <= GATEWAY_DEAD_S_MAX and max(guard_s) <= GUARD_BACK_S_MAX,
    )


def _hold_row(folder: Path, kind: str) -> Row:
    with scene(folder, kind) as site:
        guard = site.guard()
        site.gateway("hold")
        shares = [_cpu_share(guard, HOLD_S / 3) for _ in range(3)]
        assert site.releasing()
    share = statistics.median(shares)
    return Row(
        f"guard holding one output, renewed ten times a second; {kind}",
        f"{share * 100:.2f} % of a core",
        "",
        None,
        f"≤ {HOLD_CPU_MAX * 100:.0f} %",
        share <= HOLD_CPU_MAX,
    )


def _cpu_share(process: subprocess.Popen[bytes], seconds: float) -> float:
    before_s, begin_s = _cpu_s(process), time.monotonic()
    time.sleep(seconds)
    return (_cpu_s(process) - before_s) / (time.monotonic() - begin_s)


def _cpu_s(process: subprocess.Popen[bytes]) -> float:
    ran_ns = Path(f"/proc/{process.pid}/schedstat").read_text().split()[0]
    return int(ran_ns) / 1e9


def _folder(folder: Path, name: str) -> Path:
    made = folder / name
    made.mkdir()
    return made
