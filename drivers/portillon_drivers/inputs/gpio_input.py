"""Contacts between a GPIO pin and ground (or 3.3 V, with `pull = "down"`). Debouncing is ours: mock pins have none, and
gpiozero's hides the time of the change. Wiegand needs kernel timestamps and does not belong here."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from gpiozero import DigitalInputDevice
from gpiozero.exc import GPIOZeroError
from pydantic import Field

from portillon_drivers.errors import TransientDeviceError
from portillon_drivers.events import ClockNs
from portillon_drivers.gpio_pins import PinFactoryName, pin_factory
from portillon_drivers.inputs.line_watch import Found
from portillon_drivers.inputs.polling import PolledInputs
from portillon_drivers.options import InputOptions
from portillon_drivers.ports import Inputs
from portillon_drivers.registry import Driver

POLL_S = 0.005


class GpioInputOptions(InputOptions):
    """A section `[[inputs]]` with `type = "gpio"`."""

    type: Literal["gpio"]
    pin: int = Field(ge=0, le=27, description="the BCM number, for example 23")
    pull: Literal["up", "down"] = Field(default="up", description='"up": the contact joins the pin to ground')
    pin_factory: PinFactoryName = Field(default="lgpio", description='"mock" where there is no Pi')

    @property
    def port(self) -> str:
        """Pins are shared by nobody, the chip by all."""
        return self.place

    @property
    def place(self) -> str:
        """The pin."""
        return f"GPIO pin {self.pin}"


class GpioContacts:
    """All contacts on this machine's pins."""

    def __init__(self, sections: Sequence[GpioInputOptions]) -> None:
        self._sections = sections
        self._devices: dict[str, Any] = {}

    def open(self) -> None:
        """Make the pins inputs with their pull."""
        for options in self._sections:
            if options.name in self._devices:
                continue
            factory = pin_factory(options.pin_factory)
            try:
                # With a pull, gpiozero calls a pin active when it is driven away from that pull: the contact is closed.
                self._devices[options.name] = DigitalInputDevice(
                    options.pin, pull_up=options.pull == "up", pin_factory=factory
                )
            except (GPIOZeroError, OSError) as error:
                raise TransientDeviceError(f"{options.place} cannot be taken: {error}") from error

    def found(self) -> Mapping[str, Found]:
        """The state of each pin."""
        try:
            return {name: Found(bool(device.is_active)) for name, device in self._devices.items()}
        except (GPIOZeroError, OSError) as error:
            raise TransientDeviceError(f"the GPIO pins cannot be read: {error}") from error

    def close(self) -> None:
        """Let go of the pins."""
        while self._devices:
            self._devices.popitem()[1].close()


def build(sections: Sequence[GpioInputOptions], clock_ns: ClockNs) -> list[Inputs]:
    """All pins in one group, watched by one thread."""
    return [PolledInputs(sections, GpioContacts(sections), POLL_S, clock_ns)]


DRIVER: Driver[GpioInputOptions, Inputs] = Driver(GpioInputOptions, build)
