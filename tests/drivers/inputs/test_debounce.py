"""Bouncing contacts."""

from hypothesis import given
from hypothesis import strategies as st
from portillon_drivers.inputs.debounce import Debounce

MS = 1_000_000


def settled(samples: list[tuple[int, bool]], debounce_ms: int = 20) -> list[bool]:
    debounce: Debounce[bool] = Debounce(debounce_ms * MS)
    return [change for at_ms, active in samples if (change := debounce.sample(active, at_ms * MS)) is not None]


def test_first_state_is_told_once_it_has_stood() -> None:
    """How the contact was found is news."""
    assert settled([(0, False), (10, False), (20, False), (30, False)]) == [False]


def test_bounces_are_one_change() -> None:
    """Closing with bounces shorter than the debounce time is one change."""
    bouncing = [(100 + i, i % 2 == 0) for i in range(11)]
    assert settled([(0, False), (20, False), *bouncing, (120, True), (131, True)]) == [False, True]


def test_short_spike_is_nothing() -> None:
    """A state that does not stand is never told."""
    assert settled([(0, False), (20, False), (30, True), (45, False), (80, False)]) == [False]


@given(st.lists(st.tuples(st.integers(1, 30), st.booleans()), max_size=60))
def test_changes_alternate_and_each_has_stood(steps: list[tuple[int, bool]]) -> None:
    """Whatever the contact does, told states alternate, and each was seen unbroken for the debounce time."""
    debounce, at_ms, since_ms, last, told = Debounce(20 * MS), 0, 0, None, []
    for step_ms, active in steps:
        at_ms += step_ms
        if active is not last:
            last, since_ms = active, at_ms
        if (change := debounce.sample(active, at_ms * MS)) is not None:
            assert change is active
            assert at_ms - since_ms >= 20
            assert not told or told[-1] is not change
            told.append(change)


def test_restlessness_is_measured_from_the_last_state_that_stood() -> None:
    """A line that chatters faster than its debounce time is restless since it last stood; a standing one is not."""
    debounce: Debounce[bool] = Debounce(20 * MS)
    for at_ms in range(0, 50, 10):
        debounce.sample(False, at_ms * MS)
    assert debounce.restless_ns(40 * MS) == 0
    for at_ms in range(50, 500, 10):
        debounce.sample(at_ms % 20 == 10, at_ms * MS)
    assert debounce.restless_ns(500 * MS) == 460 * MS
    debounce.forget()
    assert debounce.restless_ns(600 * MS) == 0
