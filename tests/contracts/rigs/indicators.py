"""One indicator of each kind with whatever is at its far end, and the eyes of somebody who stands there."""

import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from portillon_drivers.events import ReaderEvent, ReaderUp
from portillon_drivers.far_end import FarEnd
from portillon_drivers.gpio_pins import pin_factory
from portillon_drivers.indicators.hd44780_simulator import CharacterLcdSimulator
from portillon_drivers.indicators.pattern import Colour
from portillon_drivers.osdp import commands
from portillon_drivers.osdp.commands import Led, Text, Tone
from portillon_drivers.ports import Reader
from portillon_drivers.pty_line import PtyLine
from portillon_drivers.readers.osdp import DRIVER, OsdpOptions
from portillon_drivers.readers.osdp_simulator import SimulatedBus, SimulatedOsdpReader

WAIT_S = 10.0
LAMPS = {
    (False, False): None,
    (True, False): Colour.GREEN,
    (False, True): Colour.RED,
    (True, True): Colour.AMBER,
}
LEDS = {
    commands.Colour.OFF: None,
    commands.Colour.GREEN: Colour.GREEN,
    commands.Colour.RED: Colour.RED,
    commands.Colour.AMBER: Colour.AMBER,
}


@dataclass(frozen=True)
class Seen:
    """What a person at the door perceives; None: this kind of indicator has no such thing."""

    light: Colour | None = None
    sounding: bool | None = None
    lines: tuple[str, ...] | None = None


class GpioRig:
    """Two lamps and a buzzer on mock pins, active-low."""

    light, sound, text = True, True, False
    readers: tuple[Reader, ...] = ()

    def __init__(self, folder: Path) -> None:
        self._factory = pin_factory("mock")
        self._factory.reset()
        self.section: dict[str, Any] = {"type": "gpio", "green_pin": 5, "red_pin": 6, "buzzer_pin": 13}
        self.section |= {"lit_level": "low", "pin_factory": "mock"}

    def seen(self) -> Seen:
        green, red, buzzer = (not self._factory.pin(number).state for number in (5, 6, 13))
        return Seen(LAMPS[green, red], buzzer)

    def close(self) -> None:
        self._factory.reset()


class OsdpRig:
    """The LED, buzzer and display of a reader whose own driver runs; its timers are read, not waited for."""

    light, sound, text = True, True, True

    def __init__(self, folder: Path) -> None:
        section = {"type": "osdp", "path": folder / "bus", "address": 1, "baud": 115_200, "key_file": "lane1.key"}
        options = OsdpOptions.model_validate({"name": "lane1-reader", **section})
        self._bus = SimulatedBus(folder / "bus")
        self._reader = SimulatedOsdpReader(options, self._bus, folder / "lane1.key")
        self._up, self._stop = threading.Event(), threading.Event()
        (reader,) = DRIVER.build([options.model_copy(update={"key_file": folder / "lane1.key"})], time.monotonic_ns)
        self.readers = (reader,)
        self.section: dict[str, Any] = {"type": "osdp", "reader": "lane1-reader", "display": True}
        self._thread = threading.Thread(target=reader.run, args=(self._hear, self._stop))
        self.restore()
        self._thread.start()
        assert self._up.wait(WAIT_S)

    def seen(self) -> Seen:
        done = list(self._reader.electronics.done)
        led = next((command for command in reversed(done) if isinstance(command, Led)), Led())
        blink = led.temporary or led.permanent
        buzzer = self._reader.electronics.display.buzzer
        return Seen(
            LEDS[blink.on] if blink else None,
            buzzer is not None and buzzer.tone is Tone.DEFAULT,
            tuple(_row(done, row) for row in (1, 2)),
        )

    def lose(self) -> None:
        self._up.clear()
        self._reader.unplug()

    def restore(self) -> None:
        self._reader.plug()
        if self._thread.is_alive():
            assert self._up.wait(WAIT_S)

    def close(self) -> None:
        self._stop.set()
        self._thread.join(WAIT_S)
        self._reader.close()

    def _hear(self, event: ReaderEvent) -> None:
        if isinstance(event, ReaderUp):
            self._up.set()


def _row(done: list[Any], row: int) -> str:
    texts = [command.text for command in done if isinstance(command, Text) and command.row == row]
    return texts[-1].rstrip() if texts else ""


class LcdRig:
    """A character display at the far end of a pty that stands for the I²C."""

    light, sound, text = False, False, True
    readers: tuple[Reader, ...] = ()

    def __init__(self, folder: Path) -> None:
        self._display = CharacterLcdSimulator()
        self._line = FarEnd(PtyLine(folder / "i2c"), self._receive)
        self.section: dict[str, Any] = {"type": "lcd", "i2c": folder / "i2c", "adapter": "line"}
        self.restore()

    def seen(self) -> Seen:
        return Seen(lines=self._display.lines)

    def lose(self) -> None:
        self._line.unplug()
        self._display.lose_power()

    def restore(self) -> None:
        self._line.plug()

    def close(self) -> None:
        self._line.close()

    def _receive(self, data: bytes) -> bytes:
        self._display.receive(data)
        return b""


RIGS: dict[str, Any] = {"gpio": GpioRig, "osdp": OsdpRig, "lcd": LcdRig}
