"""A display of two lines of 16 (HD44780) on I²C, by the common backpack with a PCF8574. It has no lamp and no buzzer.

Texts are shown without accents: the usual character ROM (A00) has Japanese there.
The bytes are our own (see `hd44780.py`): the library for it, RPLCD 1.4.0, never closes its bus and installs two
top-level test packages beside itself.
- Power lost, or upset by a solenoid: blank or garbled until the next text, at the latest the next refresh.
- Gateway dead: the last text stays until the next start.
- On a Pi: `dtparam=i2c_arm=on` in config.txt; a backpack run at 5 V wants a level shifter.
"""

import errno
import fcntl
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field

from portillon_drivers.errors import PermanentDeviceError, TransientDeviceError
from portillon_drivers.indicators import hd44780
from portillon_drivers.indicators.ascii_text import ascii_text
from portillon_drivers.indicators.pattern import Page, Pattern
from portillon_drivers.indicators.phase import page_at
from portillon_drivers.options import FilePath, IndicatorOptions
from portillon_drivers.ports import Indicator, Reader
from portillon_drivers.registry import IndicatorDriver

I2C_SLAVE = 0x0703
"""linux/i2c-dev.h: the address of whatever is written to."""


class CharacterLcdOptions(IndicatorOptions):
    """A section `[[indicators]]` with `type = "lcd"`."""

    type: Literal["lcd"]
    i2c: FilePath = Field(default=Path("/dev/i2c-1"), description="the I²C bus; on a Pi /dev/i2c-1")
    address: int = Field(
        default=0x27, ge=0x08, le=0x77, description="of the backpack: 0x27 (PCF8574) or 0x3F (PCF8574A), less jumpers"
    )
    adapter: Literal["kernel", "line"] = Field(
        default="kernel", description='"line" for a simulated display, alone at the far end of a pty'
    )

    @property
    def port(self) -> str:
        """The bus; displays share it."""
        return str(self.i2c)

    @property
    def place(self) -> str:
        """The bus and the address."""
        return f"{self.i2c} address 0x{self.address:02X}"


class CharacterLcd:
    """One display; fills the Indicator port."""

    def __init__(self, options: CharacterLcdOptions) -> None:
        self._options = options
        self._bus = -1
        self._pattern: Pattern | None = None
        self._page: Page | None = None

    @property
    def name(self) -> str:
        """The name that the configuration gives it."""
        return self._options.name

    def open(self) -> None:
        """Take the bus and blank the display."""
        if self._bus >= 0:
            return
        try:
            self._bus = os.open(self._options.i2c, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
            if self._options.adapter == "kernel":
                fcntl.ioctl(self._bus, I2C_SLAVE, self._options.address)
        except OSError as error:
            self.close()
            if error.errno == errno.ENOTTY:
                raise PermanentDeviceError(f"{self._options.i2c} is no I²C bus; correct i2c") from error
            told = "nothing is there" if error.errno == errno.ENOENT else error.strerror
            raise TransientDeviceError(
                f"{self._options.place}: {told}; on a Pi set dtparam=i2c_arm=on in config.txt"
            ) from error
        self._write_anew(Page(()))

    def show(self, pattern: Pattern) -> int | None:
        """Its first page, on a display that is told again how to listen: noise may have confused it."""
        self._pattern = pattern
        page, next_in_ms = page_at(pattern, 0)
        self._write_anew(page)
        return next_in_ms

    def play(self, elapsed_ms: int) -> int | None:
        """Turn the page when its time has come."""
        if self._pattern is None:
            raise TransientDeviceError(f"{self._options.place} is not open")
        page, next_in_ms = page_at(self._pattern, elapsed_ms)
        if page != self._page:
            self._write(_screen(page))
            self._page = page
        return next_in_ms

    def close(self) -> None:
        """Blank it if that still can be, and let go of the bus."""
        bus, self._bus, self._pattern, self._page = self._bus, -1, None, None
        if bus < 0:
            return
        try:
            os.write(bus, _screen(Page(())))
        except OSError:
            pass  # a display that is gone shows nothing
        finally:
            os.close(bus)

    def _write_anew(self, page: Page) -> None:
        for data, wait_s in hd44780.RESYNC:
            self._write(data)
            time.sleep(wait_s)
        self._write(_screen(page))
        self._page = page

    def _write(self, data: bytes) -> None:
        if self._bus < 0:
            raise TransientDeviceError(f"{self._options.place} is not open")
        try:
            written = os.write(self._bus, data)
        except OSError as error:
            self._lose()
            raise TransientDeviceError(
                f"{self._options.place} does not answer: {error.strerror}; check its wires, power and address "
                "(i2cdetect -y 1 shows it)"
            ) from error
        if written != len(data):
            self._lose()
            raise TransientDeviceError(f"{self._options.place} took {written} of {len(data)} bytes; check its wires")

    def _lose(self) -> None:
        os.close(self._bus)
        self._bus, self._pattern, self._page = -1, None, None


def _screen(page: Page) -> bytes:
    return hd44780.screen([ascii_text(line) for line in page.lines])


def build(sections: Sequence[CharacterLcdOptions], readers: Mapping[str, Reader]) -> list[Indicator]:
    """One indicator per section; each opens the bus for itself, which the kernel shares out."""
    return [CharacterLcd(options) for options in sections]


DRIVER: IndicatorDriver[CharacterLcdOptions] = IndicatorDriver(CharacterLcdOptions, build)
