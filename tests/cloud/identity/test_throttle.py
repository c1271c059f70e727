"""How long a wrong password makes one wait."""

from hypothesis import given
from hypothesis import strategies as st
from portillon_cloud.identity import throttle

instants = st.lists(st.integers(0, 2_000_000), max_size=64).map(sorted)


def test_the_first_failures_cost_nothing():
    """A typing mistake makes nobody wait."""
    assert throttle.wait_ms([1, 2, 3, 4], free_failures=4, now_ms=5) == 0


def test_waits_double():
    """Each further failure doubles the wait."""
    waits = [throttle.wait_ms([0] * count, free_failures=4, now_ms=0) for count in range(5, 9)]
    assert waits == [2_000, 4_000, 8_000, 16_000]


@given(instants, st.integers(0, 30), st.integers(0, 3_000_000))
def test_a_wait_is_bounded_and_ends(failures_ms, free, later_ms):
    """Nobody can lock a colleague out for longer than the longest wait after the last failure."""
    now_ms = max(failures_ms, default=0) + later_ms
    wait = throttle.wait_ms(failures_ms, free_failures=free, now_ms=now_ms)
    assert 0 <= wait <= throttle.WAIT_LONGEST_MS
    assert throttle.wait_ms(failures_ms, free_failures=free, now_ms=now_ms + wait) == 0


@given(st.integers(5, 64))
def test_old_failures_are_forgotten(count):
    """What lies before the window does not count."""
    assert throttle.wait_ms([0] * count, free_failures=4, now_ms=throttle.WINDOW_MS) == 0
