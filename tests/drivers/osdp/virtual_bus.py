"""A bus in virtual time: the true panel, simulated readers, bytes that take as long as they take on a real line."""

import heapq
from collections.abc import Callable, Sequence
from itertools import count
from random import Random
from typing import TypeVar

from portillon_drivers.osdp.panel import ControlPanel, PanelReader
from portillon_drivers.osdp.panel_events import PanelEvent
from portillon_drivers.osdp.reader_simulator import OsdpReaderSimulator
from portillon_drivers.osdp.timing import MS, wire_ns

Event = TypeVar("Event", bound=PanelEvent)
SECOND = 1_000 * MS
KEY = bytes.fromhex("8f3b1c0de5a4972266f0d8417bce5913")
OTHER_KEY = bytes.fromhex("13579bdf02468ace8899aabbccddee01")


def key_of(address: int) -> bytes:
    return bytes([address + 1]) + KEY[1:]


class VirtualBus:
    """Readers may be cut off, slow or mad; `wire` may change, lose or repeat what passes."""

    def __init__(
        self,
        readers: Sequence[PanelReader],
        simulators: Sequence[OsdpReaderSimulator] = (),
        *,
        baud: int = 115_200,
        answer_ms: float = 2.0,
        seed: int = 1,
    ) -> None:
        self.chance = Random(seed)
        self.baud = baud
        self.panel = ControlPanel(readers, baud=baud, random=self.chance.randbytes)
        self.simulators = {simulator.address: simulator for simulator in simulators}
        for simulator in simulators:
            simulator.random = self.chance.randbytes
        self.cut: set[int] = set()
        self.answer_ms = {simulator.address: answer_ms for simulator in simulators}
        self.echo = False
        self.piece_bytes: int | None = None
        self.instead: Callable[[bytes], bytes | None] = lambda _: None
        """Somebody in the middle: what he answers, the reader is not asked for."""
        self.to_reader: Callable[[bytes], bytes] = bytes
        self.to_panel: Callable[[bytes], bytes] = bytes
        self.now_ns = 0
        self.events: list[tuple[int, PanelEvent]] = []
        self.sent: list[tuple[int, bytes]] = []
        self._later: list[tuple[int, int, Callable[[], None]]] = []
        self._order = count()

    def at(self, at_ns: int, act: Callable[[], object]) -> None:
        """Something happens then."""
        heapq.heappush(self._later, (at_ns, next(self._order), lambda: void(act())))

    def run(self, for_ns: int) -> "VirtualBus":
        """Let so much time pass."""
        end_ns = self.now_ns + for_ns
        idle = 0
        while self.now_ns < end_ns:
            turn = self.panel.turn(self.now_ns)
            self._tell(turn.events)
            if turn.send is not None:
                idle = 0
                self._send(turn.send)
                continue
            next_ns = min([turn.wake_ns, end_ns, *(later[0] for later in self._later[:1])])
            idle = idle + 1 if next_ns <= self.now_ns else 0
            assert idle < 1_000, "the panel turns without time passing"
            self.now_ns = max(self.now_ns, next_ns)
            self._act()
        return self

    def told(self, kind: type[Event]) -> list[Event]:
        return [event for _, event in self.events if isinstance(event, kind)]

    def when(self, kind: type[PanelEvent]) -> list[int]:
        return [at_ns for at_ns, event in self.events if isinstance(event, kind)]

    def forget(self) -> None:
        self.events.clear()
        self.sent.clear()

    def _send(self, raw: bytes) -> None:
        self.sent.append((self.now_ns, raw))
        if self.echo:
            self._tell(self.panel.receive(raw, self.now_ns))
        self.now_ns += wire_ns(len(raw), self.baud)
        self.panel.written(self.now_ns)
        self._act()
        forged = self.instead(raw)
        if forged is not None:
            self._answer(forged, self.now_ns + MS)
            return
        heard = self.to_reader(raw)
        for address, simulator in self.simulators.items():
            if address in self.cut:
                continue
            # A reader gives up half a frame when the line is quiet; the simulated one has no clock to know it by.
            list(simulator._parser.break_off())
            answer = simulator.receive(heard)
            if answer:
                self._answer(self.to_panel(answer), self.now_ns + int(self.answer_ms[address] * MS))

    def _answer(self, answer: bytes, begins_ns: int) -> None:
        size = self.piece_bytes or len(answer) or 1
        for at in range(0, len(answer), size):
            piece = answer[at : at + size]
            arrives_ns = begins_ns + wire_ns(at + len(piece), self.baud)
            self.at(arrives_ns, lambda piece=piece: self._tell(self.panel.receive(piece, self.now_ns)))

    def _act(self) -> None:
        while self._later and self._later[0][0] <= self.now_ns:
            heapq.heappop(self._later)[2]()

    def _tell(self, events: Sequence[PanelEvent]) -> None:
        self.events += [(self.now_ns, event) for event in events]


def void(_: object) -> None:
    """Only what it did counts."""


def secure_bus(number: int = 1, *, baud: int = 115_200, answer_ms: float = 2.0, seed: int = 1) -> VirtualBus:
    """So many good readers, each with a key of its own."""
    return VirtualBus(
        [PanelReader(address, scbk=key_of(address)) for address in range(number)],
        [OsdpReaderSimulator(address, key_of(address)) for address in range(number)],
        baud=baud,
        answer_ms=answer_ms,
        seed=seed,
    )
