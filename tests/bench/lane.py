"""Card bytes on a serial line → relay bytes on another, through the real gateway and guard processes on ptys.

Eight lanes, so that a badge need not wait for the lane's last grant to end; one badge at a time, in turns with the
floor, so that both see the same machine and find it equally asleep.
"""

import itertools
import json
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import floors
from bench.report import Row, micro
from edge.gym_process import LANE, MEMBER_CARD, WAIT_S, Gym
from portillon_drivers.pty_line import PtyLine
from portillon_drivers.simulated_lane import ReaderType
from portillon_drivers.site_control import SiteControl

P99_AIM_S = 5e-3
READERS = (ReaderType.RDM6300, ReaderType.ID12LA)
LANES = 8
PULSE_MS, WINDOW_MS = 50, 500
"""The shortest that a configuration may say: nobody walks through here."""
LANE_FREE_S = (WINDOW_MS + 60) / 1_000
REST_S = 0.02


def benchmarks(folder: Path, badges: int) -> Iterator[Row]:
    """`badges` for each type of reader."""
    spent: dict[ReaderType, list[float]] = {reader: [] for reader in READERS}
    floor: dict[ReaderType, list[float]] = {reader: [] for reader in READERS}
    with gym(folder, LANES) as (_, site), echo(folder / "echo") as (card, relay):
        free_s = dict.fromkeys(range(1, LANES + 1), 0.0)
        lanes = itertools.islice(itertools.cycle(free_s), badges * len(READERS))
        for lane, reader in zip(lanes, itertools.cycle(READERS), strict=False):
            time.sleep(REST_S)
            floor[reader].append(echoed_s(card, relay, reader.frame(MEMBER_CARD)))
            time.sleep(max(REST_S, free_s[lane] - time.monotonic()))
            answer = site.badge(lane, MEMBER_CARD, spacing_ms=20)
            assert answer["relay_ns"] is not None, f"lane {lane} stayed shut"
            spent[reader].append(answer["relay_ns"] / 1e9)
            free_s[lane] = time.monotonic() + LANE_FREE_S
    for reader in READERS:
        yield _row(reader, floors.summary(spent[reader]), floors.summary(floor[reader]))


def _row(reader: ReaderType, measured: floors.Timing, floor: floors.Timing) -> Row:
    return Row(
        f"card bytes → relay bytes, gateway and guard processes; {reader}, {measured.count} badges",
        f"p50 {micro(measured.p50_s)}, p99 {micro(measured.p99_s)}",
        f"pty → tiny process → pty {micro(floor.p50_s)}, p99 {micro(floor.p99_s)}",
        measured.p50_s / floor.p50_s,
        f"p99 ≤ {P99_AIM_S * 1e3:.0f} ms",
        measured.p99_s <= P99_AIM_S,
    )


@contextmanager
def gym(folder: Path, lanes: int) -> Iterator[tuple[Gym, SiteControl]]:
    """The tests' gym of processes with more lanes: simulated devices, and the gateway that attends them."""
    gateway = Gym(folder)
    with gateway.config_path.open("a") as config:
        for lane in range(len(READERS) + 1, lanes + 1):
            config.write(LANE.format(n=lane, reader=READERS[(lane - 1) % len(READERS)]))
    text = gateway.config_path.read_text().replace("\npulse_ms = 2000", f"\npulse_ms = {PULSE_MS}")
    gateway.config_path.write_text(text.replace("\npassage_window_ms = 3000", f"\npassage_window_ms = {WINDOW_MS}"))
    command = ["-m", "portillon_drivers.simulated_site", "--dir", str(folder / "site"), "--lanes", str(lanes)]
    with subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE) as devices:
        try:
            assert devices.stdout is not None
            assert json.loads(devices.stdout.readline())["ready"]
            gateway.seed()
            gateway.start()
            with SiteControl(folder / "site" / "control.sock") as control:
                yield gateway, control
        finally:
            if gateway.gateway is not None:
                gateway.stop()
            devices.terminate()
            devices.wait(WAIT_S)


@contextmanager
def echo(folder: Path) -> Iterator[tuple[PtyLine, PtyLine]]:
    """The tiny process between two lines of its own."""
    card, relay = PtyLine(folder / "card"), PtyLine(folder / "relay")
    for line in (card, relay):
        line.plug()
    command = [sys.executable, "-m", "bench.echo", str(card.link), str(relay.link)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as tiny:
        try:
            assert tiny.stdout is not None
            assert tiny.stdout.readline() == b"ready\n"
            yield card, relay
        finally:
            for line in (card, relay):
                line.unplug()  # which ends it
            tiny.wait(WAIT_S)


def echoed_s(card: PtyLine, relay: PtyLine, frame: bytes) -> float:
    begin = time.perf_counter()
    card.send(frame)
    select.select([relay], [], [], WAIT_S)
    answer = relay.receive()
    spent_s = time.perf_counter() - begin
    assert answer, "the tiny process released"
    return spent_s
