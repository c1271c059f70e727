"""From a grant to what the member sees, per kind of indicator: left by the door loop, shown by the indicator's thread.

The gateway's true threads and drivers; at the far end a pin's level, the OSDP reader's electronics, the display's
controller. A real line adds the time of its bytes, told beside it; a pty has none.
"""

import random
import time
from collections.abc import Callable, Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from bench import floors
from bench.report import Row, micro
from contracts.rigs.indicators import RIGS
from portillon_drivers.indicators import hd44780
from portillon_drivers.indicators.pattern import Colour
from portillon_drivers.registry import build_indicators
from portillon_edge.doors.showing import TABLE, Outcome, Shown
from portillon_edge.indicator_threads import IndicatorThreads
from portillon_edge.words import LOCALES, Words

P99_AIM_S = 0.1
"""What happens within a tenth of a second is felt as the badge's own doing."""
WAIT_S = 10.0
LOOK_S = 0.0002
DOOR, READER = "lane1", "lane1-reader"
OSDP_BAUD, OSDP_LED_BYTES = 9_600, 1 + 5 + 2 + 1 + 16 + 4 + 2
"""The speed that readers are delivered with; mark, head, security block, code, enciphered LED record, MAC and CRC."""
I2C_BITS_PER_S, I2C_BITS_PER_BYTE = 100_000, 9
GRANTED = {language: tuple(Words(language)(TABLE[Outcome.GRANTED].text).splitlines()) for language in LOCALES}


def benchmarks(folder: Path, grants: int) -> Iterator[Row]:
    """`grants` for each kind, to members of either language in turn."""
    for kind, rig in RIGS.items():
        (folder / kind).mkdir()
        yield _row(kind, rig(folder / kind), grants)


def _row(kind: str, rig: Any, grants: int) -> Row:
    threads = IndicatorThreads(
        build_indicators([rig.options], rig.readers),
        [rig.options],
        language="en",
        note=lambda name, state, detail: None,
        clock_ns=time.monotonic_ns,
    )
    threads.start()
    try:
        spent = [_shown_s(threads, rig, language) for language in islice(cycle(GRANTED), grants)]
    finally:
        threads.stop()
        rig.close()
    measured = floors.summary(spent)
    line_s = {
        "osdp": OSDP_LED_BYTES * 10 / OSDP_BAUD,
        "lcd": len(hd44780.screen(["", ""])) * I2C_BITS_PER_BYTE / I2C_BITS_PER_S,
    }.get(kind)
    return Row(
        f"grant → indicator; {kind}, {grants} grants",
        f"p50 {micro(measured.p50_s)}, p99 {micro(measured.p99_s)}",
        "" if line_s is None else f"a real line adds {micro(line_s)}",
        None,
        f"p99 ≤ {P99_AIM_S * 1e3:.0f} ms",
        measured.p99_s <= P99_AIM_S,
    )


def _shown_s(threads: IndicatorThreads, rig: Any, language: str) -> float:
    """How long from a grant until it is seen; begins and ends with a door that is closed."""
    threads.show(DOOR, Shown(outcome=Outcome.BLOCKED))
    threads.show(DOOR, Shown(outcome=Outcome.PASSED))
    _until(lambda: not _is_granted(rig))
    time.sleep(random.uniform(0.02, 0.05))  # nobody badges in step with the bus
    asked_ns = time.monotonic_ns()
    threads.show(DOOR, Shown(outcome=Outcome.GRANTED, reader=READER, language=language))
    _until(lambda: _is_granted(rig))
    return (time.monotonic_ns() - asked_ns) / 1e9


def _is_granted(rig: Any) -> bool:
    seen = rig.seen()
    if rig.light:
        return bool(seen.light is Colour.GREEN)
    return seen.lines is not None and tuple(filter(None, seen.lines)) in GRANTED.values()


def _until(true: Callable[[], bool]) -> None:
    until = time.monotonic() + WAIT_S
    while not true():
        if time.monotonic() > until:
            raise TimeoutError("the indicator never showed it")
        time.sleep(LOOK_S)
