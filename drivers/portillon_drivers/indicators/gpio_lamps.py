"""A green and a red lamp on GPIO pins, and a buzzer that sounds by itself under voltage. Amber is both lamps at once.

They stand side by side (green on the right, or below), so that the place tells what the colour cannot.
- Power lost: dark and silent. Gateway stopped: dark and silent.
- Gateway dead: each pin stays as last driven until the gateway's next start, which begins dark and silent; with systemd
  that is a second or two. A lamp says nothing of the lock: the guard locks meanwhile.
- Booting: the board's pull and config.txt decide (see `gpio_pins.py`).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

from gpiozero import DigitalOutputDevice
from gpiozero.exc import GPIOZeroError
from pydantic import Field, model_validator

from portillon_drivers.errors import TransientDeviceError
from portillon_drivers.gpio_pins import PinFactoryName, pin_factory
from portillon_drivers.indicators.pattern import Colour, Pattern
from portillon_drivers.indicators.phase import Phase, phase_at
from portillon_drivers.options import IndicatorOptions
from portillon_drivers.ports import Indicator, Reader
from portillon_drivers.registry import IndicatorDriver

GREEN_LIT = frozenset({Colour.GREEN, Colour.AMBER})
RED_LIT = frozenset({Colour.RED, Colour.AMBER})


class GpioLampsOptions(IndicatorOptions):
    """A section `[[indicators]]` with `type = "gpio"`."""

    type: Literal["gpio"]
    green_pin: int = Field(ge=0, le=27, description="the BCM number of the green lamp's pin, for example 5")
    red_pin: int = Field(ge=0, le=27, description="the BCM number of the red lamp's pin, for example 6")
    buzzer_pin: int | None = Field(default=None, ge=0, le=27, description="the BCM number of the buzzer's pin")
    lit_level: Literal["high", "low"] = Field(
        description='the level at which a lamp is lit and the buzzer sounds: "high", or "low" on active-low boards'
    )
    pin_factory: PinFactoryName = Field(default="lgpio", description='"mock" where there is no Pi')

    @model_validator(mode="after")
    def _has_a_pin_for_each(self) -> Self:
        if len(set(self.pins)) < len(self.pins):
            raise ValueError("green_pin, red_pin and buzzer_pin are different pins")
        return self

    @property
    def pins(self) -> tuple[int, ...]:
        """Green, red, and the buzzer's if there is one."""
        lamps = (self.green_pin, self.red_pin)
        return lamps if self.buzzer_pin is None else (*lamps, self.buzzer_pin)

    @property
    def port(self) -> str:
        """Its pins are shared by nobody, the chip by all."""
        return "GPIO pins " + ", ".join(str(pin) for pin in self.pins)

    @property
    def places(self) -> tuple[str, ...]:
        """Each pin."""
        return tuple(f"GPIO pin {pin}" for pin in self.pins)


class GpioLamps:
    """Two lamps and a buzzer; fills the Indicator port."""

    def __init__(self, options: GpioLampsOptions) -> None:
        self._options = options
        self._devices: list[Any] = []
        self._pattern: Pattern | None = None

    @property
    def name(self) -> str:
        """The name that the configuration gives it."""
        return self._options.name

    def open(self) -> None:
        """Make each pin an output, dark and silent, in one act."""
        if self._devices:
            return
        factory = pin_factory(self._options.pin_factory)
        active_high = self._options.lit_level == "high"
        try:
            for pin in self._options.pins:
                self._devices.append(
                    DigitalOutputDevice(pin, active_high=active_high, initial_value=False, pin_factory=factory)
                )
        except (GPIOZeroError, OSError) as error:
            self.close()
            raise TransientDeviceError(f"{self._options.port} cannot be taken: {error}") from error

    def show(self, pattern: Pattern) -> int | None:
        """Begin it."""
        self._pattern = pattern
        return self.play(0)

    def play(self, elapsed_ms: int) -> int | None:
        """Drive each pin as the pattern has it then."""
        if not self._devices or self._pattern is None:
            raise TransientDeviceError(f"{self._options.port} are not open")
        phase = phase_at(self._pattern, elapsed_ms)
        try:
            for device, lit in zip(self._devices, self._lit(self._pattern, phase), strict=False):
                device.value = lit
        except (GPIOZeroError, OSError) as error:
            self.close()
            raise TransientDeviceError(f"{self._options.port} cannot be driven: {error}") from error
        return phase.change_in_ms

    def close(self) -> None:
        """Leave every pin dark and silent, and let go of it."""
        devices, self._devices, self._pattern = self._devices, [], None
        for device in devices:
            try:
                device.off()
                device.close()
            except (GPIOZeroError, OSError):
                continue  # what cannot be driven cannot be made dark either; the other pins still are

    @staticmethod
    def _lit(pattern: Pattern, phase: Phase) -> tuple[bool, bool, bool]:
        return phase.lit and pattern.colour in GREEN_LIT, phase.lit and pattern.colour in RED_LIT, phase.sounding


def build(sections: Sequence[GpioLampsOptions], readers: Mapping[str, Reader]) -> list[Indicator]:
    """One indicator per section."""
    return [GpioLamps(options) for options in sections]


DRIVER: IndicatorDriver[GpioLampsOptions] = IndicatorDriver(GpioLampsOptions, build)
