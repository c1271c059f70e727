"""Lines that stay low, and the tamper contact."""

from drivers.wiegand.wire_script import MS
from portillon_drivers.events import ReaderFaultKind
from portillon_drivers.readers.wiegand.edges import Edge, Line
from portillon_drivers.readers.wiegand.line_watch import StuckWatch, TamperWatch

LOW = frozenset({Line.D0})
HIGH: frozenset[Line] = frozenset()
CLOSED = frozenset({Line.TAMPER})


def looks(watch: StuckWatch | TamperWatch, *levels: frozenset[Line]) -> list[str]:
    """One look each 100 ms."""
    return [fault.kind.value for at, low in enumerate(levels) for fault in watch.look(low, at * 100 * MS)]


def test_a_line_that_stays_low_is_told_once() -> None:
    """A shorted line is told when two looks find it low, and again only after it was high."""
    assert looks(StuckWatch(), LOW, LOW, LOW, LOW) == ["shorted"]
    assert looks(StuckWatch(), LOW, LOW, HIGH, LOW, LOW) == ["shorted", "shorted"]


def test_a_pulse_that_a_look_catches_is_no_short() -> None:
    """A look that happens upon a pulse, and a line that falls between two looks, tell nothing."""
    assert looks(StuckWatch(), LOW, HIGH, LOW, HIGH) == []
    watch = StuckWatch()
    assert list(watch.look(LOW, 0)) == []
    watch.fell([Edge(Line.D0, 60 * MS, 1)])
    assert list(watch.look(LOW, 100 * MS)) == []


def test_both_lines_low_are_two_faults() -> None:
    """A reader without power, or both wires on ground: each line is named."""
    watch = StuckWatch()
    list(watch.look(LOW | {Line.D1}, 0))
    details = [fault.detail for fault in watch.look(LOW | {Line.D1}, 100 * MS)]
    assert [detail[:2] for detail in details] == ["D0", "D1"]


def test_tamper_is_told_when_it_has_settled() -> None:
    """Opening and closing the case are told once each, after 200 ms; a bounce is not told."""
    assert looks(TamperWatch("high"), CLOSED, HIGH, HIGH, HIGH, HIGH, CLOSED, CLOSED, CLOSED) == ["tamper", "restored"]
    assert looks(TamperWatch("high"), CLOSED, HIGH, CLOSED, HIGH, HIGH, CLOSED) == []


def test_an_open_case_at_the_start_is_told() -> None:
    """A reader that is found off the wall is told; one that is well is not."""
    assert looks(TamperWatch("high"), HIGH, HIGH, HIGH) == ["tamper"]
    assert looks(TamperWatch("high"), CLOSED, CLOSED, CLOSED) == []


def test_the_contact_may_work_the_other_way() -> None:
    """With tamper_alarm = "low" the contact alarms when it joins the line to ground."""
    watch = TamperWatch("low")
    assert looks(watch, HIGH, CLOSED, CLOSED, CLOSED) == [ReaderFaultKind.TAMPER.value]
