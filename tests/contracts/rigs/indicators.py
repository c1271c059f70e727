"""One indicator of each kind with whatever is at its far end; somebody stands there and looks."""

import threading
import time
from pathlib import Path
from typing import Any

from portillon_drivers.events import ReaderEvent, ReaderUp
from portillon_drivers.gpio_pins import pin_factory
from portillon_drivers.indicators.simulated_indicators import Seen, SimulatedIndicators
from portillon_drivers.osdp.reader_simulator import OsdpReaderSimulator
from portillon_drivers.ports import Reader
from portillon_drivers.readers.osdp import DRIVER, OsdpOptions
from portillon_drivers.readers.osdp_simulator import SimulatedBus, SimulatedOsdpReader
from portillon_drivers.registry import INDICATORS, options_model

WAIT_S = 10.0


class Rig:
    """What is common to all: a section, and its simulator."""

    light = sound = text = True
    section: dict[str, Any]
    readers: tuple[Reader, ...] = ()

    def __init__(self, folder: Path) -> None:
        model = options_model(INDICATORS, self.section["type"])
        true: Any = model.model_validate({"name": "lane1-lamps", "door": "lane1", **self.section})
        self._simulated = SimulatedIndicators([true], folder, self._electronics)
        led_here = self._simulated.sections["lane1-lamps"]
        self.options: Any = model.model_validate({**dict(true), **led_here})

    def seen(self) -> Seen:
        return self._simulated.seen("lane1-lamps")

    def close(self) -> None:
        self._simulated.close()

    def _electronics(self, reader: str) -> OsdpReaderSimulator:
        raise AssertionError("no reader belongs to it")


class GpioRig(Rig):
    """Two lamps and a buzzer on mock pins, active-low."""

    text = False
    section = {"type": "gpio", "green_pin": 5, "red_pin": 6, "buzzer_pin": 13, "lit_level": "low"}  # noqa: RUF012

    def __init__(self, folder: Path) -> None:
        pin_factory("mock").reset()
        for pin in (5, 6, 13):
            pin_factory("mock").pin(pin).pull = "up"  # as an active-low board does: unpowered it is dark
        super().__init__(folder)


class OsdpRig(Rig):
    """The LED, buzzer and display of a reader whose own driver runs; its timers are read, not waited for."""

    section = {"type": "osdp", "reader": "lane1-reader", "display": True}  # noqa: RUF012

    def __init__(self, folder: Path) -> None:
        keys = {"type": "osdp", "path": folder / "bus", "address": 1, "baud": 115_200, "key_file": folder / "lane1.key"}
        options = OsdpOptions.model_validate({"name": "lane1-reader", **keys})
        self._reader = SimulatedOsdpReader(options, SimulatedBus(folder / "bus"), folder / "lane1.key")
        self._up, self._stop = threading.Event(), threading.Event()
        self.readers = tuple(DRIVER.build([options], time.monotonic_ns))
        self._thread = threading.Thread(target=self.readers[0].run, args=(self._hear, self._stop))
        self._reader.plug()
        self._thread.start()
        assert self._up.wait(WAIT_S)
        super().__init__(folder)

    def lose(self) -> None:
        self._up.clear()
        self._reader.unplug()

    def restore(self) -> None:
        self._reader.plug()
        assert self._up.wait(WAIT_S)

    def close(self) -> None:
        super().close()
        self._stop.set()
        self._thread.join(WAIT_S)
        self._reader.close()

    def _electronics(self, reader: str) -> OsdpReaderSimulator:
        return self._reader.electronics

    def _hear(self, event: ReaderEvent) -> None:
        if isinstance(event, ReaderUp):
            self._up.set()


class LcdRig(Rig):
    """A character display at the far end of a pty that stands for the I²C."""

    light = sound = False
    section = {"type": "lcd"}  # noqa: RUF012

    def lose(self) -> None:
        self._simulated.unplug("lane1-lamps")

    def restore(self) -> None:
        self._simulated.plug("lane1-lamps")


RIGS: dict[str, type[Rig]] = {"gpio": GpioRig, "osdp": OsdpRig, "lcd": LcdRig}
