"""Where a pattern is at an instant, and when it changes next."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portillon_drivers.indicators.ascii_text import ascii_text
from portillon_drivers.indicators.pattern import Beeps, Colour, Page, Pattern, Rhythm
from portillon_drivers.indicators.phase import PAGE_MS, phase_at

TICKS = st.integers(1, 255).map(lambda ticks: ticks * 100)


def pattern(rhythm: Rhythm, beeps: Beeps | None = None, *texts: str) -> Pattern:
    return Pattern(colour=Colour.RED, rhythm=rhythm, beeps=beeps, pages=tuple(Page((text,)) for text in texts))


def test_light_and_beeps_follow_their_own_rhythm() -> None:
    """Each changes at its own times; the last beep is followed by silence."""
    blinking = pattern(Rhythm(500, 500), Beeps(2, 200, 100))
    seen = [(ms, phase_at(blinking, ms).lit, phase_at(blinking, ms).sounding) for ms in (0, 200, 300, 499, 500, 600)]
    assert seen == [
        (0, True, True),
        (200, True, False),
        (300, True, True),
        (499, True, True),
        (500, False, False),
        (600, False, False),
    ]


def test_what_never_changes_asks_for_nothing() -> None:
    """A steady silent light needs no further call."""
    assert phase_at(pattern(Rhythm(1_000)), 123_456).change_in_ms is None
    assert phase_at(pattern(Rhythm(1_000), None, "one page"), 0).change_in_ms is None


def test_languages_take_turns() -> None:
    """Each page is shown equally long."""
    two = pattern(Rhythm(1_000), None, "one", "deux")
    assert [phase_at(two, turn * PAGE_MS).page.lines for turn in range(3)] == [("one",), ("deux",), ("one",)]
    assert phase_at(two, PAGE_MS - 1).change_in_ms == 1


@given(
    TICKS, st.integers(0, 255).map(lambda ticks: ticks * 100), TICKS, TICKS, st.integers(0, 255), st.integers(0, 10**7)
)
def test_nothing_changes_before_it_was_said_to(
    on_ms: int, off_ms: int, beep_ms: int, gap_ms: int, times: int, elapsed_ms: int
) -> None:
    """Up to the promised change the phase is the same: a caller that sleeps so long misses nothing."""
    shown = pattern(Rhythm(on_ms, off_ms), Beeps(times, beep_ms, gap_ms), "a", "b")
    phase = phase_at(shown, elapsed_ms)
    assert phase.change_in_ms is not None and 0 < phase.change_in_ms <= PAGE_MS
    later = phase_at(shown, elapsed_ms + phase.change_in_ms - 1)
    assert (later.lit, later.sounding, later.page) == (phase.lit, phase.sounding, phase.page)
    then = phase_at(shown, elapsed_ms + phase.change_in_ms)
    assert (then.lit, then.sounding, then.page) != (phase.lit, phase.sounding, phase.page)


@pytest.mark.parametrize(("on_ms", "off_ms"), [(0, 100), (150, 100), (100, -100), (25_600, 0)])
def test_a_rhythm_off_the_measure_is_refused(on_ms: int, off_ms: int) -> None:
    """What OSDP cannot count is a mistake in the table, found when it is written."""
    with pytest.raises(ValueError, match="ms"):
        Rhythm(on_ms, off_ms)


def test_lines_that_do_not_fit_are_refused() -> None:
    """A display never cuts a word silently."""
    with pytest.raises(ValueError, match="does not fit 2 lines of 16"):
        Page(("seventeen letters",))
    with pytest.raises(ValueError, match="does not fit"):
        Page(("a", "b", "c"))
    with pytest.raises(ValueError, match="beeps have a length"):
        Beeps(256, 100)


@pytest.mark.parametrize(
    ("text", "plain"),
    [("Accès refusé", "Acces refuse"), ("l’équipe", "l'equipe"), ("cœur « là »", 'coeur " la "'), ("入", "?")],
)
def test_accents_go_and_nothing_is_lost_silently(text: str, plain: str) -> None:
    """French is readable on a display of ASCII; what has no likeness is seen to be missing."""
    assert ascii_text(text) == plain
