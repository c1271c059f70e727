"""An LCUS board at the far end of a line: it latches as the real one does. Pure: bytes in, relay changes out.

Not modelled: the coil's 5 to 10 ms, and what a brown-out does to the board's processor.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from portillon_drivers.outputs.lcus_relay import OFF, ON, START

COMMAND_BYTES = 4


@dataclass(frozen=True, slots=True)
class CoilCommanded:
    """A valid command arrived; `changed` is false when the coil already was so."""

    channel: int
    energised: bool
    changed: bool


class LcusBoardSimulator:
    """The board's processor and its latching relays."""

    def __init__(self, channels: int) -> None:
        self._energised = dict.fromkeys(range(1, channels + 1), False)
        self._pending = b""
        self.refused_bytes = 0

    def energised(self, channel: int) -> bool:
        """Whether that relay's coil carries current now."""
        return self._energised[channel]

    def receive(self, data: bytes) -> Iterator[CoilCommanded]:
        """Bytes from the host; anything that is no valid command is skipped byte by byte and counted."""
        self._pending += data
        while len(self._pending) >= COMMAND_BYTES:
            start, channel, state, total = self._pending[:COMMAND_BYTES]
            valid = start == START and channel in self._energised and state in (OFF, ON)
            if not valid or total != (start + channel + state) & 0xFF:
                self._pending = self._pending[1:]
                self.refused_bytes += 1
                continue
            self._pending = self._pending[COMMAND_BYTES:]
            changed = self._energised[channel] is not (state == ON)
            self._energised[channel] = state == ON
            yield CoilCommanded(channel, state == ON, changed)

    def lose_power(self) -> None:
        """USB unplugged: every coil drops, and half a command is forgotten."""
        self._energised = dict.fromkeys(self._energised, False)
        self._pending = b""
