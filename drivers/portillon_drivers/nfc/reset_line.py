"""The wire from a GPIO pin to the PN532's RSTPD_N. A chip that hangs for good comes back by this, or by its supply."""

import time
from typing import Any

from gpiozero import DigitalOutputDevice
from gpiozero.exc import GPIOZeroError

from portillon_drivers.errors import TransientDeviceError
from portillon_drivers.gpio_pins import PinFactoryName, pin_factory

LOW_S = 0.02
"""Far longer than the chip needs, and short for whoever stands at the reader."""
START_S = 0.01
"""The chip's oscillator runs after 2 ms at most (PN532 data sheet, T_osc_start)."""


class ResetLine:
    """One pin, high while the chip runs."""

    def __init__(self, pin: int, factory: PinFactoryName) -> None:
        self._pin = pin
        self._factory = factory
        self._device: Any = None

    def pulse(self) -> None:
        """Reset the chip, and wait until it runs; raises TransientDeviceError or MissingLibraryError."""
        factory = pin_factory(self._factory)
        try:
            if self._device is None:
                self._device = DigitalOutputDevice(self._pin, initial_value=True, pin_factory=factory)
            self._device.off()
            time.sleep(LOW_S)
            self._device.on()
            time.sleep(START_S)
        except (GPIOZeroError, OSError) as error:
            self.close()
            raise TransientDeviceError(f"GPIO pin {self._pin} cannot reset the PN532: {error}") from error

    def close(self) -> None:
        """Let go of the pin; it stays high, so the chip runs."""
        device, self._device = self._device, None
        if device is not None:
            device.close()
