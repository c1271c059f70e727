"""The output terminals of a simulated reader: what each stands at now, timers included. Pure but for the clock.

The codes are those of osdp_OUT (SIA OSDP v2.2, clause 6): a temporary state runs on the reader's own timer and falls
back to the permanent one, whoever has died meanwhile.
"""

from collections.abc import Callable
from dataclasses import dataclass

from portillon_drivers.osdp.indicators import Output, OutputControl

DS_NS = 100_000_000


@dataclass(slots=True)
class _Terminal:
    permanent: bool = False
    temporary: bool | None = None
    until_ns: int | None = None
    """None: the temporary state has no end (a timer of zero)."""

    def on(self, now_ns: int) -> bool:
        if self.temporary is not None and (self.until_ns is None or now_ns < self.until_ns):
            return self.temporary
        return self.permanent


class OutputTerminals:
    """All outputs of one reader; without power every one is off."""

    def __init__(self, count: int, clock_ns: Callable[[], int]) -> None:
        self._clock_ns = clock_ns
        self._terminals = [_Terminal() for _ in range(count)]

    def states(self) -> tuple[bool, ...]:
        """Whether each is on now."""
        now_ns = self._clock_ns()
        return tuple(terminal.on(now_ns) for terminal in self._terminals)

    def take(self, command: Output) -> bool:
        """Carry it out; whether there is such an output."""
        if command.number >= len(self._terminals):
            return False
        terminal = self._terminals[command.number]
        match command.control:
            case OutputControl.OFF_ABORT_TIMER | OutputControl.ON_ABORT_TIMER:
                terminal.permanent, terminal.temporary = command.control is OutputControl.ON_ABORT_TIMER, None
            case OutputControl.OFF_AFTER_TIMER | OutputControl.ON_AFTER_TIMER:
                terminal.permanent = command.control is OutputControl.ON_AFTER_TIMER
            case OutputControl.ON_FOR_TIME | OutputControl.OFF_FOR_TIME:
                terminal.temporary = command.control is OutputControl.ON_FOR_TIME
                runs = command.timer_ds * DS_NS
                terminal.until_ns = self._clock_ns() + runs if runs else None
        return True

    def lose_power(self) -> None:
        """Every relay drops, and nothing is remembered."""
        self._terminals = [_Terminal() for _ in self._terminals]
