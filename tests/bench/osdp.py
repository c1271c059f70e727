"""Our OSDP control panel beside libosdp's, each in a process of its own, over the same bus with the same readers.

The readers are libosdp's, in one process, woken by bytes; the bus is ptys and takes no time, so what is measured is the
panel: how soon it polls, and what it costs. Readers do not hear each other: libosdp's take a start byte inside of their
neighbour's answer for a frame and then say nothing for 200 ms, whoever the panel is. libosdp's panel is built to poll
every 20 ms (its wheel: 50 ms) and refreshed every millisecond. Panels take turns within a size, so that both see the
same machine.
"""

import random
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import floors
from bench.report import Row, micro
from peers.process import Peer, missing
from portillon_drivers.osdp.wire_simulator import WireSimulator
from portillon_drivers.pty_line import PtyLine

READERS = (1, 4, 16)
IDLE_READERS = 8
CARD = "10100001100000011111010001"
REST_S = (0.005, 0.03)
"""Between two events, at random: nobody badges in step with a panel's polls."""
REPLY_S = 0.2
GREEN = 2


@dataclass(frozen=True, slots=True)
class Bus:
    """One panel and its readers."""

    panel: Peer
    readers: Peer
    count: int

    def card_s(self, reader: int) -> float:
        """From the card at the reader to the panel's event."""
        after, told = len(self.panel.told), len(self.readers.told)
        self.readers.do("card", reader=reader, bits=CARD)
        heard = self.panel.wait_for(lambda told: told.get("reader") == reader and "card" in told, after)
        shown = self.readers.wait_for(lambda told: told.get("reader") == reader and "told" in told, told)
        return float(heard["at_ns"] - shown["at_ns"]) / 1e9

    def led_s(self, reader: int) -> float:
        """From the command at the panel to the reader that carries it out."""
        after, told = len(self.panel.told), len(self.readers.told)
        self.panel.do("led", reader=reader, colour=GREEN)
        lit = self.readers.wait_for(lambda told: told.get("reader") == reader and "command" in told, told)
        asked = self.panel.wait_for(lambda told: told.get("asked") == "led", after)
        return float(lit["at_ns"] - asked["at_ns"]) / 1e9

    def cpu_share(self, seconds: float) -> float:
        """The share of one processor that the panel takes when nothing happens."""
        before = self._cpu_s()
        time.sleep(seconds)
        return (self._cpu_s() - before) / seconds

    def _cpu_s(self) -> float:
        after = len(self.panel.told)
        self.panel.do("cpu")
        return float(self.panel.wait_for(lambda told: "cpu_s" in told, after)["cpu_s"])


def benchmarks(folder: Path, events: int, idle_s: float) -> Iterator[Row]:
    """`events` cards and LEDs for each number of readers."""
    for count in READERS:
        with (
            _bus(folder / f"ours-{count}", count, ours=True) as ours,
            _bus(folder / f"theirs-{count}", count) as theirs,
        ):
            cards, leds = _measured(ours, theirs, events)
        yield _row(f"OSDP: card → event, {count} readers", *cards)
        yield _row(f"OSDP: LED command → reader, {count} readers", *leds)
    with _bus(folder / "dead", 4, ours=True) as bus:
        yield _dead(bus, events)
    with (
        _bus(folder / "idle", IDLE_READERS, ours=True) as ours,
        _bus(folder / "idle-theirs", IDLE_READERS) as theirs,
    ):
        mine, other = ours.cpu_share(idle_s), theirs.cpu_share(idle_s)
    yield Row(
        f"OSDP: processor time when idle, {IDLE_READERS} readers",
        f"{mine:.1%} of one core",
        f"libosdp's panel {other:.1%}",
        mine / other,
        "told",
        True,
    )


def is_missing() -> bool:
    """Whether libosdp is not built here."""
    return missing() is not None


Spent = tuple[floors.Timing, floors.Timing]


def _measured(ours: Bus, theirs: Bus, events: int) -> tuple[Spent, Spent]:
    chance = random.Random(1)
    spent: dict[str, list[float]] = {"our card": [], "their card": [], "our led": [], "their led": []}
    for number in range(events):
        reader = number % ours.count
        for name, bus in (("our", ours), ("their", theirs)):
            time.sleep(chance.uniform(*REST_S))
            spent[f"{name} card"].append(bus.card_s(reader))
            time.sleep(chance.uniform(*REST_S))
            spent[f"{name} led"].append(bus.led_s(reader))
    timing = {name: floors.summary(times) for name, times in spent.items()}
    return (timing["our card"], timing["their card"]), (timing["our led"], timing["their led"])


def _row(work: str, ours: floors.Timing, theirs: floors.Timing) -> Row:
    return Row(
        f"{work}; {ours.count} events",
        f"p50 {micro(ours.p50_s)}, p99 {micro(ours.p99_s)}",
        f"libosdp's panel {micro(theirs.p50_s)}, p99 {micro(theirs.p99_s)}",
        ours.p50_s / theirs.p50_s,
        "no slower at p50",
        ours.p50_s <= theirs.p50_s,
    )


def _dead(bus: Bus, events: int) -> Row:
    """The last of four readers dies; the others are measured before it, and from then on."""
    living, chance = bus.count - 1, random.Random(2)

    def cards() -> floors.Timing:
        spent = []
        for number in range(2 * events):
            time.sleep(chance.uniform(*REST_S))
            spent.append(bus.card_s(number % living))
        return floors.summary(spent)

    before = cards()
    bus.readers.do("mute", reader=living)
    after = cards()
    return Row(
        f"OSDP: card → event while one of four readers dies and stays dead; {after.count} events",
        f"p50 {micro(after.p50_s)}, p99 {micro(after.p99_s)}",
        f"all four alive {micro(before.p50_s)}, p99 {micro(before.p99_s)}",
        after.p50_s / before.p50_s,
        "p50 ≤ 2×, p99 ≤ +200 ms",
        after.p50_s <= 2 * before.p50_s and after.p99_s <= before.p99_s + REPLY_S,
    )


@contextmanager
def _bus(folder: Path, count: int, *, ours: bool = False) -> Iterator[Bus]:
    """So many readers under one panel, all in their secure channels."""
    near, far = PtyLine(folder / "near"), [PtyLine(folder / f"far{number}") for number in range(count)]
    readers = [
        {"path": str(line.link), "address": number, "scbk": secrets.token_hex(16)} for number, line in enumerate(far)
    ]
    options = {"path": str(near.link), "refresh_ms": 1, "readers": readers}
    with ExitStack() as stack:
        stack.enter_context(WireSimulator(near, far, time.monotonic_ns, readers_hear_each_other=False))
        peers = stack.enter_context(Peer("libosdp-built", "libosdp_reader.py", {"readers": readers}))
        panel = (
            Peer.of([sys.executable, "-m", "bench.osdp_panel"], options)
            if ours
            else Peer("libosdp-built", "libosdp_panel.py", options)
        )
        stack.enter_context(panel)
        panel.wait_for(lambda told: len(told.get("secure", ())) == count)
        yield Bus(panel, peers, count)
