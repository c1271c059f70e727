"""A relay or transistor on a GPIO pin.

- Power lost: the coil drops; the door goes to the state its wiring declares for no power.
- Gateway dead: the guard locks at once (measured: within 5 ms). Gateway and guard both dead: the pin stays as last
  driven until the guard's next start, which locks before anything else: measured 0.2 to 0.4 s after it was started,
  which systemd does 0.2 s after the death; on a Pi allow two seconds.
- Booting: until the guard's first start nobody drives the pin, and the chip's pull (up on BCM 0 to 8, down on the rest)
  would decide. Give each output its locked level in /boot/firmware/config.txt, which holds from the first moments on:

      wiring               energised_level   locked level   line in config.txt, pin 17
      energise_to_release  high              low            gpio=17=op,dl
      energise_to_release  low               high           gpio=17=op,dh
      energise_to_lock     high              high           gpio=17=op,dh
      energise_to_lock     low               low            gpio=17=op,dl

  Before the firmware has read that line, for a second or two, only a resistor on the board can hold the level.
"""

from collections.abc import Sequence
from typing import Any, Literal

from gpiozero import DigitalOutputDevice
from gpiozero.exc import GPIOZeroError
from pydantic import Field

from portillon_drivers.errors import TransientDeviceError
from portillon_drivers.events import ClockNs
from portillon_drivers.gpio_pins import PinFactoryName, pin_factory
from portillon_drivers.options import OutputOptions
from portillon_drivers.ports import Output
from portillon_drivers.registry import Driver


class GpioOutputOptions(OutputOptions):
    """A section `[[outputs]]` with `type = "gpio"`."""

    type: Literal["gpio"]
    pin: int = Field(ge=0, le=27, description="the BCM number, for example 17")
    energised_level: Literal["high", "low"] = Field(
        description='the level at which the coil carries current: "high", or "low" on active-low boards'
    )
    pin_factory: PinFactoryName = Field(default="lgpio", description='"mock" where there is no Pi')

    @property
    def port(self) -> str:
        """Pins are shared by nobody, the chip by all."""
        return self.place

    @property
    def place(self) -> str:
        """The pin."""
        return f"GPIO pin {self.pin}"


class GpioOutput:
    """One pin; fills the Output port."""

    def __init__(self, options: GpioOutputOptions) -> None:
        self._options = options
        self._device: Any = None

    @property
    def name(self) -> str:
        """The name that the configuration gives it."""
        return self._options.name

    def open(self) -> None:
        """Make the pin an output at its locked level, in one act."""
        if self._device is not None:
            return
        factory = pin_factory(self._options.pin_factory)
        locked = self._options.wiring.energised(releasing=False)
        try:
            self._device = DigitalOutputDevice(
                self._options.pin,
                active_high=self._options.energised_level == "high",
                initial_value=locked,
                pin_factory=factory,
            )
        except (GPIOZeroError, OSError) as error:
            raise TransientDeviceError(f"{self._options.place} cannot be taken: {error}") from error

    def set(self, releasing: bool, at_most_ms: int | None = None) -> None:
        """Drive the pin's level."""
        if self._device is None:
            raise TransientDeviceError(f"{self._options.place} is not open")
        try:
            self._device.value = self._options.wiring.energised(releasing=releasing)
        except (GPIOZeroError, OSError) as error:
            self.close()
            raise TransientDeviceError(f"{self._options.place} cannot be driven: {error}") from error

    def close(self) -> None:
        """Let go of the pin; its level stays as last driven."""
        device, self._device = self._device, None
        if device is not None:
            device.close()


def build(sections: Sequence[GpioOutputOptions], clock_ns: ClockNs) -> list[Output]:
    """One output per section."""
    return [GpioOutput(options) for options in sections]


DRIVER: Driver[GpioOutputOptions, Output] = Driver(GpioOutputOptions, build)
