"""The commands that wait for one reader: bounded, none older than it may become. Pure.

A relay comes before everything else that waits: somebody stands before that door, nobody before the lamp.
"""

from collections import deque
from dataclasses import dataclass

from portillon_drivers.osdp.commands import Output, WireCommand
from portillon_drivers.osdp.timing import COMMAND_WAIT_NS

QUEUE_MAX = 16


@dataclass(frozen=True, slots=True)
class Queued:
    """A command and who asked for it."""

    handle: int
    command: WireCommand
    at_ns: int


class CommandQueue:
    """First in, first out; outputs before the others."""

    def __init__(self) -> None:
        self._waiting: deque[Queued] = deque()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, queued: Queued) -> bool:
        """False: the queue is full, and the command is not in it."""
        if len(self._waiting) >= QUEUE_MAX:
            return False
        self._waiting.insert(self._outputs() if _is_output(queued) else len(self._waiting), queued)
        return True

    @property
    def urgent(self) -> bool:
        """Whether the next one is for an output."""
        return bool(self._waiting) and _is_output(self._waiting[0])

    def pop(self) -> Queued:
        """The output, or else the one, that waited longest."""
        return self._waiting.popleft()

    def remove(self, handle: int) -> bool:
        """Whether it was there."""
        kept = [queued for queued in self._waiting if queued.handle != handle]
        removed = len(kept) < len(self._waiting)
        self._waiting = deque(kept)
        return removed

    def put_back(self, queued: Queued) -> None:
        """It could not be done yet: it is the next of its kind again."""
        self._waiting.insert(0 if _is_output(queued) else self._outputs(), queued)

    def expired(self, now_ns: int) -> list[Queued]:
        """Take out what waited too long."""
        old = [queued for queued in self._waiting if now_ns - queued.at_ns >= COMMAND_WAIT_NS]
        if old:
            self._waiting = deque(queued for queued in self._waiting if queued not in old)
        return old

    def clear(self) -> list[Queued]:
        """Take out everything."""
        gone = list(self._waiting)
        self._waiting.clear()
        return gone

    def _outputs(self) -> int:
        return sum(_is_output(queued) for queued in self._waiting)


def _is_output(queued: Queued) -> bool:
    return isinstance(queued.command, Output)
