"""Every kind of door that a configuration can name, each with the lines it has and a way into each of its states."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from edge.doors.fed_machine import ANNE, BEN, bears
from portillon_edge.doors.barrier import Barrier
from portillon_edge.doors.machine import (
    Admit,
    Bearing,
    DoorMachine,
    Line,
    LineChanged,
    LineLost,
    OpenOnce,
    Part,
    Signal,
    Tick,
)
from portillon_edge.doors.single_door import SingleDoor
from portillon_edge.doors.turns import SecondBadge
from portillon_edge.doors.turnstile_lane import TurnstileLane

Path = tuple[tuple[int, Signal], ...]
"""At which millisecond what happens, from a fresh machine."""


def on(line: Line) -> Signal:
    return LineChanged(line, True)


def off(line: Line) -> Signal:
    return LineChanged(line, False)


@dataclass(frozen=True)
class Kind:
    """One kind of door: `kind` as in the configuration, `states` by the words of its table."""

    kind: str
    make: Callable[[], DoorMachine]
    lines: tuple[Line, ...]
    parts: tuple[Part, ...]
    states: Mapping[str, Path] = field(repr=False)

    def known(self) -> Path:
        """Every line seen at rest."""
        return tuple((0, off(line)) for line in self.lines)


CONTACT, REX, PASSAGE, OUT, LOOP = Line.CONTACT, Line.REX, Line.PASSAGE, Line.PASSAGE_OUT, Line.LOOP
ORDERS: Mapping[str, Path] = {
    bearing.value: ((100, bears(bearing)),) for bearing in Bearing if bearing is not Bearing.PLAN
}
CARD, OTHER_CARD = Admit(ANNE), Admit(BEN)

DOOR = Kind(
    "door",
    lambda: SingleDoor(
        pulse_ms=3000,
        passage_window_ms=5000,
        held_open_ms=30_000,
        held_open_warn_ms=20_000,
        contact_bounce_ms=200,
    ),
    (CONTACT, REX),
    (Part.ENTRY,),
    {
        "shut": (),
        "granted": ((100, CARD),),
        "open": ((100, CARD), (200, on(CONTACT))),
        "falling shut": ((100, CARD), (200, on(CONTACT)), (1000, off(CONTACT))),
        "held soon": ((100, CARD), (200, on(CONTACT)), (20_200, Tick())),
        "held": ((100, CARD), (200, on(CONTACT)), (30_200, Tick())),
        "forced": ((100, on(CONTACT)),),
        "leaving": ((100, on(REX)),),
        "granted, leaving": ((100, CARD), (200, on(REX))),
        "opened by staff": ((100, OpenOnce("s-2")),),
        "exit stuck": ((100, on(REX)), (10_100, Tick())),
        "contact lost": ((100, LineLost(CONTACT)),),
        "granted, contact lost": ((100, CARD), (200, LineLost(CONTACT))),
        "contact stuck": ((100, on(CONTACT)), *((200 + 10 * n, CARD) for n in range(5))),
        "free, granted": ((100, bears(Bearing.FREE)), (200, CARD)),
        "free, open": ((100, bears(Bearing.FREE)), (200, on(CONTACT))),
        "fire, leaving": ((100, bears(Bearing.FIRE)), (200, on(REX))),
        "lockdown, exempt": ((100, bears(Bearing.LOCKDOWN)), (200, CARD)),
        **ORDERS,
    },
)
LANE = Kind(
    "turnstile_lane",
    lambda: TurnstileLane(
        pulse_ms=500,
        passage_window_ms=5000,
        second_badge=SecondBadge.QUEUE,
        has_exit_output=True,
        tells_ways=True,
        has_ready_lamp=True,
    ),
    (PASSAGE, OUT, REX, Line.LANE_BUSY, Line.LANE_FAULT),
    (Part.ENTRY, Part.EXIT, Part.READY),
    {
        "idle": (),
        "granted": ((100, CARD),),
        "granted, another waits": ((100, CARD), (200, OTHER_CARD)),
        "passing": ((100, CARD), (200, on(PASSAGE))),
        "passing, another waits": ((100, CARD), (150, OTHER_CARD), (200, on(PASSAGE))),
        "occupied": ((100, on(Line.LANE_BUSY)),),
        "out of order": ((100, on(Line.LANE_FAULT)),),
        "leaving": ((100, on(REX)),),
        "opened by staff": ((100, OpenOnce("s-2")),),
        "passage stuck": ((100, on(PASSAGE)), (10_100, Tick())),
        "passage lost": ((100, LineLost(PASSAGE)),),
        "free, granted": ((100, bears(Bearing.FREE)), (200, CARD)),
        "lockdown, exempt": ((100, bears(Bearing.LOCKDOWN)), (200, CARD)),
        **ORDERS,
    },
)
BARRIER = Kind(
    "barrier",
    lambda: Barrier(pulse_ms=500, passage_window_ms=10_000, close_pulse_ms=500),
    (LOOP, REX),
    (Part.ENTRY, Part.CLOSE),
    {
        "down": (),
        "granted": ((100, CARD),),
        "driving through": ((100, CARD), (1000, on(LOOP))),
        "clear again": ((100, CARD), (1000, on(LOOP)), (2000, off(LOOP))),
        "coming down": ((100, CARD), (1000, on(LOOP)), (2000, off(LOOP)), (4000, Tick())),
        "obstacle": ((100, CARD), (1000, on(LOOP)), (61_000, Tick())),
        "loop lost": ((100, LineLost(LOOP)),),
        "granted, loop lost": ((100, CARD), (200, LineLost(LOOP))),
        "leaving": ((100, on(REX)),),
        "opened by staff": ((100, OpenOnce("s-2")),),
        "free, under it": ((100, bears(Bearing.FREE)), (200, on(LOOP))),
        "lockdown, exempt": ((100, bears(Bearing.LOCKDOWN)), (200, CARD)),
        **ORDERS,
    },
)
EVERY_KIND = (DOOR, LANE, BARRIER)
