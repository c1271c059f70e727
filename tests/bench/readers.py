"""From what is held to a reader until it is decided: each reader type's true driver over its simulated line.

The line's own time is part of it and is told beside it: a Wiegand card takes 26 ms on its wires and 25 ms of silence
before it is known to be whole, a PN532 is asked for cards every 100 ms, an OSDP reader every 20 ms. The floor is one
byte over a pty between two threads of the same process.
"""

import os
import random
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

from bench.report import Row, micro
from portillon_drivers.events import CredentialRead, ReaderEvent, ReaderUp, TextScanned
from portillon_drivers.options import ReaderOptions
from portillon_drivers.pty_line import PtyLine
from portillon_drivers.readers.wiegand.timing import FRAME_GAP_NS, USUAL_INTERVAL_NS
from portillon_drivers.registry import build_readers
from portillon_edge.domain.look_up import look_up
from portillon_edge.store.entitlements import EntitlementStore
from portillon_edge.technician.practice_site import PracticeSite
from portillon_rules.credential import Credential, CredentialKind
from portillon_rules.decision import DecisionTime, DoorView, Granted, TimeQuality, decide
from portillon_rules.row_mac import row_mac_key
from portillon_wire.scanned import RefusedScan, classify

EXAMPLE = Path("config/examples/every-reader.toml")
LINE_S = {
    "wiegand": (26 * USUAL_INTERVAL_NS + FRAME_GAP_NS) / 1e9,
    "pn532": 0.1,
    "osdp": 0.02,
}
"""The time that the line itself takes, at the settings of the example."""
AFTER_LINE_S_MAX = 0.02
REST_S = (0.08, 0.2)
"""Between two badges, at random: nobody badges in step with a reader's polls, and cards leave before others come."""
WAIT_S = 10.0


class _Decider:
    """Decides every badge in the reader's own thread, as the door loop would."""

    def __init__(self, site: PracticeSite, store: EntitlementStore) -> None:
        self._site = site
        self._store = store
        self._zone = {reader: door.zone for door in site.config.doors for reader in door.readers}
        self._heard = threading.Condition()
        self._up: set[str] = set()
        self._decided_ns = 0

    def emit(self, event: ReaderEvent) -> None:
        match event:
            case ReaderUp(reader, _):
                with self._heard:
                    self._up.add(reader)
                    self._heard.notify_all()
            case CredentialRead(reader, credential):
                self._decide(reader, credential)
            case TextScanned(reader, text):
                scanned = classify(text)
                assert not isinstance(scanned, RefusedScan)
                self._decide(reader, scanned.credential)

    def wait_up(self, reader: str) -> None:
        with self._heard:
            assert self._heard.wait_for(lambda: reader in self._up, WAIT_S)

    def seconds_of(self, present: Callable[[], None]) -> float:
        """From the moment at which it is held there until it is decided."""
        self._decided_ns, began_ns = 0, time.perf_counter_ns()
        present()
        with self._heard:
            assert self._heard.wait_for(lambda: self._decided_ns, WAIT_S), f"no decision in {WAIT_S} s"
        return (self._decided_ns - began_ns) / 1e9

    def _decide(self, reader: str, credential: Credential) -> None:
        _, found = look_up(credential, keys=self._site.keys, lookup=self._store.lookup)
        outcome = decide(
            lookup=found,
            door=DoorView(name=reader, zone=self._zone[reader]),
            site=self._store.site_rules(),
            time=DecisionTime(time.time_ns() // 1_000_000, TimeQuality.CERTAIN, 1_000_000),
        )
        assert isinstance(outcome, Granted)
        with self._heard:
            self._decided_ns = time.perf_counter_ns()
            self._heard.notify_all()


def benchmarks(folder: Path, badges: int) -> Iterator[Row]:
    """One row for each reader type of the example."""
    floor_s = _floor_s(folder, badges)
    with ExitStack() as stack:
        site = PracticeSite(EXAMPLE, folder / "readers")
        stack.callback(site.close)
        site.seed(site.member_credentials())
        site.plug()
        store = EntitlementStore(site.config.gateway.data_dir / "entitlements.db", row_mac_key(site.keys[0]))
        stack.callback(store.close)
        shown = {options.type: options for options in site.config.readers}
        for options in shown.values():
            yield _row(options, _measured(site, options, store, badges), floor_s)


def _measured(site: PracticeSite, options: ReaderOptions, store: EntitlementStore, badges: int) -> list[float]:
    decider, stop = _Decider(site, store), threading.Event()
    [reader] = build_readers([options.model_copy(update={"hold_off_ms": 0})], time.monotonic_ns)
    thread = threading.Thread(target=reader.run, args=(decider.emit, stop))
    thread.start()
    try:
        decider.wait_up(options.name)
        presenting, chance, seconds = _presenting(site, options), random.Random(1), []
        for _ in range(badges):
            time.sleep(chance.uniform(*REST_S))
            seconds.append(decider.seconds_of(presenting))
        return sorted(seconds)
    finally:
        stop.set()
        thread.join()


def _presenting(site: PracticeSite, options: ReaderOptions) -> Callable[[], None]:
    reader, credential = site.readers[options.name], site.member_credential(options)
    match credential.kind:
        case CredentialKind.PHONE:
            text = site.phone.show()
            return lambda: reader.scan(text)
        case CredentialKind.DAY_CODE:
            return lambda: reader.scan(site.day_code)
        case _:
            return lambda: reader.present(credential)


def _row(options: ReaderOptions, seconds: list[float], floor_s: float) -> Row:
    p50, p99 = statistics.median(seconds), seconds[int(len(seconds) * 0.99)]
    line_s = LINE_S.get(options.type, 0.0)
    own = f", of which the line takes up to {micro(line_s)}" if line_s else ""
    return Row(
        work=f"{options.type}: held to it → decided",
        measured=f"p50 {micro(p50)}, p99 {micro(p99)}{own}",
        floor=f"a byte over a pty {micro(floor_s)}",
        ratio=p50 / floor_s,
        aim="p99 ≤ 20 ms after the line's time",
        met=p99 - line_s <= AFTER_LINE_S_MAX,
    )


def _floor_s(folder: Path, count: int) -> float:
    line = PtyLine(folder / "floor")
    line.plug()
    far = os.open(line.link, os.O_RDWR | os.O_NOCTTY)
    arrived, times = threading.Event(), []

    def read() -> None:
        for _ in range(count):
            os.read(far, 1)
            arrived.set()

    thread = threading.Thread(target=read)
    thread.start()
    for _ in range(count):
        arrived.clear()
        began_ns = time.perf_counter_ns()
        line.send(b"!")
        arrived.wait()
        times.append((time.perf_counter_ns() - began_ns) / 1e9)
    thread.join()
    os.close(far)
    line.unplug()
    return statistics.median(times)
