"""LCUS-1 … LCUS-16 USB relay boards (CH340 serial adapter, 9600 Bd): `A0 channel state sum`, no answer.

The board *latches*: it keeps its relays as they are until the next command or until its USB power goes.
- Power lost (USB unplugged, host dead): every coil drops; the door goes to the state its wiring declares for no power.
- Host alive, gateway dead: the guard locks at once (measured: within 10 ms, and 4 ms for the bytes). Gateway and guard
  both dead: a releasing relay stays so until the guard's next start, which locks before anything else: measured 0.2 to
  0.3 s after it was started, which systemd does 0.2 s after the death; on a Pi allow two seconds.
- Link lost and back: the guard writes the locked state first.
"""

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from portillon_drivers.events import ClockNs
from portillon_drivers.options import OutputOptions, SerialOptions
from portillon_drivers.ports import Output
from portillon_drivers.registry import Driver
from portillon_drivers.serial_port import SerialPort

BAUD = 9_600
START = 0xA0
ON = 0x01
OFF = 0x00


class LcusRelayOptions(OutputOptions, SerialOptions):
    """A section `[[outputs]]` with `type = "lcus_relay"`."""

    type: Literal["lcus_relay"]
    channel: int = Field(default=1, ge=1, le=16, description="the number printed beside the relay")

    @property
    def port(self) -> str:
        """The serial device; its channels share it."""
        return str(self.path)

    @property
    def place(self) -> str:
        """The device and the channel."""
        return f"{self.path} channel {self.channel}"


def command(channel: int, *, energised: bool) -> bytes:
    """The four bytes that switch one relay's coil."""
    state = ON if energised else OFF
    return bytes([START, channel, state, (START + channel + state) & 0xFF])


class LcusRelay:
    """One relay of a board; fills the Output port. Relays of one board share its line."""

    def __init__(self, options: LcusRelayOptions, board: SerialPort) -> None:
        self._options = options
        self._board = board

    @property
    def name(self) -> str:
        """The name that the configuration gives it."""
        return self._options.name

    def open(self) -> None:
        """Take the board's line, unless another relay of the board has done so; changes no relay."""
        if not self._board.is_open:
            self._board.open()

    def set(self, releasing: bool, at_most_ms: int | None = None) -> None:
        """Write the command; the board does not answer, so what is proved is that the line took it."""
        energised = self._options.wiring.energised(releasing=releasing)
        self._board.write(command(self._options.channel, energised=energised))

    def close(self) -> None:
        """Let go of the board's line; changes no relay."""
        self._board.close()


def build(sections: Sequence[LcusRelayOptions], clock_ns: ClockNs) -> list[Output]:
    """One output per section, one line per board."""
    boards = {
        options.path: SerialPort(options, baud=BAUD, read_timeout_s=0)
        for options in sections  # the configuration has checked that relays of one board agree about the line
    }
    return [LcusRelay(options, boards[options.path]) for options in sections]


DRIVER: Driver[LcusRelayOptions, Output] = Driver(LcusRelayOptions, build)
