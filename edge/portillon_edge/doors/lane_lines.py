"""What a lane tells of itself and of whoever is in it: passages, an exit request, LANE_BUSY. Pure.

1. A line that stays active for longer than anybody could need is INPUT_FAULT once, and is not believed until it rests
   again: INPUT_RESTORED.
2. A line whose device is lost is not known, until it is heard of again.
"""

from portillon_edge.domain.events import EventKind, Way
from portillon_edge.doors.line_watch import LineWatch
from portillon_edge.doors.machine import Line, Record

STUCK = {
    Line.PASSAGE: "the passage input stays active: stuck, or somebody in it",
    Line.PASSAGE_OUT: "the passage input of the way out stays active: stuck, or somebody in it",
    Line.LANE_BUSY: "the lane stays occupied for longer than anybody needs: stuck, or something in it",
    Line.REX: "the exit request stays active: stuck button or wire",
}
IN_THE_LANE = (Line.PASSAGE, Line.PASSAGE_OUT, Line.LANE_BUSY)


class LaneLines:
    """Of one lane; `tells_ways`: passages inwards and outwards have a line each."""

    def __init__(self, *, tells_ways: bool) -> None:
        self._tells_ways = tells_ways
        self._watches = {line: LineWatch() for line in STUCK}

    @property
    def stuck(self) -> bool:
        """Whether some line is told as stuck."""
        return any(watch.stuck for watch in self._watches.values())

    @property
    def occupied(self) -> bool:
        """Whether the lane says that somebody stands in it."""
        return self._sees(Line.LANE_BUSY)

    @property
    def clear(self) -> bool:
        """Whether nothing says that somebody is in it."""
        return not any(self._sees(line) for line in IN_THE_LANE)

    def sees_passages(self, way: Way) -> bool:
        """Whether a passage that way would be seen."""
        line = Line.PASSAGE_OUT if self._tells_ways and way is Way.EXIT else Line.PASSAGE
        return self._watches[line].active is not None

    def change(self, line: Line, active: bool, now: int) -> tuple[bool | None, list[Record]]:
        """Take a level; the one before it (None: not known), and what ended with it."""
        watch = self._watches[line]
        was_stuck, before = watch.stuck, watch.change(active, now)
        freed = Record(EventKind.INPUT_RESTORED, detail=f"{line}: at rest again", by=line)
        return before, [freed] if was_stuck and not active else []

    def lose(self, line: Line) -> None:
        """Its device is gone."""
        if line in self._watches:
            self._watches[line].lose()

    def newly_stuck(self, now: int) -> list[Record]:
        """What is to be told of lines that have become stuck."""
        stuck = (line for line, watch in self._watches.items() if watch.newly_stuck(now))
        return [Record(EventKind.INPUT_FAULT, detail=STUCK[line], by=line) for line in stuck]

    @property
    def deadline_ns(self) -> int | None:
        """When `newly_stuck` has something to say, unless something changes."""
        due = (watch.deadline_ns for watch in self._watches.values())
        return min((ns for ns in due if ns is not None), default=None)

    def _sees(self, line: Line) -> bool:
        return self._watches[line].active is True and not self._watches[line].stuck
