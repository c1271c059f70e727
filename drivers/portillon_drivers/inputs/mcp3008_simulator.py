"""An MCP3008 on gpiozero's mock SPI pins, clock by clock, with a supervised loop on each channel.

Not modelled: the time that the sample capacitor takes through a loop of more than some kilohms, and noise.
"""

from collections.abc import Sequence
from math import inf
from typing import Any

from gpiozero.pins.mock import MockSPIDevice

CHANNELS = 8
STEPS = 1_024
COMMAND_BITS = 5
"""Start bit, single-ended or differential, three bits of channel."""
CLOCK_PIN, MOSI_PIN, MISO_PIN = 11, 10, 9
SELECT_PINS = (8, 7)


class Mcp3008Simulator(MockSPIDevice):  # type: ignore[misc]  # gpiozero has no types
    """One chip; `powered = False` lets its data line float high."""

    def __init__(self, factory: Any, chip_select: int = 0, pull_up_ohm: float = 1_000) -> None:
        super().__init__(CLOCK_PIN, MOSI_PIN, MISO_PIN, SELECT_PINS[chip_select], pin_factory=factory)
        self._pull_up_ohm = pull_up_ohm
        self._loops_ohm = [inf] * CHANNELS
        self._command: list[bool] = []
        self.powered = True

    def set_ohm(self, channel: int, ohm: float) -> None:
        """Hang such a loop on that channel (counted from 0); `inf` is a cut wire."""
        self._loops_ohm[channel] = ohm

    def on_start(self) -> None:
        """The chip is selected: whatever it was about to say is forgotten."""
        super().on_start()
        self._command = []
        if not self.powered:
            self.tx_buf = [True] * 3 * self.bits_per_word

    def on_bit(self) -> None:
        """One clock: zeros before the start bit mean nothing; after the command come a sample and the answer."""
        bit = bool(self.rx_buf[-1])
        if not self.powered or len(self._command) == COMMAND_BITS or not (bit or self._command):
            return
        self._command.append(bit)
        if len(self._command) == COMMAND_BITS:
            self.tx_buf = [True, False, *_bits(self._counts(self._command[1:]))]

    def _counts(self, command: Sequence[bool]) -> int:
        single_ended, *number = command
        if not single_ended:
            return 0  # a pair of channels, of which nobody asks the difference here
        ohm = self._loops_ohm[sum(bit << place for bit, place in zip(number, (2, 1, 0), strict=True))]
        share = 1.0 if ohm == inf else ohm / (ohm + self._pull_up_ohm)
        return min(STEPS - 1, int(STEPS * share))


def _bits(counts: int) -> list[bool]:
    return [bool(counts >> place & 1) for place in range(9, -1, -1)]
