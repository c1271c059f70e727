"""How long to wait before trying a lost device again. Pure: the caller waits."""

FIRST_S = 0.05
LONGEST_S = 2.0
"""A replugged device is back in service within this long."""


class Backoff:
    """Delays that double from 50 ms to 2 s, until the device has proved itself."""

    def __init__(self) -> None:
        self._next_s = FIRST_S

    def next_s(self) -> float:
        """The delay before the next try, in seconds."""
        delay_s = self._next_s
        self._next_s = min(LONGEST_S, delay_s * 2)
        return delay_s

    def reset(self) -> None:
        """The device works: the next trouble starts small again."""
        self._next_s = FIRST_S
