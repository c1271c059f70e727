"""Supervised contacts on the channels of an MCP3008 at the Pi's own SPI pins: a cut and a shorted wire are told.

Each loop hangs between its channel and ground, with a pull-up resistor from the channel to the 3.3 V that feed the
chip's VREF too: what is measured is a share of the supply, whatever that is. Three bytes ask for one channel, the
answer is ten bits behind a zero bit (Microchip DS21295D, 5.0 and 6.1). Where no chip answers, a line that idles high
has a one in that place, and one that idles low reads as SHORT on every channel: never as a state.
"""

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

from gpiozero import Device
from gpiozero.exc import GPIOZeroError
from pydantic import Field

from portillon_drivers.errors import TransientDeviceError
from portillon_drivers.events import ClockNs
from portillon_drivers.gpio_pins import PinFactoryName, pin_factory
from portillon_drivers.inputs.line_watch import Found
from portillon_drivers.inputs.polling import PolledInputs, ReadingRefused
from portillon_drivers.inputs.supervised_loop import SupervisedOptions
from portillon_drivers.ports import Inputs
from portillon_drivers.registry import Driver

POLL_S = 0.01
"""Eight channels take 0.4 ms on the wire at the 500 kHz that gpiozero asks for; the chip stands 1.35 MHz at 2.7 V."""
SPI_PINS = (7, 8, 9, 10, 11)
FULL_SCALE = 1_023
START = 0b0000_0001
SINGLE_ENDED = 0b1000_0000
CHANNEL_SHIFT = 4
NULL_BIT = 0b0000_0100
HIGH_BITS = 0b0000_0011


class Mcp3008Options(SupervisedOptions):
    """A section `[[inputs]]` with `type = "mcp3008"`."""

    type: Literal["mcp3008"]
    chip_select: Literal[0, 1] = Field(default=0, description="0: the chip's CS is at GPIO 8 (CE0), 1: at GPIO 7 (CE1)")
    channel: int = Field(ge=0, le=7, description="as the chip counts: CH0 is 0")
    pin_factory: PinFactoryName = Field(default="lgpio", description='"mock" where there is no Pi')

    @property
    def port(self) -> str:
        """The chip; all its channels share it."""
        return f"SPI 0.{self.chip_select}"

    @property
    def place(self) -> str:
        """The chip and the channel."""
        return f"{self.port} channel {self.channel}"

    @property
    def bus_places(self) -> tuple[str, ...]:
        """The pins of SPI0; the kernel takes both selects."""
        return tuple(f"GPIO pin {pin}" for pin in SPI_PINS)


class Mcp3008Loops:
    """All supervised loops of one chip."""

    def __init__(self, sections: Sequence[Mcp3008Options]) -> None:
        self._sections = sections
        self._chip = sections[0]
        self._spi: Any = None  # gpiozero has no types

    def open(self) -> None:
        """Take the SPI pins; raises TransientDeviceError."""
        self.close()
        device = Path(f"/dev/spidev0.{self._chip.chip_select}")
        if self._chip.pin_factory == "lgpio" and not device.exists():
            raise TransientDeviceError(
                f"{device} is not there: write dtparam=spi=on into config.txt and start the Pi anew"
            )
        factory = pin_factory(self._chip.pin_factory)
        if self._chip.pin_factory == "mock":
            Device.pin_factory = factory  # gpiozero's bit-banged bus wants a default one, though it never uses it
        try:
            self._spi = factory.spi(port=0, device=self._chip.chip_select)
        except (GPIOZeroError, OSError) as error:
            raise TransientDeviceError(f"{self._chip.port} cannot be taken: {error}") from error

    def found(self) -> Mapping[str, Found]:
        """One question per channel in use."""
        return {options.name: options.judge(self._counts(options) / FULL_SCALE) for options in self._sections}

    def close(self) -> None:
        """Let go of the pins."""
        if self._spi is not None:
            self._spi.close()
            self._spi = None

    def _counts(self, options: Mcp3008Options) -> int:
        try:
            answer = self._spi.transfer(request(options.channel))
        except (GPIOZeroError, OSError) as error:
            raise TransientDeviceError(f"{options.port} cannot be read: {error}") from error
        counts = parse(answer)
        if counts is None:
            raise ReadingRefused(f"{options.port}: no MCP3008 answers; look at its supply and its four wires")
        return counts


def request(channel: int) -> list[int]:
    """What asks for one channel: start bit, single-ended, three bits of channel, then clocks for the answer."""
    return [START, SINGLE_ENDED | channel << CHANNEL_SHIFT, 0]


def parse(answer: Sequence[int]) -> int | None:
    """What was measured, 0 to FULL_SCALE, from the bytes that came back meanwhile; None: no chip said that."""
    _, middle, low = answer
    return None if middle & NULL_BIT else (middle & HIGH_BITS) << 8 | low


def build(sections: Sequence[Mcp3008Options], clock_ns: ClockNs) -> list[Inputs]:
    """One group of inputs per chip."""
    chips = groupby(sorted(sections, key=_chip_select), key=_chip_select)
    groups = [list(group) for _, group in chips]
    return [PolledInputs(group, Mcp3008Loops(group), POLL_S, clock_ns) for group in groups]


def _chip_select(section: Mcp3008Options) -> int:
    return section.chip_select


DRIVER: Driver[Mcp3008Options, Inputs] = Driver(Mcp3008Options, build)
