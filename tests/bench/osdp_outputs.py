"""From a grant to the relay of an OSDP reader: until the command is at the reader, and until its answer is back.

The driver runs as in the gateway, with its bus in a thread of its own; the readers are libosdp's, in a process of their
own, which stamps each command as it arrives. The wire takes the time that its bytes take at that speed. A grant comes
at any moment of the panel's round of polls, so it waits for the poll under way, and for nobody else.
"""

import random
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import floors
from bench.report import Row, micro
from peers.process import Peer, missing
from portillon_drivers.osdp.commissioning import new_key
from portillon_drivers.osdp.wire_simulator import Wire, WireSimulator
from portillon_drivers.pty_line import PtyLine
from portillon_drivers.readers.osdp import DRIVER, OsdpOptions
from portillon_drivers.registry import TIMED_OUTPUTS, build_timed_outputs, options_model
from portillon_edge.doors.timed_outputs import TimedOutputs
from portillon_edge.guard.protocol import GuardEvent, Locked, Released

BUSES = ((115_200, 1), (9_600, 1), (9_600, 4))
"""Speed in Bd and number of readers: a fast line, and the usual one with one lane and with two."""
COMMAND_BYTES, ANSWER_BYTES = 30, 14
"""Encrypted osdp_OUT and its ACK: header 5, security block 2, code 1, data padded to 16 or none, MAC 4, CRC 2."""
POLL_BYTES = 2 * ANSWER_BYTES
ON_MS = 500
ROUND_S_MAX = 0.02
"""What processes, ptys and the reader may add to the bytes, at p99."""
WAIT_S = 20.0
REST_S = (0.05, 0.15)
KIND_OUT = 1
"""libosdp's number of the command."""
TIMED = (5, 6)


class Told:
    """What the outputs told, and when."""

    def __init__(self) -> None:
        self.events: list[tuple[int, GuardEvent]] = []
        self._news = threading.Condition()

    def hear(self, event: GuardEvent) -> None:
        with self._news:
            self.events.append((time.monotonic_ns(), event))
            self._news.notify_all()

    def wait_for(self, kind: type[Locked | Released], output: str, after: int) -> int:
        """When that output told so next, in ns."""

        def found() -> list[int]:
            return [at for at, event in self.events[after:] if isinstance(event, kind) and event.output == output]

        with self._news:
            assert self._news.wait_for(lambda: bool(found()), WAIT_S), self.events[-5:]
            return found()[0]


@dataclass(frozen=True, slots=True)
class Bus:
    """The driver at one end, the readers at the other."""

    timed: TimedOutputs
    told: Told
    readers: Peer
    count: int

    def grant(self, reader: int) -> tuple[float, float]:
        """Seconds until the command is at the reader, and until the gateway knows that it was carried out."""
        after, heard = len(self.told.events), len(self.readers.told)
        asked_ns = time.monotonic_ns()
        self.timed.release(f"relay{reader}", ON_MS)
        out = self.readers.wait_for(
            lambda told: (
                told.get("reader") == reader
                and told.get("command", {}).get("command") == KIND_OUT
                and told["command"]["control_code"] in TIMED
            ),
            heard,
        )
        answered_ns = self.told.wait_for(Released, f"relay{reader}", after)
        return (out["at_ns"] - asked_ns) / 1e9, (answered_ns - asked_ns) / 1e9


def benchmarks(folder: Path, grants: int) -> Iterator[Row]:
    """`grants` for each bus."""
    for baud, count in BUSES:
        with _bus(folder / f"{baud}-{count}", baud, count) as bus:
            yield _row(bus, baud, grants)


def is_missing() -> bool:
    """Whether libosdp is not built here."""
    return missing() is not None


def _row(bus: Bus, baud: int, grants: int) -> Row:
    chance = random.Random(1)
    spent = []
    for number in range(grants):
        time.sleep(chance.uniform(*REST_S))
        spent.append(bus.grant(number % bus.count))
    out, answer = (floors.summary(times) for times in zip(*spent, strict=True))
    byte_s = Wire.byte_ns_at(baud) / 1e9
    bytes_s, waits_s = COMMAND_BYTES * byte_s, (POLL_BYTES + COMMAND_BYTES) * byte_s
    return Row(
        f"grant → output, osdp; {baud} Bd, {bus.count} reader{'s' * (bus.count > 1)}, {grants} grants",
        f"at the reader p50 {micro(out.p50_s)}, p99 {micro(out.p99_s)}; answered p50 {micro(answer.p50_s)}",
        f"its bytes alone {micro(bytes_s)}, behind a poll {micro(waits_s)}",
        out.p50_s / bytes_s,
        f"p99 ≤ behind a poll + {ROUND_S_MAX * 1e3:.0f} ms",
        out.p99_s <= waits_s + ROUND_S_MAX,
    )


@contextmanager
def _bus(folder: Path, baud: int, count: int) -> Iterator[Bus]:
    folder.mkdir()
    near, far = PtyLine(folder / "near"), [PtyLine(folder / f"far{number}") for number in range(count)]
    keys = [new_key() for _ in far]
    peers = [
        {"path": str(line.link), "address": number, "scbk": key.hex(), "enforce": True}
        for number, (line, key) in enumerate(zip(far, keys, strict=True))
    ]
    sections = []
    for number, key in enumerate(keys):
        key_file = folder / f"reader{number}.key"
        key_file.touch(mode=0o600)
        key_file.write_text(key.hex(), encoding="ascii")
        about = {"name": f"reader{number}", "type": "osdp", "path": near.link, "baud": baud, "address": number}
        sections.append(OsdpOptions.model_validate({**about, "key_file": key_file}))
    relay = options_model(TIMED_OUTPUTS, "osdp").model_validate
    wiring = {"type": "osdp", "number": 0, "wiring": "energise_to_release", "max_on_ms": 5_000}
    relays = [relay({**wiring, "name": f"relay{number}", "reader": f"reader{number}"}) for number in range(count)]
    stop = threading.Event()
    with ExitStack() as stack:
        line = WireSimulator(near, far, time.monotonic_ns, readers_hear_each_other=False)
        stack.enter_context(line).wire = Wire(byte_ns=Wire.byte_ns_at(baud))
        libosdp = stack.enter_context(Peer("libosdp-built", "libosdp_reader.py", {"readers": peers}))
        readers = DRIVER.build(sections, time.monotonic_ns)
        told = Told()
        timed = TimedOutputs(
            build_timed_outputs(relays, time.monotonic_ns, readers),
            relays,
            clock_ns=time.monotonic_ns,
            tell=told.hear,
        )
        threads = [threading.Thread(target=reader.run, args=(lambda _: None, stop)) for reader in readers]
        for thread in threads:
            thread.start()
        try:
            for number in range(count):
                told.wait_for(Locked, f"relay{number}", 0)
            yield Bus(timed, told, libosdp, count)
        finally:
            stop.set()
            for thread in threads:
                thread.join(WAIT_S)
