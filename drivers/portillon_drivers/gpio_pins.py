"""GPIO pins through gpiozero: lgpio on a Pi, mock pins elsewhere.

Two of gpiozero's habits would move a relay, and are mended here:
- it makes a pin an output first (level 0) and sets its level afterwards: a relay that is locked at level 1 would be
  released for a moment. Here direction and level are one act.
- it turns pins back into inputs when the process ends, letting an unpowered coil decide. Here a pin stays as last
  driven, as far as the kernel keeps it (Raspberry Pi kernels do); before the first start and across a reboot the
  board's own pull and `gpio=17=op,dl` (or `dh`) in config.txt decide.
"""

from functools import cache
from importlib import import_module
from typing import Any, Literal

from gpiozero.pins.mock import MockFactory, MockPin

from portillon_drivers.errors import MissingLibraryError

PinFactoryName = Literal["lgpio", "mock"]


class OneActMockPin(MockPin):  # type: ignore[misc]  # gpiozero has no types
    """A mock pin that blips as the real one does when direction and level are set in two acts."""

    def _set_function(self, value: str) -> None:
        super()._set_function(value)
        if value == "output":
            self._change_state(False)

    def output_with_state(self, state: int) -> None:
        """Become an output that already has its level."""
        super()._set_function("output")
        self._change_state(bool(state))

    def close(self) -> None:
        """Leave the level as last driven."""
        self.when_changed = None


@cache
def pin_factory(name: PinFactoryName) -> Any:
    """The process's one factory of that kind; raises MissingLibraryError where lgpio is not installed."""
    return MockFactory(pin_class=OneActMockPin) if name == "mock" else _lgpio_factory()


def _lgpio_factory() -> Any:
    try:
        lgpio: Any = import_module("lgpio")  # has no types
        from gpiozero.pins.lgpio import LGPIOFactory, LGPIOPin
    except ImportError as error:
        raise MissingLibraryError(
            'lgpio is not installed: it comes with Portillon on a Pi; elsewhere set pin_factory = "mock"'
        ) from error

    class OneActPin(LGPIOPin):  # type: ignore[misc]  # gpiozero has no types
        """An lgpio pin as described above."""

        def output_with_state(self, state: int) -> None:
            lgpio.gpio_claim_output(self.factory._handle, self._number, int(bool(state)))

        def close(self) -> None:
            """Leave the level as last driven; closing the factory frees the line."""

    factory = LGPIOFactory()
    factory.pin_class = OneActPin
    return factory
