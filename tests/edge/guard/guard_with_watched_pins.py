"""The guard's process on mock pins whose levels outlive it, as the kernel keeps a real pin's: one byte each in a file.

python -m edge.guard.guard_with_watched_pins LEVELS --config FILE
"""

import os
import sys

from portillon_drivers.gpio_pins import OneActMockPin
from portillon_edge.guard.__main__ import main


def watch(path: str) -> None:
    """Have every change of a pin's level written down before anything else happens."""
    levels = os.open(path, os.O_RDWR)
    change_state = OneActMockPin._change_state

    def changed(pin: OneActMockPin, value: bool) -> bool:
        if pin.function == "output":
            os.pwrite(levels, bytes([int(bool(value))]), pin._number)
        return bool(change_state(pin, value))

    OneActMockPin._change_state = changed


if __name__ == "__main__":
    watch(sys.argv.pop(1))
    sys.exit(main())
