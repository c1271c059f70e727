"""The lanes of each gateway: two to come in by, so that a last visit may be tried at both, and one to go out by."""

from portillon_edge.doors.machine import Line, Part
from portillon_edge.doors.surroundings import Door
from portillon_edge.doors.turnstile_lane import TurnstileLane
from portillon_wire.messages import Way

PULSE_MS = 3_000
ZONE = "gym"
ENTRIES = ("lane1", "lane2")
EXIT = "out"
LANES = (*ENTRIES, EXIT)
"""Also the names of their outputs."""


def reader_of(lane: str) -> str:
    """Its reader."""
    return f"{lane}-reader"


def sensor_of(lane: str) -> str:
    """What sees somebody pass."""
    return f"{lane}-passage"


def build_lanes() -> list[Door]:
    """As a process makes them when it starts."""
    return [
        Door(
            lane,
            ZONE,
            {Part.ENTRY: lane},
            TurnstileLane(pulse_ms=PULSE_MS, passage_window_ms=PULSE_MS),
            (reader_of(lane),),
            {sensor_of(lane): Line.PASSAGE},
            way_of={reader_of(lane): Way.EXIT if lane == EXIT else Way.ENTRY},
        )
        for lane in LANES
    ]
