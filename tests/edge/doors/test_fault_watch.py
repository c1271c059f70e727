"""Faults that last are told as ended, once, and noise is counted."""

from portillon_edge.doors.fault_limit import QUIET_NS
from portillon_edge.doors.fault_watch import FaultEnded, FaultTold, FaultWatch

DOWN = FaultTold("reader", "down", "unplugged")
ENDED = FaultEnded("reader")


def down(watch: FaultWatch, now_ns: int) -> list[FaultTold]:
    return list(watch.happened("reader", "down", "unplugged", now_ns, lasting=True))


def test_what_was_told_is_told_as_ended() -> None:
    """A device that is down and well again is two events, however often it says that it is well."""
    watch = FaultWatch()
    assert down(watch, 0) == [DOWN]
    assert list(watch.well("reader")) == [ENDED]
    assert list(watch.well("reader")) == []


def test_what_was_never_told_never_ends() -> None:
    """A first sign of life, and a refused reading, have no end to be told."""
    watch = FaultWatch()
    assert list(watch.well("reader")) == []
    assert list(watch.happened("reader", "checksum", "wrong", 0)) == [FaultTold("reader", "checksum", "wrong")]
    assert list(watch.well("reader")) == []


def test_a_device_that_comes_and_goes_is_counted() -> None:
    """Within a minute it is told once, and at its end with a count; its end follows if it is well by then."""
    watch = FaultWatch()
    down(watch, 0)
    list(watch.well("reader"))
    for second in range(1, 10):
        assert down(watch, second) == [] and list(watch.well("reader")) == []
    told = list(watch.due(QUIET_NS))
    assert told == [FaultTold("reader", "down", "unplugged (9 times within 60 s)"), ENDED]


def test_a_counted_fault_that_goes_on_ends_later() -> None:
    """If it is still down at the end of the minute, its end is told when it comes."""
    watch = FaultWatch()
    down(watch, 0)
    list(watch.well("reader"))
    down(watch, 1)
    assert [type(one) for one in watch.due(QUIET_NS)] == [FaultTold]
    assert list(watch.well("reader")) == [ENDED]
