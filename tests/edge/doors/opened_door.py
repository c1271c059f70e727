"""A single door that tests feed: short names for what happens to it."""

from typing import Any

from edge.doors.fed_machine import Fed
from portillon_edge.doors.machine import Line, LineChanged
from portillon_edge.doors.single_door import SingleDoor

OPENS, CLOSES = LineChanged(Line.CONTACT, True), LineChanged(Line.CONTACT, False)
PRESSES, LETS_GO = LineChanged(Line.REX, True), LineChanged(Line.REX, False)


def door(*, seen: bool = True, **options: Any) -> Fed:
    """Pulse 3 s, window 5 s, held open after 30 s; `seen`: known to be shut."""
    fed = Fed(SingleDoor(**{"pulse_ms": 3000, "passage_window_ms": 5000, "held_open_ms": 30_000, **options}))
    if seen:
        fed.at(0, CLOSES)
    return fed
