"""How long to wait for a reader that may be dead, learned from how fast it was. Pure; arithmetic in `timing`."""

from portillon_drivers.osdp.timing import (
    FULL_WAIT_EVERY,
    FULL_WAITS_FIRST,
    LEARNED_MARGIN_NS,
    REPLY_NS,
    UNKNOWN_WAIT_NS,
)

PROBED = 2
"""Silences after which a reader is only probed."""
FORGET = 64
"""The slowest turn-round seen fades by one part in so many with each answer."""


class Silence:
    """Counts unanswered messages, and remembers the slowest recent turn-round."""

    def __init__(self) -> None:
        self.count = PROBED  # nobody has been heard yet
        self._slowest_ns: int | None = None

    @property
    def probing(self) -> bool:
        """Whether the reader is to be asked only now and then."""
        return self.count >= PROBED

    def heard(self, turn_round_ns: int) -> None:
        """It answered, this long after the question had left (its answer's own time on the wire not counted)."""
        faded = 0 if self._slowest_ns is None else self._slowest_ns - self._slowest_ns // FORGET
        self._slowest_ns = max(faded, turn_round_ns, 0)
        self.count = 0

    def wait_ns(self, question_wire_ns: int, answer_wire_ns: int) -> int:
        """How long to wait for an answer, from the end of the question; `answer_wire_ns`: what it takes on the wire.

        An adapter may hand over an answer in one piece, so the short waits allow for all of it.
        """
        if not self.probing:
            return REPLY_NS
        full_ns = REPLY_NS - min(question_wire_ns, REPLY_NS // 2)
        if self.count % FULL_WAIT_EVERY == 0:
            return full_ns
        if self._slowest_ns is not None:
            return min(full_ns, 2 * self._slowest_ns + LEARNED_MARGIN_NS + answer_wire_ns)
        if self.count >= PROBED + FULL_WAITS_FIRST:
            return min(full_ns, UNKNOWN_WAIT_NS + answer_wire_ns)
        return full_ns
