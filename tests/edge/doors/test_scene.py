"""What one indicator shows at an instant, in virtual time."""

from hypothesis import given
from hypothesis import strategies as st
from portillon_drivers.indicators.pattern import Beeps, Colour, Pattern, Rhythm
from portillon_edge.doors.scene import REFRESH_MS, Scene

MS = 1_000_000
READY = Pattern(colour=Colour.GREEN, rhythm=Rhythm(100, 2_900))
FREE = Pattern(colour=Colour.GREEN, rhythm=Rhythm(2_900, 100))
ALARM = Pattern(colour=Colour.RED, rhythm=Rhythm(400, 200), beeps=Beeps(0, 300, 200))
GRANTED = Pattern(colour=Colour.GREEN, rhythm=Rhythm(1_000), beeps=Beeps(1, 500), for_ms=4_000)
REFUSED = Pattern(colour=Colour.RED, rhythm=Rhythm(200, 200), beeps=Beeps(3, 200), for_ms=4_000)


def test_an_answer_is_shown_for_its_time() -> None:
    """Half-open: at its end how the door stands is shown again, from its beginning."""
    scene = Scene(READY, 0)
    scene.answer(GRANTED, 100 * MS)
    assert scene.at(4_099 * MS).pattern == GRANTED
    after = scene.at(4_100 * MS)
    assert (after.pattern, after.began_ns) == (READY, 4_100 * MS)


def test_whoever_passed_ends_the_answer() -> None:
    """The lane shows the next one at once that it is ready."""
    scene = Scene(READY, 0)
    scene.answer(GRANTED, 0)
    scene.answer(None, 900 * MS)
    assert scene.at(900 * MS).pattern == READY and scene.at(900 * MS).began_ns == 900 * MS


def test_the_newest_answer_is_shown_for_its_whole_time() -> None:
    """A second badge is answered from its own moment on, also with the same answer."""
    scene = Scene(READY, 0)
    scene.answer(GRANTED, 0)
    scene.answer(GRANTED, 3_000 * MS)
    assert scene.at(6_999 * MS).began_ns == 3_000 * MS
    scene.answer(REFUSED, 6_999 * MS)
    assert scene.at(6_999 * MS).pattern == REFUSED


def test_a_silent_change_waits_for_the_answer_and_an_alarm_does_not() -> None:
    """Whoever was let in sees it to the end, unless something must be heard now."""
    scene = Scene(READY, 0)
    scene.answer(GRANTED, 0)
    scene.stand(FREE, 1_000 * MS)
    assert scene.at(1_000 * MS).pattern == GRANTED
    assert scene.at(4_000 * MS).pattern == FREE
    scene.answer(REFUSED, 5_000 * MS)
    scene.stand(ALARM, 5_001 * MS)
    assert scene.at(5_001 * MS).pattern == ALARM


def test_what_must_be_seen_at_once_ends_the_answer_without_a_sound() -> None:
    """A lockdown is not hidden behind a sign that asks for a PIN; what is answered after it is shown above it."""
    scene = Scene(READY, 0)
    scene.answer(REFUSED, 0)
    scene.stand(FREE, 1_000 * MS, at_once=True)
    assert scene.at(1_000 * MS).pattern == FREE
    scene.answer(REFUSED, 2_000 * MS)
    assert scene.at(2_000 * MS).pattern == REFUSED


def test_what_stands_is_begun_again() -> None:
    """So a device that lost power shows it within the refresh; each begins a whole number of refreshes later."""
    scene = Scene(READY, 7 * MS)
    assert scene.at(7 * MS + REFRESH_MS * MS - 1).began_ns == 7 * MS
    assert scene.at(7 * MS + REFRESH_MS * MS).began_ns == (7 + REFRESH_MS) * MS
    late = scene.at((7 + 5 * REFRESH_MS + 1) * MS)
    assert late.began_ns == (7 + 5 * REFRESH_MS) * MS and late.until_ns == (7 + 6 * REFRESH_MS) * MS


STEPS = st.lists(
    st.tuples(st.integers(0, 6_000), st.sampled_from([READY, FREE, ALARM, GRANTED, REFUSED, None])), max_size=30
)


@given(STEPS)
def test_an_answer_never_outlives_its_time_and_standing_is_never_lost(
    steps: list[tuple[int, Pattern | None]],
) -> None:
    """Whatever comes when: an answer is within its time, what stands is the last told, and the end lies ahead."""
    scene, now_ns, stands = Scene(READY, 0), 0, READY
    for wait_ms, pattern in steps:
        now_ns += wait_ms * MS
        if pattern is None or pattern.for_ms is not None:
            scene.answer(pattern, now_ns)
        else:
            stands = pattern
            scene.stand(pattern, now_ns)
        seen = scene.at(now_ns)
        assert seen.began_ns <= now_ns < seen.until_ns
        if seen.pattern.for_ms is not None:
            assert seen.until_ns == seen.began_ns + seen.pattern.for_ms * MS
        else:
            assert seen.pattern == stands
        assert scene.at(now_ns + 4_000 * MS).pattern == stands
        now_ns += 4_000 * MS if wait_ms % 2 else 0
