"""Steps the doors' machines and does what they answer: drives the outputs, writes down, keeps their deadlines.

1. A release that could not begin was never given: whose it was to be is refused (a grant becomes DENIED, an order
   ORDER_REFUSED, an exit request says that nothing was released), and the machine is told that its output failed.
   Nor has a turn come whose release could not begin.
2. A hold or a lamp that cannot be had is the output's fault, told once; the machine goes on asking, so that the door
   follows as soon as the output is back.
3. A lock that cannot be told to the guard needs no telling: the guard is gone and has locked by itself.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress

from portillon_rules.reason import DenyReason

from portillon_edge.domain.events import EventKind
from portillon_edge.doors.errors import OutputUnavailable
from portillon_edge.doors.machine import (
    HOLD_MS,
    NS_PER_MS,
    Action,
    Grant,
    Hold,
    ItsTurn,
    Lock,
    OutputFailed,
    Part,
    Record,
    Release,
    Signal,
    Tick,
)
from portillon_edge.doors.surroundings import Door, Outputs

Write = Callable[[Door, Record, int], None]
Held = Callable[[str, str | None, int], None]
Turn = Callable[[Door, Grant], None]
LETS_THROUGH = (Part.ENTRY, Part.EXIT)


class Stepping:
    """For all doors of one gateway; `held(output, trouble, at_ns)` hears how each hold went, None: well.

    `turn(door, grant)` hears whose turn has come.
    """

    def __init__(self, doors: Iterable[Door], outputs: Outputs, *, write: Write, held: Held, turn: Turn) -> None:
        self._doors = {door.name: door for door in doors}
        self._outputs = outputs
        self._write = write
        self._held = held
        self._turn = turn
        self._deadlines: dict[str, int] = {}
        self._released_until: dict[tuple[str, Part], int] = {}

    @property
    def deadline_ns(self) -> int | None:
        """When `tick` is due for some door."""
        return min(self._deadlines.values(), default=None)

    def released_until_ns(self, door: str) -> int:
        """Until when the door was last told to let somebody through; 0: locked."""
        return max(self._released_until.get((door, part), 0) for part in LETS_THROUGH)

    def tick(self, now_ns: int) -> None:
        """Let every door whose deadline has come see that it has."""
        for name, due_ns in list(self._deadlines.items()):
            if due_ns <= now_ns:
                self.signal(self._doors[name], Tick(), now_ns)

    def signal(self, door: Door, signal: Signal, at_ns: int) -> None:
        """Hand one signal to the door's machine and do what it answers, in its order."""
        actions = self._step(door, signal, at_ns)
        for index, action in enumerate(actions):
            match action:
                case Record():
                    self._write(door, action, at_ns)
                case ItsTurn(grant):
                    self._turn(door, grant)
                case Lock(part):
                    self._lock(door, part)
                case Hold(part):
                    self._hold(door, part, at_ns)
                case Release(on_ms, part):
                    try:
                        self._release(door, on_ms, part, at_ns)
                    except OutputUnavailable as error:
                        self._not_released(door, part, actions[index + 1 :], str(error), at_ns)
                        return

    def _step(self, door: Door, signal: Signal, at_ns: int) -> tuple[Action, ...]:
        step = door.machine.handle(signal, at_ns)
        if step.deadline_ns is None:
            self._deadlines.pop(door.name, None)
        else:
            self._deadlines[door.name] = step.deadline_ns
        return step.actions

    def _release(self, door: Door, on_ms: int, part: Part, at_ns: int) -> None:
        output = door.output_of(part)
        if output is not None:
            self._outputs.release(output, on_ms)
            self._released_until[door.name, part] = at_ns + on_ms * NS_PER_MS

    def _hold(self, door: Door, part: Part, at_ns: int) -> None:
        output = door.output_of(part)
        if output is None:
            return
        try:
            self._outputs.hold(output)
        except OutputUnavailable as error:
            self._held(output, str(error), at_ns)
            return
        self._released_until[door.name, part] = at_ns + HOLD_MS * NS_PER_MS
        self._held(output, None, at_ns)

    def _lock(self, door: Door, part: Part) -> None:
        self._released_until.pop((door.name, part), None)
        output = door.output_of(part)
        if output is not None:
            with suppress(OutputUnavailable):
                self._outputs.lock(output)

    def _not_released(self, door: Door, part: Part, rest: Iterable[Action], why: str, at_ns: int) -> None:
        refused: Grant | None = None
        asked = False
        for action in rest:
            match action:
                case Record(EventKind.GRANTED, grant):
                    refused, asked = grant, True
                    self._write(door, Record(EventKind.DENIED, grant, DenyReason.OUTPUT_UNAVAILABLE, why), at_ns)
                case Record(EventKind.COMMAND_DONE):
                    asked = True
                    refusal = Record(
                        EventKind.ORDER_REFUSED, reason=DenyReason.OUTPUT_UNAVAILABLE, detail=why, by=action.by
                    )
                    self._write(door, refusal, at_ns)
                case Record(EventKind.EXIT_REQUEST):
                    self._write(door, Record(EventKind.EXIT_REQUEST, detail="not released", way=action.way), at_ns)
                case Record():
                    self._write(door, action, at_ns)
        if not asked:
            self._write(door, Record(EventKind.OUTPUT_FAULT, detail=why), at_ns)
        for action in self._step(door, OutputFailed(part), at_ns):
            match action:
                case Record(EventKind.GRANT_NOT_USED, grant) if grant is not None and grant is refused:
                    pass  # it was never granted
                case Record():
                    self._write(door, action, at_ns)
                case Lock(other):
                    self._lock(door, other)
                case Hold(other):
                    self._hold(door, other, at_ns)
                case Release() | ItsTurn():
                    pass  # the output just failed; whoever waits next is served by what comes next
