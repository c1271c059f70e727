"""Relays on an RS-485 board that speaks Modbus RTU (functions 01 and 05); any number of boards and relays on a line.

The board *latches*: a relay stays as it is until the next command or until the board's power goes.
- Power lost (the board's own supply): every coil drops; the door goes to the state its wiring declares for no power.
- Host alive, gateway dead: the guard locks at once (measured: within 5 ms, and 8 ms for the bytes). Gateway and guard
  both dead: a releasing relay stays so until the guard's next start, which locks before anything else: measured 0.2 to
  0.3 s after it was started, which systemd does 0.2 s after the death; on a Pi allow two seconds.
- `flash = true`: the board itself ends each release, at the latest 200 ms after the guard would have (a hold: five
  seconds and that after the last renewal), whoever is dead and for however long. For boards whose manual has "flash on"
  (coils 0x0200 and up) and "flash off" (0x0400 and up), in units of 100 ms: Waveshare's Modbus RTU Relay family and the
  many built like it. Other boards must not say so.
- Link lost and back: the guard writes the locked state first. Every command's answer is checked, so a board that is
  dead, deaf or another one is told as such; a command without an answer may have been carried out.

Modbus Application Protocol V1.1b3 §6.1 and §6.5. The line belongs to the guard alone: contacts on the same board cannot
be inputs of the gateway, which is another process; give them a board and a line of their own.
"""

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from portillon_drivers.events import ClockNs
from portillon_drivers.options import OutputOptions, SerialOptions
from portillon_drivers.outputs.modbus_relay_line import FLASH_UNIT_MS, FLASH_UNITS_MAX, ModbusRelayLine
from portillon_drivers.ports import Output
from portillon_drivers.registry import Driver


class ModbusRelayOptions(OutputOptions, SerialOptions):
    """A section `[[outputs]]` with `type = "modbus_relay"`."""

    type: Literal["modbus_relay"]
    baud: int = Field(default=9_600, ge=1_200, le=115_200, description="as set on the board")
    parity: Literal["none", "even", "odd"] = Field(default="none", description="as set on the board")
    address: int = Field(ge=1, le=247, description="the board's Modbus address")
    channel: int = Field(ge=1, le=64, description="the number printed beside the relay, from 1; coil 0 is relay 1")
    flash: bool = Field(
        default=False, description='true only if the board\'s manual has "flash on" (0x0200) and "flash off" (0x0400)'
    )

    @property
    def port(self) -> str:
        """The serial device; all its boards and relays share it."""
        return str(self.path)

    @property
    def place(self) -> str:
        """The device, the board and the relay."""
        return f"{self.path} address {self.address} channel {self.channel}"


class ModbusRelay:
    """One relay of a board; fills the Output port."""

    def __init__(self, options: ModbusRelayOptions, line: ModbusRelayLine) -> None:
        self._options = options
        self._line = line

    @property
    def name(self) -> str:
        """The name that the configuration gives it."""
        return self._options.name

    def open(self) -> None:
        """Take the line, unless another relay on it has done so; changes no relay."""
        self._line.open()

    def set(self, releasing: bool, at_most_ms: int | None = None) -> None:
        """Write the coil and check the answer; a state that the board confirmed a moment ago is not written again."""
        energised = self._options.wiring.energised(releasing=releasing)
        address, coil = self._options.address, self._options.channel - 1
        if releasing and at_most_ms is not None and self._options.flash:
            self._line.flash(address, coil, energised=energised, units=flash_units(at_most_ms))
        elif not self._line.confirms(address, coil, energised=energised):
            self._line.write(address, coil, energised=energised)

    def close(self) -> None:
        """Let go of the line; changes no relay."""
        self._line.close()


def flash_units(at_most_ms: int) -> int:
    """For how many units the board may release: rounded up and one more, so that the guard's own end comes first."""
    return min(-(-at_most_ms // FLASH_UNIT_MS) + 1, FLASH_UNITS_MAX)


def build(sections: Sequence[ModbusRelayOptions], clock_ns: ClockNs) -> list[Output]:
    """One output per section, one line per serial device."""
    lines: dict[str, ModbusRelayLine] = {}
    for options in sections:
        coils = {
            address: max(other.channel for other in sections if other.port == options.port and other.address == address)
            for address in {other.address for other in sections if other.port == options.port}
        }
        lines.setdefault(
            options.port,
            # the configuration has checked that all sections agree about the line
            ModbusRelayLine(options, baud=options.baud, parity=options.parity, coils=coils, clock_ns=clock_ns),
        )
    return [ModbusRelay(options, lines[options.port]) for options in sections]


DRIVER: Driver[ModbusRelayOptions, Output] = Driver(ModbusRelayOptions, build)
