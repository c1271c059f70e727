"""A noisy line must not flood the journal."""

from portillon_drivers.events import ReaderFaultKind
from portillon_drivers.readers.fault_limit import FaultLimit
from portillon_drivers.readers.frame_fault import FrameFault

MS = 1_000_000
JUNK = FrameFault(ReaderFaultKind.JUNK, "3 bytes outside any frame")


def test_first_fault_is_told_at_once() -> None:
    """Nothing waits for a second that may never come."""
    assert list(FaultLimit().feed(JUNK, 0)) == [JUNK]


def test_flood_becomes_one_fault_a_second_with_its_count() -> None:
    """A thousand faults within a second are two events, and no fault is uncounted."""
    limit = FaultLimit()
    told = [fault for i in range(1_000) for fault in limit.feed(JUNK, i * MS)] + list(limit.expire(1_000 * MS))
    assert [fault.detail for fault in told] == [JUNK.detail, f"{JUNK.detail} (999 times)"]


def test_kinds_do_not_hide_each_other() -> None:
    """A checksum fault is told at once in the midst of junk."""
    limit = FaultLimit()
    checksum = FrameFault(ReaderFaultKind.CHECKSUM, "wrong")
    assert [*limit.feed(JUNK, 0), *limit.feed(checksum, 1)] == [JUNK, checksum]
