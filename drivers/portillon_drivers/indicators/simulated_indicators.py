"""The indicators of a configuration, simulated, and the eyes and ears of somebody who stands before them.

Pins are gpiozero's mock pins; a display is alone on its line, whatever bus the section names; the LED of an OSDP reader
belongs to that reader's own simulator. Not modelled: the timers in an OSDP reader: it shows what it was told last.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from portillon_drivers.far_end import FarEnd
from portillon_drivers.gpio_pins import pin_factory
from portillon_drivers.indicators.character_lcd import CharacterLcdOptions
from portillon_drivers.indicators.gpio_lamps import GpioLampsOptions
from portillon_drivers.indicators.hd44780_simulator import CharacterLcdSimulator
from portillon_drivers.indicators.osdp_reader import OsdpIndicatorOptions
from portillon_drivers.indicators.pattern import Colour
from portillon_drivers.options import IndicatorOptions
from portillon_drivers.osdp import commands
from portillon_drivers.osdp.commands import Led, Text, Tone
from portillon_drivers.osdp.reader_simulator import OsdpReaderSimulator
from portillon_drivers.pty_line import PtyLine

LAMPS: Mapping[tuple[bool, bool], Colour | None] = {
    (False, False): None,
    (True, False): Colour.GREEN,
    (False, True): Colour.RED,
    (True, True): Colour.AMBER,
}
LEDS: Mapping[commands.Colour, Colour] = {
    commands.Colour.GREEN: Colour.GREEN,
    commands.Colour.RED: Colour.RED,
    commands.Colour.AMBER: Colour.AMBER,
}


@dataclass(frozen=True, slots=True)
class Seen:
    """What a person there perceives now; `sounding` or `lines` None: this indicator has no such thing.

    Of an OSDP reader `light` is the lit colour of its pattern, blinking or not.
    """

    light: Colour | None = None
    sounding: bool | None = None
    lines: tuple[str, ...] | None = None


class SimulatedIndicators:
    """All of them, plugged in; `electronics` finds the simulator of the OSDP reader of that name."""

    def __init__(
        self,
        sections: Sequence[IndicatorOptions],
        folder: Path,
        electronics: Callable[[str], OsdpReaderSimulator],
    ) -> None:
        self._eyes: dict[str, Callable[[], Seen]] = {}
        self._lines: dict[str, FarEnd] = {}
        self._displays: dict[str, CharacterLcdSimulator] = {}
        self.sections: dict[str, Mapping[str, Any]] = {}
        """By name: the keys of the section that lead its driver here."""
        for options in sections:
            self.sections[options.name] = self._simulate(options, folder, electronics)

    def seen(self, name: str) -> Seen:
        """What is perceived at that indicator."""
        return self._eyes[name]()

    def unplug(self, name: str) -> None:
        """That display's wire is cut, and its power with it."""
        self._lines[name].unplug()
        self._displays[name].lose_power()

    def plug(self, name: str) -> None:
        """It is there again."""
        self._lines[name].plug()

    def close(self) -> None:
        """Take all of them away."""
        for line in self._lines.values():
            line.close()

    def _simulate(
        self, options: IndicatorOptions, folder: Path, electronics: Callable[[str], OsdpReaderSimulator]
    ) -> Mapping[str, Any]:
        match options:
            case GpioLampsOptions():
                self._eyes[options.name] = lambda: _lamps(options)
                return {"pin_factory": "mock"}
            case CharacterLcdOptions():
                return self._display(options, folder)
            case OsdpIndicatorOptions():
                reader = electronics(options.reader)
                self._eyes[options.name] = lambda: _osdp_reader(options, reader)
                return {}
            case _:
                raise TypeError(f"{options.name}: indicators of type {options.type} have no simulator here")

    def _display(self, options: CharacterLcdOptions, folder: Path) -> Mapping[str, Any]:
        display = self._displays[options.name] = CharacterLcdSimulator()
        link = folder / f"{options.name}-i2c"

        def receive(data: bytes) -> bytes:
            display.receive(data)
            return b""

        self._lines[options.name] = FarEnd(PtyLine(link), receive)
        self._lines[options.name].plug()
        self._eyes[options.name] = lambda: Seen(lines=display.lines)
        return {"i2c": str(link), "adapter": "line"}


def _lamps(options: GpioLampsOptions) -> Seen:
    factory = pin_factory("mock")
    high = options.lit_level == "high"
    green, red, *buzzer = (bool(factory.pin(number).state) is high for number in options.pins)
    return Seen(LAMPS[green, red], buzzer[0] if buzzer else None)


def _osdp_reader(options: OsdpIndicatorOptions, reader: OsdpReaderSimulator) -> Seen:
    led = reader.display.leds.get(options.led, Led())
    blink = led.temporary or led.permanent
    buzzer = reader.display.buzzer
    return Seen(
        LEDS.get(blink.on) if blink else None,
        buzzer is not None and buzzer.tone is Tone.DEFAULT if options.buzzer else None,
        (_row(reader, 1), _row(reader, 2)) if options.display else None,
    )


def _row(reader: OsdpReaderSimulator, row: int) -> str:
    done = list(reader.done)
    texts = (command.text.rstrip() for command in reversed(done) if isinstance(command, Text) and command.row == row)
    return next(texts, "")
