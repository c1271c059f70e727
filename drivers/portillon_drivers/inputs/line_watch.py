"""What is told of one input line, from what was found on it. Pure.

1. A state is told once it has stood for the debounce time; the first one is told too.
2. A line in trouble (cut, short, foreign) is told as such, and its next good state ends the trouble.
3. A line that flaps is told once; its changes are withheld until it has calmed, then its state is told.
4. Of an egress input, turning active is never withheld; one that only chatters is believed to be pressed.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from portillon_drivers.events import InputChanged, InputEvent, InputTroubled, LineTrouble
from portillon_drivers.inputs.debounce import Debounce
from portillon_drivers.inputs.flapping import Flapping
from portillon_drivers.options import InputOptions


@dataclass(frozen=True, slots=True)
class Found:
    """One sample: whether the contact is closed, or why that cannot be said; `detail` is for the technician."""

    state: bool | LineTrouble
    detail: str = ""


class LineWatch:
    """One line between its sampling and whoever is told."""

    def __init__(self, options: InputOptions) -> None:
        self._options = options
        self._debounce: Debounce[bool | LineTrouble] = Debounce(options.debounce_ms * 1_000_000)
        self._flapping = Flapping(options.changes_max)
        self._settled: Found | None = None
        self._withholds = False

    def sample(self, found: Found, at_ns: int) -> Iterator[InputEvent]:
        """The line was looked at."""
        news = self._debounce.sample(found.state, at_ns) is not None
        if news:
            if self._settled is not None:
                self._flapping.changed(at_ns)
            self._settled = found
        restless_ns = self._debounce.restless_ns(at_ns)
        flaps = self._flapping.look(restless_ns, at_ns)
        begins, ends = flaps and not self._withholds, self._withholds and not flaps
        self._withholds = flaps
        pressed = self._options.egress and ((news and self._active) or (begins and not news))
        if pressed and flaps:
            yield InputChanged(self._options.name, True, at_ns)
        if begins:
            yield InputTroubled(self._options.name, LineTrouble.FLAPPING, self._flapping_detail(news=news), at_ns)
        elif self._settled is not None and not flaps and (news or ends):
            yield self._told(self._settled, at_ns)

    def forget(self) -> None:
        """The line was lost: what is found next is told anew."""
        self._debounce.forget()
        self._flapping.forget()
        self._settled, self._withholds = None, False

    @property
    def _active(self) -> bool:
        state = self._settled.state if self._settled is not None else None
        return isinstance(state, bool) and self._options.is_active(closed=state)

    def _told(self, found: Found, at_ns: int) -> InputEvent:
        if isinstance(found.state, LineTrouble):
            return InputTroubled(self._options.name, found.state, found.detail, at_ns)
        return InputChanged(self._options.name, self._options.is_active(closed=found.state), at_ns)

    def _flapping_detail(self, *, news: bool) -> str:
        options = self._options
        often = f"more than {options.changes_max} changes within 10 s" if news else "it chatters without ever settling"
        return f"{options.place}: {often}; look for a loose wire or a worn contact. Withheld until it calms"
