"""From a section of the configuration to a door that works."""

from portillon_config.doors import SingleDoor, TurnstileLane
from portillon_edge.domain.events import EventKind
from portillon_edge.doors.kinds import build_doors
from portillon_edge.doors.machine import Admit, Grant, Line, Part, Record, Release, Tick

GRANT = Grant(member="m", credential="k1.aa", reader="r")
LANE = TurnstileLane(
    name="lane1",
    kind="turnstile_lane",
    zone="gym",
    readers=("r",),
    output="relay",
    passage_input="passage",
    pulse_ms=400,
    passage_window_ms=6000,
)
STRIKE = SingleDoor(
    name="pool", kind="door", zone="pool", readers=("s",), output="strike", rex_input="exit", pulse_ms=3000
)


def test_lane_as_configured() -> None:
    """Pulse and window come from the section, the passage input plays its part."""
    (lane,) = build_doors([LANE])
    assert (lane.name, lane.zone, lane.outputs, lane.readers) == ("lane1", "gym", {Part.ENTRY: "relay"}, ("r",))
    assert lane.lines == {"passage": Line.PASSAGE}
    step = lane.machine.handle(Admit(GRANT), 0)
    assert step.actions[0] == Release(400)
    assert step.deadline_ns == 6_000_000_000


def test_strike_without_contact_assumes_passages() -> None:
    """No contact in the section means that none is waited for."""
    (door,) = build_doors([STRIKE])
    assert door.lines == {"exit": Line.REX}
    door.machine.handle(Admit(GRANT), 0)
    (record,) = door.machine.handle(Tick(), 60_000_000_000).actions
    assert isinstance(record, Record)
    assert record.kind is EventKind.PASSAGE
