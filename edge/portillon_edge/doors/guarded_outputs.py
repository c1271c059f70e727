"""The outputs as the doors see them: orders go to the guard; what it told last says whether it could obey."""

from contextlib import suppress
from typing import Protocol

from portillon_edge.doors.errors import OutputUnavailable
from portillon_edge.guard.errors import GuardUnavailableError
from portillon_edge.guard.protocol import GuardEvent, GuardLost, Locked, OutputFault, Released


class Guard(Protocol):
    """What is needed of the guard's client."""

    def release(self, output: str, on_ms: int) -> None: ...

    def hold(self, output: str) -> None: ...

    def lock(self, output: str) -> None: ...


class GuardedOutputs:
    """`note` from the guard's thread, everything else from the door loop's."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._healthy: frozenset[str] = frozenset()

    def note(self, event: GuardEvent) -> None:
        """Take what the guard told."""
        match event:
            case Released(output) | Locked(output):
                self._healthy |= {output}
            case OutputFault(output):
                self._healthy -= {output}
            case GuardLost():
                self._healthy = frozenset()

    def available(self, output: str) -> bool:
        """Whether a release asked for now would be carried out, as far as anybody knows."""
        return output in self._healthy

    def release(self, output: str, on_ms: int) -> None:
        """Ask the guard for a release; raises OutputUnavailable."""
        try:
            self._guard.release(output, on_ms)
        except GuardUnavailableError as error:
            raise OutputUnavailable(str(error)) from error

    def hold(self, output: str) -> None:
        """Ask the guard to keep it released for HOLD_MS from now.

        A guard that is away is its client's to tell, once; the hold is asked for again soon, as holds are.
        """
        with suppress(GuardUnavailableError):
            self._guard.hold(output)

    def lock(self, output: str) -> None:
        """Ask the guard to lock; raises OutputUnavailable."""
        try:
            self._guard.lock(output)
        except GuardUnavailableError as error:
            raise OutputUnavailable(str(error)) from error
