"""The simulated chip's queue is the kernel's: true times whoever is late, bounded, the oldest dropped, all counted."""

import errno

import pytest
from drivers.wiegand.wire_script import CARD, MS, decoder, told
from portillon_drivers.readers.wiegand.edges import Edge, Line
from portillon_drivers.readers.wiegand.simulated_chip import PLANNED_MAX, LineRequest, Pull, SimulatedChip

D0, D1 = 23, 24
PULSE_NS = 100_000


def card_at(start_ns: int) -> list[Pull]:
    falls = [(start_ns + at * MS, D1 if bit == "1" else D0) for at, bit in enumerate(CARD)]
    return [pull for at, line in falls for pull in (Pull(at, line, +1), Pull(at + PULSE_NS, line, -1))]


def taken(chip: SimulatedChip, queue_edges: int = 1_024) -> LineRequest:
    return chip.request(falling=[D0, D1], levels=[], queue_edges=queue_edges, now_ns=0)


def edges(held: LineRequest) -> list[Edge]:
    return [Edge(Line.D0 if offset == D0 else Line.D1, at_ns, seqno) for at_ns, offset, seqno in held.queue]


def test_times_are_those_of_the_wire() -> None:
    """Read a second late, edges still have the times at which they fell, and their numbers from 1."""
    chip = SimulatedChip()
    held = taken(chip)
    chip.plan(card_at(10 * MS))
    chip.advance(1_000 * MS)
    assert [at_ns for at_ns, _, _ in held.queue] == [10 * MS + at * MS for at in range(26)]
    assert [seqno for _, _, seqno in held.queue] == list(range(1, 27))
    assert told(decoder(), edges(held)) == ["wiegand:26.28607D1"]


def test_a_full_queue_drops_the_oldest() -> None:
    """Forty cards into a queue of 1,024 edges: the oldest are gone, the numbers show it, the cut card is refused."""
    chip = SimulatedChip()
    held = taken(chip)
    for number in range(40):
        chip.plan(card_at(number * 100 * MS))
    chip.advance(10_000 * MS)
    assert len(held.queue) == 1_024 and held.queue[0][2] == 17
    assert told(decoder(), edges(held)) == ["edges_dropped"] + ["wiegand:26.28607D1"] * 39


def test_nobody_holds_a_line_twice() -> None:
    """A held line is refused to others until it is let go."""
    chip = SimulatedChip()
    held = taken(chip)
    with pytest.raises(OSError, match="busy") as refused:
        chip.request(falling=[], levels=[D1], queue_edges=4, now_ns=0)
    assert refused.value.errno == errno.EBUSY
    chip.release(held)
    chip.release(held)
    taken(chip)


def test_edges_before_the_request_are_nobodys() -> None:
    """A card that was presented before anybody took the lines is lost, as on a true chip."""
    chip = SimulatedChip()
    chip.plan(card_at(0))
    held = chip.request(falling=[D0, D1], levels=[], queue_edges=1_024, now_ns=500 * MS)
    chip.advance(1_000 * MS)
    assert not held.queue


def test_a_grounded_line_does_not_fall() -> None:
    """What pulls a line that is low already makes no edge; let go by all, it falls again."""
    chip = SimulatedChip()
    held = taken(chip)
    chip.plan([Pull(1, D0, +1), Pull(10, D0, +1), Pull(20, D0, -1)])
    chip.advance(20)
    assert len(held.queue) == 1 and chip.low([D0, D1]) == [D0]
    chip.plan([Pull(30, D0, -1), Pull(40, D0, +1)])
    chip.advance(40)
    assert len(held.queue) == 2


def test_plans_are_bounded() -> None:
    """A runaway plan is refused, not kept."""
    chip = SimulatedChip()
    with pytest.raises(OverflowError):
        chip.plan(Pull(at, D0, +1) for at in range(PLANNED_MAX + 1))
