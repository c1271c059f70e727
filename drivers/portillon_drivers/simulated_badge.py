"""One person at a simulated lane: holds a card there, and pushes through if the lane releases.

Shows which bytes are written when, on the site's clock; the answer tells how long the relay took.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from portillon_drivers.errors import TransientDeviceError
from portillon_drivers.readers.rdm6300_simulator import BYTE_MS, REPEAT_MS
from portillon_drivers.simulated_lane import MS, ReaderType, SimulatedLane

PASSAGE_MS = 200
"""How long the passage contact closes when somebody goes through."""

Later = Callable[[int, Callable[[], None]], None]
Answer = Callable[[dict[str, Any]], None]


@dataclass(slots=True, kw_only=True)
class Badge:
    """What the person does; times in ms."""

    lane: SimulatedLane
    card: str
    push: bool
    frames: int
    spacing_ms: float
    paced: bool
    push_after_ms: float
    wait_ms: float
    clock_ns: Callable[[], int]
    later: Later
    """Call back at that time on the clock."""
    answer: Answer
    _decided_ns: int = field(default=0, init=False)
    """When the deciding frame's last byte was about to be written."""
    _released_ns: int | None = field(default=None, init=False)
    _answered: bool = field(default=False, init=False)
    _line_failed: bool = field(default=False, init=False)

    def start(self) -> None:
        """Write the frames, each in its time."""
        frame = self.lane.reader_type.frame(self.card)
        spacing_ms = max(self.spacing_ms, len(frame) * BYTE_MS) if self.paced else self.spacing_ms
        start_ns = self.clock_ns()
        deciding = self.lane.reader_type.deciding_frame
        for number in range(1, self.frames + 1):
            frame_ns = start_ns + int((number - 1) * spacing_ms * MS)
            if not self.paced:
                self._write_at(frame_ns, frame, decides=number == deciding)
                continue
            for index in range(len(frame)):
                last = index == len(frame) - 1
                byte_ns = frame_ns + int((index + 1) * BYTE_MS * MS)
                self._write_at(byte_ns, frame[index : index + 1], decides=last and number == deciding)
        if self.frames < deciding:  # a ghost, or a card moved past too fast: nothing should come of it
            self._decide(start_ns)

    def _write_at(self, at_ns: int, data: bytes, *, decides: bool) -> None:
        def write() -> None:
            if self._line_failed:
                return
            if decides:
                self._decide(self.clock_ns())
            try:
                self.lane.reader.send(data)
            except TransientDeviceError as error:
                self._line_failed = True
                self._finish(error=str(error))

        if at_ns <= self.clock_ns():
            write()
        else:
            self.later(at_ns, write)

    def _decide(self, at_ns: int) -> None:
        self.lane.on_released.append(self._released)
        self._decided_ns = at_ns
        self.later(at_ns + int(self.wait_ms * MS), self._give_up)

    def _released(self, at_ns: int) -> None:
        if self._answered:
            return
        self._released_ns = at_ns
        if self.push:
            self.later(at_ns + int(self.push_after_ms * MS), self._push)
        else:
            self._finish()

    def _push(self) -> None:
        push_through(self.lane, self.clock_ns(), self.later, lambda passed: self._finish(passed=passed))

    def _give_up(self) -> None:
        if self._released_ns is None:
            self._finish()

    def _finish(self, *, passed: bool = False, error: str | None = None) -> None:
        if self._answered:
            return
        self._answered = True
        if self._released in self.lane.on_released:
            self.lane.on_released.remove(self._released)
        relay_ns = None if self._released_ns is None else self._released_ns - self._decided_ns
        told: dict[str, Any] = {"ok": error is None, "relay_ns": relay_ns, "passed": passed}
        self.answer(told if error is None else {**told, "error": error})


def push_through(lane: SimulatedLane, now_ns: int, later: Later, done: Callable[[bool], None]) -> None:
    """The person pushes: the contact closes for a while if the lane is releasing, and nothing moves if it is locked."""
    if not lane.is_releasing:
        done(False)
        return

    def through() -> None:
        lane.contact(closed=False)
        done(True)

    lane.contact(closed=True)
    later(now_ns + PASSAGE_MS * MS, through)


def frames_of(reader_type: ReaderType) -> tuple[int, float]:
    """How many frames a usual badge sends, and how far apart in ms."""
    return (2, REPEAT_MS) if reader_type is ReaderType.RDM6300 else (1, 0)
