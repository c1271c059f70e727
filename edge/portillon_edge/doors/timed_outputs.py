"""The outputs that a device times by itself, beside the guard's: the doors ask for both in one way.

1. A release ends at its on-time, at the latest `max_on_ms` after the output began to release (or was last held); asking
   again can lengthen it up to that bound, and neither shortens the other.
2. A hold ends HOLD_MS after it was last asked for; only an output declared `continuous` is held.
3. The device is told how long it still may, counts by itself and locks: nobody here needs to live for that.
4. An output is available once its device has locked when told to, and until it fails.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from portillon_drivers.errors import TransientDeviceError
from portillon_drivers.events import OutputDown, OutputEvent, OutputLocked, OutputReleased
from portillon_drivers.options import OutputOptions
from portillon_drivers.ports import TimedOutput

from portillon_edge.doors.errors import OutputUnavailable
from portillon_edge.doors.machine import HOLD_MS
from portillon_edge.doors.surroundings import Outputs
from portillon_edge.guard.protocol import GuardEvent, GuardLost, Locked, OutputFault, Released, RequestRefused, Why

MS = 1_000_000


@dataclass(slots=True)
class ReleaseBound:
    """How long one output may still release. Pure."""

    max_on_ms: int
    since_ns: int = 0
    released_until_ns: int = 0
    held_until_ns: int = 0

    def release(self, on_ms: int, now_ns: int) -> int:
        """It is asked to release for so long: for how many ms from now it may."""
        if now_ns >= self._until_ns:
            self.since_ns = now_ns
        bound_ns = self.since_ns + self.max_on_ms * MS
        self.released_until_ns = max(self.released_until_ns, min(now_ns + on_ms * MS, bound_ns))
        return (self._until_ns - now_ns) // MS

    def hold(self, now_ns: int) -> int:
        """It is asked to be held: for how many ms from now it may."""
        self.since_ns = now_ns
        self.held_until_ns = now_ns + HOLD_MS * MS
        return (self._until_ns - now_ns) // MS

    def lock(self) -> None:
        """It locks."""
        self.released_until_ns = self.held_until_ns = 0

    @property
    def _until_ns(self) -> int:
        return max(self.released_until_ns, self.held_until_ns)


class TimedOutputs:
    """Fills the Outputs port; `note` may come from any thread, everything else from the door loop's."""

    def __init__(
        self,
        outputs: Sequence[TimedOutput],
        sections: Sequence[OutputOptions],
        *,
        clock_ns: Callable[[], int],
        tell: Callable[[GuardEvent], None],
    ) -> None:
        """`tell` hears of these outputs in the guard's words, and hands them back to `note`."""
        self._outputs = {output.name: output for output in outputs}
        self._continuous = {section.name for section in sections if section.continuous}
        self._bounds = {s.name: ReleaseBound(s.max_on_ms) for s in sections if s.name in self._outputs}
        self._turn = threading.Lock()
        self._clock_ns = clock_ns
        self._tell = tell
        self._healthy: frozenset[str] = frozenset()
        for output in outputs:
            output.attend(lambda event: tell(in_the_guards_words(event)))

    @property
    def names(self) -> frozenset[str]:
        """The outputs that are not the guard's."""
        return frozenset(self._outputs)

    def note(self, event: GuardEvent) -> None:
        """Take what an output told."""
        match event:
            case Locked(output, why=why):
                with self._turn:
                    if why is not Why.ASKED:  # what was asked is counted since it was asked
                        self._bounds[output].lock()
                    self._healthy |= {output}
            case OutputFault(output):
                with self._turn:
                    self._healthy -= {output}

    def available(self, output: str) -> bool:
        """Whether a release asked for now would be carried out, as far as anybody knows."""
        return output in self._healthy

    def release(self, output: str, on_ms: int) -> None:
        """Ask the device for a release; raises OutputUnavailable."""
        with self._turn:
            may_ms = self._bounds[output].release(on_ms, self._clock_ns())
        self._ask(lambda: self._outputs[output].release(may_ms))

    def hold(self, output: str) -> None:
        """Ask the device for HOLD_MS more; raises OutputUnavailable."""
        if output not in self._continuous:
            self._tell(RequestRefused(f'output "{output}" is not held: its section does not say continuous = true'))
            return
        with self._turn:
            may_ms = self._bounds[output].hold(self._clock_ns())
        self._ask(lambda: self._outputs[output].release(may_ms))

    def lock(self, output: str) -> None:
        """Ask the device to lock; raises OutputUnavailable."""
        with self._turn:
            self._bounds[output].lock()
        self._ask(self._outputs[output].lock)

    @staticmethod
    def _ask(order: Callable[[], None]) -> None:
        try:
            order()
        except TransientDeviceError as error:
            raise OutputUnavailable(str(error)) from error


class NotedOutputs(Outputs, Protocol):
    """Outputs that learn how they stand from events."""

    def note(self, event: GuardEvent) -> None: ...


class OutputRouter:
    """Fills the Outputs port: each output is the guard's or times itself, and the doors need not know which."""

    def __init__(self, guarded: NotedOutputs, timed: TimedOutputs) -> None:
        self._guarded = guarded
        self._side: Mapping[str, NotedOutputs] = dict.fromkeys(timed.names, timed)

    def note(self, event: GuardEvent) -> None:
        """Take what the guard or an output told; a lost guard is the loss of its own outputs alone."""
        match event:
            case Released(output) | Locked(output) | OutputFault(output):
                self._of(output).note(event)
            case GuardLost():
                self._guarded.note(event)

    def available(self, output: str) -> bool:
        """Whether a release asked for now would be carried out, as far as anybody knows."""
        return self._of(output).available(output)

    def release(self, output: str, on_ms: int) -> None:
        """Raises OutputUnavailable; never waits for the device."""
        self._of(output).release(output, on_ms)

    def hold(self, output: str) -> None:
        """Raises OutputUnavailable; never waits for the device."""
        self._of(output).hold(output)

    def lock(self, output: str) -> None:
        """Raises OutputUnavailable; never waits for the device."""
        self._of(output).lock(output)

    def _of(self, output: str) -> NotedOutputs:
        return self._side.get(output, self._guarded)


def in_the_guards_words(event: OutputEvent) -> GuardEvent:
    """What a timed output told, for those who listen to the guard."""
    match event:
        case OutputReleased(name, at_ns):
            return Released(name, at_ns)
        case OutputLocked(name, at_ns, asked):
            return Locked(name, at_ns, Why.ASKED if asked else Why.RECONNECTED)
        case OutputDown(name, detail, at_ns):
            return OutputFault(name, detail, at_ns)
