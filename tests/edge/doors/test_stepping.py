"""What a machine answers is done in its order, on the output that its part has."""

from dataclasses import dataclass, field

import pytest
from portillon_edge.domain.events import EventKind
from portillon_edge.doors.errors import OutputUnavailable
from portillon_edge.doors.machine import (
    HOLD_MS,
    NS_PER_MS,
    Action,
    Admit,
    Grant,
    Hold,
    Lock,
    OutputFailed,
    Part,
    Record,
    Release,
    Signal,
    Step,
    Tick,
)
from portillon_edge.doors.stepping import Stepping
from portillon_edge.doors.surroundings import Door
from portillon_rules.reason import DenyReason

FIRST = Grant(member="m-1", credential="c-1", reader="r")
NEXT = Grant(member="m-2", credential="c-2", reader="r")


@dataclass
class Scripted:
    """A machine that answers each signal as it was told to; to OutputFailed with `failed`."""

    answers: list[Action]
    failed: list[Action] = field(default_factory=list)
    busy: bool = False
    state: str = "idle"
    open: bool | None = None
    troubles: tuple[EventKind, ...] = ()
    closed_for: DenyReason | None = None

    def busy_for(self, credential: str) -> bool:
        return self.busy

    def handle(self, signal: Signal, now_ns: int) -> Step:
        return Step(tuple(self.failed if isinstance(signal, OutputFailed) else self.answers), None)


@dataclass
class Bench:
    """Outputs that obey, but those in `broken`, and what was written."""

    broken: set[str] = field(default_factory=set)
    told: list[tuple[str, object]] = field(default_factory=list)

    def available(self, output: str) -> bool:
        return True

    def release(self, output: str, on_ms: int) -> None:
        self._do("release", output)

    def hold(self, output: str) -> None:
        self._do("hold", output)

    def lock(self, output: str) -> None:
        self._do("lock", output)

    def _do(self, what: str, output: str) -> None:
        if output in self.broken:
            raise OutputUnavailable("gone")
        self.told.append((what, output))

    def run(self, machine: Scripted, signal: Signal, parts: dict[Part, str]) -> Stepping:
        door = Door("lane", "gym", parts, machine, ("r",), {})
        stepping = Stepping(
            [door],
            self,
            write=lambda _, record, __: self.told.append((record.kind, record.reason)),
            held=lambda output, trouble, _: self.told.append(("held", (output, trouble))),
            turn=lambda _, grant: self.told.append(("turn", grant.member)),
        )
        stepping.signal(door, signal, NS_PER_MS)
        return stepping


PARTS = {Part.ENTRY: "in", Part.EXIT: "out", Part.CLOSE: "down", Part.READY: "lamp"}


@pytest.mark.parametrize("part", list(Part))
def test_each_part_has_its_output(part: Part) -> None:
    """Release, hold and lock go to the output that the door names for that part."""
    bench = Bench()
    bench.run(Scripted([Release(500, part), Hold(part), Lock(part)]), Tick(), PARTS)
    assert [one for one in bench.told if one[0] != "held"] == [
        ("release", PARTS[part]),
        ("hold", PARTS[part]),
        ("lock", PARTS[part]),
    ]


def test_a_door_without_that_part() -> None:
    """One output serves both ways; a door without lamp or closing output does nothing for them."""
    bench = Bench()
    bench.run(
        Scripted([Release(500, Part.EXIT), Hold(Part.READY), Release(500, Part.CLOSE), Lock(Part.READY)]),
        Tick(),
        {Part.ENTRY: "in"},
    )
    assert bench.told == [("release", "in")]


def test_until_when_a_door_is_released() -> None:
    """The longest of its releases and holds in either way counts; a lamp lets nobody through."""
    assert Bench().run(Scripted([Hold(Part.READY)]), Tick(), PARTS).released_until_ns("lane") == 0
    held = Bench().run(Scripted([Release(500), Hold(Part.EXIT)]), Tick(), PARTS)
    assert held.released_until_ns("lane") == (1 + HOLD_MS) * NS_PER_MS
    assert Bench().run(Scripted([Release(500), Lock()]), Tick(), PARTS).released_until_ns("lane") == 0


def test_whoever_was_next_in_the_queue_is_refused() -> None:
    """A release for the next one that cannot begin refuses that one; the passage before it is still written."""
    bench = Bench(broken={"in"})
    machine = Scripted(
        [Record(EventKind.PASSAGE, FIRST), Release(500), Record(EventKind.GRANTED, NEXT)],
        failed=[Record(EventKind.GRANT_NOT_USED, NEXT)],
    )
    bench.run(machine, Tick(), PARTS)
    assert bench.told == [(EventKind.PASSAGE, None), (EventKind.DENIED, DenyReason.OUTPUT_UNAVAILABLE)]


def test_a_failing_release_ends_other_grants_in_words() -> None:
    """What the machine ends because its output failed is written, but for the grant that never was."""
    bench = Bench(broken={"in"})
    machine = Scripted(
        [Release(500), Record(EventKind.GRANTED, NEXT)],
        failed=[Record(EventKind.GRANT_NOT_USED, FIRST), Record(EventKind.GRANT_NOT_USED, NEXT), Lock(Part.EXIT)],
    )
    bench.run(machine, Admit(NEXT), PARTS)
    assert bench.told == [
        (EventKind.DENIED, DenyReason.OUTPUT_UNAVAILABLE),
        (EventKind.GRANT_NOT_USED, None),
        ("lock", "out"),
    ]


def test_a_release_that_nobody_asked_for_is_the_outputs_fault() -> None:
    """A barrier that cannot be closed is told as a fault of its output."""
    bench = Bench(broken={"down"})
    bench.run(Scripted([Release(500, Part.CLOSE)]), Tick(), PARTS)
    assert bench.told == [(EventKind.OUTPUT_FAULT, None)]


def test_a_hold_that_fails_stops_nothing() -> None:
    """The trouble is handed on, and the machine's other answers are carried out."""
    bench = Bench(broken={"in"})
    bench.run(Scripted([Hold(), Record(EventKind.DOOR_FREED)]), Tick(), PARTS)
    assert bench.told == [("held", ("in", "gone")), (EventKind.DOOR_FREED, None)]
