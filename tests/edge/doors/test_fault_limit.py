"""Every fault is told, none of them twice, and a noisy line does not fill the journal."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from portillon_drivers.events import InputFault
from portillon_edge.doors.fault_limit import QUIET_NS, FaultLimit

KEY, OTHER = ("reader", "checksum"), ("reader", "junk")


def test_first_at_once_the_rest_counted() -> None:
    """One event now, one with the count after the minute, silence once it is quiet."""
    limit = FaultLimit()
    assert limit.tell_now(KEY, "first", 0)
    assert not limit.tell_now(KEY, "second", 1)
    assert not limit.tell_now(KEY, "third", 2)
    assert limit.tell_now(OTHER, "another kind", 3)
    assert limit.deadline_ns == QUIET_NS
    assert list(limit.due(QUIET_NS)) == [(KEY, "third (2 times within 60 s)")]
    assert list(limit.due(3 * QUIET_NS)) == []
    assert limit.deadline_ns is None
    assert limit.tell_now(KEY, "again", 3 * QUIET_NS)


@given(st.lists(st.integers(0, 20_000_000_000), max_size=200))
def test_no_fault_is_lost_and_events_are_bounded(gaps_ns: list[int]) -> None:
    """Told at once plus counted is what happened; events per minute stay few."""
    limit, now, told, counted = FaultLimit(), 0, 0, 0
    events = 0
    for gap in gaps_ns:
        now += gap
        for _, detail in limit.due(now):
            counted += int(detail.split("(")[1].split(" ")[0])
            events += 1
        if limit.tell_now(KEY, "x", now):
            told += 1
            events += 1
    for _, detail in limit.due(now + QUIET_NS):
        counted += int(detail.split("(")[1].split(" ")[0])
    assert told + counted == len(gaps_ns)
    assert events <= 2 + 2 * (now // QUIET_NS)


def test_noisy_input_reaches_the_journal_in_measure(site: Any) -> None:
    """Through the attendant: a thousand refused readings in a second are two events, the second with the count."""
    for number in range(1000):
        site.attendant.handle(InputFault("lane1-passage", "late answer", number * 1_000_000))
    assert site.attendant.deadline_ns == QUIET_NS
    site.attendant.tick(QUIET_NS)
    assert [event.detail for event in site.events] == [
        "lane1-passage: refused: late answer",
        "lane1-passage: refused: late answer (999 times within 60 s)",
    ]
