"""Mending a damaged table by its buckets: what is in doubt, what was asked for, and when that is given up. Pure.

1. The rows of the buckets in doubt are asked for, as they are at the position in force; they come a part at a time.
2. A cloud that stands elsewhere answers with the sums of its buckets: then what differs is asked for as well, there.
3. An answer to another question than the last one changes nothing.
4. An unanswered question comes again after 1, 2, 4, 8 and 16 s. After ASKED_MAX (a cloud of before answers none), after
   FAILURES_MAX tables without their root, or with more in doubt than repair is good for, only a snapshot helps.
5. A cloud that moves on all the time is followed for MOVES_MAX positions and no further.
"""

from collections.abc import Collection

from portillon_wire.messages import REPAIR_BUCKETS_MAX, WantedRows
from portillon_wire.repair import BucketRows, BucketSums
from portillon_wire.rows import RowChange, RowName

from portillon_edge.domain.position import EMPTY, Position

ASK_NS = 1_000_000_000
BUSY_NS = 10_000_000_000
ASKED_MAX = 5
FAILURES_MAX = 2
MOVES_MAX = 16
BYTES_MAX = 4_194_304
"""What is kept of the parts that came; a bucket of one million rows is a sixteenth of it."""


class RepairFlow:
    """At most one repair is under way. `asked` is the question that waits for its answer."""

    def __init__(self) -> None:
        self.asked: WantedRows | None = None
        self.ask_at_ns: int | None = None
        self._suspects: frozenset[int] = frozenset()
        self._rows: list[RowChange] = []
        self._bytes = 0
        self._unanswered = 0
        self._failures = 0
        self._moves = 0

    def begin(self, suspects: Collection[int], position: Position) -> bool:
        """These buckets are in doubt, beside those that are already; False: that is too much for a repair."""
        known = self._suspects if self.asked is not None else frozenset()
        if not suspects or position == EMPTY:
            return False
        if self.asked is not None and known >= frozenset(suspects):
            return True
        self._suspects = known | frozenset(suspects)
        return self._ask_for(self._suspects, position)

    def is_ahead(self, sums: BucketSums) -> bool:
        """Whether the cloud stands further than where it was asked for rows."""
        asked = self.asked
        return asked is not None and asked.epoch == sums.epoch and asked.revision < sums.revision

    def compare(self, target: Position, differing: Collection[int]) -> bool:
        """The cloud stands at `target`, where these buckets differ from ours; False: give up."""
        return self.asked is not None and self._move() and self._ask_for(self._suspects | frozenset(differing), target)

    def moved_on(self, position: Position) -> bool:
        """The feed was applied up to `position`; False: give up."""
        if self.asked is None or (self.asked.epoch, self.asked.revision) >= (position.epoch, position.revision):
            return True
        return self._move() and self._ask_for(self._suspects, position)

    def take(self, answer: BucketRows, size_bytes: int) -> bool:
        """Keep a part; False: there is too much of it."""
        self._rows += answer.rows
        self._bytes += size_bytes
        self._unanswered = 0
        if self._bytes > BYTES_MAX:
            return False
        if answer.more:
            last = answer.rows[-1]
            self.asked = answer.asked.model_copy(update={"after": RowName(kind=last.kind, key=last.key)})
        return True

    @property
    def rows(self) -> tuple[RowChange, ...]:
        """All that came."""
        return tuple(self._rows)

    def failed(self, position: Position) -> bool:
        """What came does not make the table that it should; ask anew. False: give up."""
        self._failures += 1
        return self._failures < FAILURES_MAX and self._ask_for(self._suspects, position)

    def put_off(self, now_ns: int) -> None:
        """What came could not be written just now: ask for it again later."""
        if self.asked is not None:
            self._rows, self._bytes, self._unanswered = [], 0, 0
            self.asked = self.asked.model_copy(update={"after": None})
            self.ask_at_ns = now_ns + BUSY_NS

    def wait(self, now_ns: int) -> None:
        """The question goes out now."""
        self.ask_at_ns = now_ns + (ASK_NS << self._unanswered)
        self._unanswered += 1

    @property
    def is_hopeless(self) -> bool:
        """Whether nobody answers."""
        return self._unanswered >= ASKED_MAX

    def pause(self) -> None:
        """Nobody is there to be asked."""
        self.ask_at_ns, self._unanswered = None, 0

    def end(self) -> None:
        """The table is whole again, or comes anew."""
        self.asked, self._suspects, self._rows, self._bytes = None, frozenset(), [], 0
        self._failures = self._moves = 0
        self.pause()

    def _move(self) -> bool:
        self._moves += 1
        return self._moves <= MOVES_MAX

    def _ask_for(self, buckets: frozenset[int], target: Position) -> bool:
        self._rows, self._bytes, self._unanswered = [], 0, 0
        if len(buckets) > REPAIR_BUCKETS_MAX:
            return False
        self.asked = WantedRows(
            epoch=target.epoch, revision=target.revision, root=target.root, buckets=tuple(sorted(buckets))
        )
        return True
