"""From a section of the configuration to a door that works."""

from portillon_config.doors import Barrier, SingleDoor, TurnstileLane
from portillon_edge.domain.events import EventKind, Way
from portillon_edge.doors.kinds import build_doors
from portillon_edge.doors.machine import Admit, Grant, Hold, Line, LineChanged, Part, Record, Release, Tick

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


def test_two_way_lane_as_configured() -> None:
    """Every key of the section has its part: ways, outputs, signals, drive, queue, free exit, lamp."""
    section = TurnstileLane(  # type: ignore[call-arg]  # the profile says its pulse
        name="lane1",
        kind="turnstile_lane",
        zone="gym",
        profile="tiso-jetpan",
        readers=("in",),
        exit_readers=("out",),
        output="a",
        exit_output="b",
        ready_output="lamp",
        passage_input="in-passage",
        passage_out_input="out-passage",
        lane_busy_input="occupied",
        lane_fault_input="fault",
        rex_input="exit",
        second_badge="queue",
        free_exit=True,
    )
    (lane,) = build_doors([section])
    assert lane.outputs == {Part.ENTRY: "a", Part.EXIT: "b", Part.READY: "lamp"}
    assert (lane.way("in"), lane.way("out")) == (Way.ENTRY, Way.EXIT)
    assert set(lane.lines.values()) == set(Line) - {Line.CONTACT, Line.LOOP}
    assert lane.machine.handle(Tick(), 0).actions == (Hold(Part.EXIT), Hold(Part.READY))
    assert lane.machine.handle(Admit(GRANT), 0).actions[0] == Release(8000), "level drive, as its make wants it"
    other = Grant(member="n", credential="k1.bb", reader="r")
    (queued,) = lane.machine.handle(Admit(other), 1).actions
    assert queued == Record(EventKind.GRANTED, other, detail="waits for its turn", queued=True)
    lane.machine.handle(LineChanged(Line.PASSAGE_OUT, False), 2)
    (left,) = lane.machine.handle(LineChanged(Line.PASSAGE_OUT, True), 3).actions
    assert isinstance(left, Record) and left.way is Way.EXIT, "it tells the ways apart"


def test_barrier_as_configured() -> None:
    """It closes by its close output with the section's pulse, once the loop is clear for the section's time."""
    section = Barrier(
        name="gate",
        kind="barrier",
        zone="park",
        readers=("r",),
        output="up",
        close_output="down",
        loop_input="loop",
        rex_input="exit",
        pulse_ms=500,
        close_pulse_ms=300,
        clear_ms=1000,
        passage_window_ms=5000,
    )
    (gate,) = build_doors([section])
    assert gate.outputs == {Part.ENTRY: "up", Part.CLOSE: "down"}
    assert gate.lines == {"loop": Line.LOOP, "exit": Line.REX}
    gate.machine.handle(LineChanged(Line.LOOP, False), 0)
    gate.machine.handle(Admit(GRANT), 0)
    assert gate.machine.handle(Tick(), 5_000_000_000).actions[-1] == Release(300, Part.CLOSE)


def test_barrier_without_close_output_is_left_to_its_own_controller() -> None:
    """Nothing is ever asked to come down."""
    section = Barrier(name="gate", kind="barrier", zone="park", readers=("r",), output="up", pulse_ms=500)
    (gate,) = build_doors([section])
    gate.machine.handle(Admit(GRANT), 0)
    assert gate.machine.open is None
    (record,) = gate.machine.handle(Tick(), 600_000_000_000).actions
    assert isinstance(record, Record) and record.detail == "assumed: the barrier has no loop"
