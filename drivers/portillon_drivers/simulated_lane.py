"""One simulated turnstile lane: a reader, a latching relay board and a passage contact.

Everything is timed on one clock, so that card bytes written and relay bytes read can be compared. Not modelled: the
time that coil and mechanism take, and a turnstile's own return to its locked position after a passage.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from portillon_drivers.inputs.modbus_inputs_simulator import ModbusBoardSimulator
from portillon_drivers.options import Wiring
from portillon_drivers.outputs.lcus_relay_simulator import LcusBoardSimulator
from portillon_drivers.pty_line import PtyLine
from portillon_drivers.readers import id12la_simulator, rdm6300_simulator

MS = 1_000_000
RELAY_CHANNEL = 1


class ReaderType(StrEnum):
    """What kind of reader the lane has."""

    RDM6300 = "rdm6300"
    ID12LA = "id12la"

    def frame(self, card: str) -> bytes:
        """The bytes for a card."""
        return rdm6300_simulator.frame(card) if self is ReaderType.RDM6300 else id12la_simulator.frame(card)

    @property
    def deciding_frame(self) -> int:
        """The number of the frame that makes a driver believe the card, counted from 1."""
        return 2 if self is ReaderType.RDM6300 else 1


@dataclass(slots=True)
class ReleasingTime:
    """How often and for how long the relay was in its releasing state, across the death of whoever drives it."""

    since_ns: int | None = None
    longest_ns: int = 0
    releases: int = 0

    def turn(self, releasing: bool, at_ns: int) -> None:
        """The relay is in that state now."""
        if releasing and self.since_ns is None:
            self.since_ns = at_ns
            self.releases += 1
        elif not releasing and self.since_ns is not None:
            self.longest_ns = max(self.longest_ns, at_ns - self.since_ns)
            self.since_ns = None

    def now_ns(self, at_ns: int) -> int:
        """For how long it has been releasing; 0 while locked."""
        return 0 if self.since_ns is None else at_ns - self.since_ns


@dataclass(slots=True)
class SimulatedLane:
    """The devices of lane `number`, all under `folder`."""

    number: int
    reader_type: ReaderType
    wiring: Wiring
    folder: Path
    contacts: ModbusBoardSimulator
    reader: PtyLine = field(init=False)
    relay: PtyLine = field(init=False)
    board: LcusBoardSimulator = field(default_factory=lambda: LcusBoardSimulator(channels=2))
    releasing: ReleasingTime = field(default_factory=ReleasingTime)
    passages: int = 0
    on_released: list[Callable[[int], None]] = field(default_factory=list)
    """Called once, with the time, when the relay next releases."""

    def __post_init__(self) -> None:
        self.reader = PtyLine(self.folder / f"lane{self.number}-reader")
        self.relay = PtyLine(self.folder / f"lane{self.number}-relay")

    @property
    def is_releasing(self) -> bool:
        """Whether a person could push through now."""
        return self.releasing.since_ns is not None

    def settle(self, at_ns: int) -> None:
        """See in which state the coil has put the lane, and tell whoever waits for a release."""
        was = self.is_releasing
        energised = self.board.energised(RELAY_CHANNEL)
        self.releasing.turn(self.wiring.energised(releasing=True) is energised, at_ns)
        if self.is_releasing and not was:
            waiting, self.on_released = self.on_released, []
            for tell in waiting:
                tell(at_ns)

    def relay_bytes(self, data: bytes, at_ns: int) -> Iterator[str]:
        """Commands from the host; yields what changed, in words."""
        for command in self.board.receive(data):
            if command.channel == RELAY_CHANNEL and command.changed:
                self.settle(at_ns)
                yield "releasing" if self.is_releasing else "locked"

    def unplug_relay(self, at_ns: int) -> None:
        """USB out: no power, the coil drops."""
        self.relay.unplug()
        self.board.lose_power()
        self.settle(at_ns)

    def contact(self, closed: bool) -> None:
        """The passage contact, on the channel of the lane's number."""
        self.contacts.set_closed(self.number, closed)
        self.passages += closed

    def state(self, at_ns: int) -> dict[str, object]:
        """How the lane is, for the control socket."""
        now_ns = self.releasing.now_ns(at_ns)
        return {
            "lane": self.number,
            "reader": self.reader_type,
            "reader_plugged": self.reader.plugged,
            "relay_plugged": self.relay.plugged,
            "releasing": self.is_releasing,
            "releasing_ms": now_ns / MS,
            "longest_ms": max(self.releasing.longest_ns, now_ns) / MS,
            "releases": self.releasing.releases,
            "passages": self.passages,
            "refused_bytes": self.board.refused_bytes,
        }
