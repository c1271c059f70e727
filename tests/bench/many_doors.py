"""A large site on one gateway: 64 lanes with a reader, a relay and a contact each, and twenty badges a second.

Real gateway and guard processes on ptys; every badge at another lane. Beside the latency: what both processes take of
one processor, at that load and with nobody there.
"""

import itertools
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench import floors
from bench.lane import READERS, echo, echoed_s, gym
from bench.report import Row, micro
from edge.gym_process import MEMBER_CARD

LANES = 64
BADGES_PER_S = 20
P99_AIM_S = 20e-3
"""As for one lane at rest: the size of the site must not show (access-control.md §5: card to decision)."""
IDLE_S = 5.0
SPACING_MS = 5
"""Between an RDM6300's two frames; what it sends itself, and what the measurement leaves out."""


def benchmarks(folder: Path, badges: int) -> Iterator[Row]:
    """`badges` at the stated pace, then rest."""
    spent: list[float] = []
    floor: list[float] = []
    with gym(folder, LANES) as (gateway, site), echo(folder / "echo") as (card, relay):
        report = gateway.report()
        assert report is not None and all(device.state == "up" for device in report.devices)
        pids = (report.pid, guard_of(report.pid))
        idle = _cpu_share(pids, lambda: time.sleep(IDLE_S))

        def rush() -> None:
            begin = time.monotonic()
            for number, lane in zip(range(badges), itertools.cycle(range(1, LANES + 1)), strict=False):
                time.sleep(max(0.0, begin + number / BADGES_PER_S - time.monotonic()))
                answer = site.badge(lane, MEMBER_CARD, spacing_ms=SPACING_MS)
                assert answer["relay_ns"] is not None, f"lane {lane} stayed shut"
                spent.append(answer["relay_ns"] / 1e9)

        busy = _cpu_share(pids, rush)
        for _ in range(badges):
            floor.append(echoed_s(card, relay, READERS[0].frame(MEMBER_CARD)))
    measured, least = floors.summary(spent), floors.summary(floor)
    work = f"{LANES} doors on one gateway, {BADGES_PER_S} badges/s; {badges} badges"
    yield Row(
        f"{work}: card → relay",
        f"p50 {micro(measured.p50_s)}, p99 {micro(measured.p99_s)}",
        f"pty → tiny process → pty {micro(least.p50_s)}, p99 {micro(least.p99_s)}",
        measured.p50_s / least.p50_s,
        f"p99 ≤ {P99_AIM_S * 1e3:.0f} ms",
        measured.p99_s <= P99_AIM_S,
    )
    yield Row(
        f"{work}: processor time, gateway and guard",
        f"{sum(busy):.0%} of one core: {busy[0]:.0%} and {busy[1]:.0%}",
        f"nobody there {sum(idle):.0%}",
        sum(busy) / sum(idle),
        "≤ 50% of one core",
        sum(busy) <= 0.5,
    )


def guard_of(gateway_pid: int) -> int:
    """The guard is the gateway's one child, whichever of its threads started it."""
    [child] = (pid for task in Path(f"/proc/{gateway_pid}/task").glob("*/children") for pid in task.read_text().split())
    return int(child)


def _cpu_share(pids: tuple[int, int], work: Callable[[], None]) -> tuple[float, float]:
    before, begin = [_cpu_s(pid) for pid in pids], time.monotonic()
    work()
    wall_s = time.monotonic() - begin
    first, second = ((_cpu_s(pid) - was) / wall_s for pid, was in zip(pids, before, strict=True))
    return first, second


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
