"""The guard's own process for a story: the real one, whose mock pins write their levels where the story sees them.

    python -m stories.door_guard CONFIG LEVELS

A byte for each pin in the file LEVELS; it stays as last driven whoever dies, as a pin does.
"""

import os
import sys

from portillon_drivers import gpio_pins
from portillon_edge.guard.__main__ import main

PINS = 28
UNDRIVEN = 0xFF
ALONE_S_MAX = 60
"""Nothing outlives the tests for longer, however they were ended."""


def watch_pins(levels: str) -> None:
    """Every mock pin made from now on shows its level in the file."""
    file = os.open(levels, os.O_RDWR)

    class ShownPin(gpio_pins.OneActMockPin):
        """A mock pin that somebody outside can look at."""

        def _change_state(self, value: bool) -> bool:
            changed: bool = super()._change_state(value)
            if self.function == "output":
                os.pwrite(file, bytes([bool(value)]), int(self.info.name.removeprefix("GPIO")))
            return changed

    gpio_pins.OneActMockPin = ShownPin  # type: ignore[misc]


if __name__ == "__main__":
    config, levels = sys.argv[1:]
    watch_pins(levels)
    sys.argv[1:] = ["--config", config, "--exit-after-idle-s", str(ALONE_S_MAX)]
    sys.exit(main())
