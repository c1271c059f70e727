"""What members see and hear: told apart without colour, without sound, and in either language."""

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest
from portillon_drivers.indicators.ascii_text import ascii_text
from portillon_drivers.indicators.pattern import (
    FOR_MS_MAX,
    LINE_CHARS_MAX,
    LINES_MAX,
    Beeps,
    Colour,
    Pattern,
    Rhythm,
)
from portillon_edge.domain.events import EventKind
from portillon_edge.doors.machine import Bearing
from portillon_edge.doors.scene import REFRESH_MS
from portillon_edge.doors.showing import (
    ALONE,
    ANSWERS,
    ONCE_MORE,
    TABLE,
    WAITING,
    Outcome,
    Shown,
    answer_to,
    pattern_of,
    standing,
)
from portillon_edge.words import LANE_FLAGS, LANE_REASONS, LOCALES, Language, Words
from portillon_rules.reason import DenyReason, GrantFlag

EN, FR = Words("en"), Words("fr")
MOMENTS = [outcome for outcome in TABLE if outcome.moment]
STANDING = [outcome for outcome in TABLE if not outcome.moment]
LETS_PASS = {Outcome.GRANTED, Outcome.FREE}
RATIO_MIN = 1.5
"""Two lengths that differ by less look or sound alike to whoever does not count."""


def differ(one_ms: int, other_ms: int) -> bool:
    return max(one_ms, other_ms) >= RATIO_MIN * min(one_ms, other_ms)


def rhythms_differ(one: Rhythm, other: Rhythm) -> bool:
    if 0 in (one.off_ms, other.off_ms):
        return one.off_ms != other.off_ms
    return differ(one.on_ms, other.on_ms) or differ(one.off_ms, other.off_ms)


def beeps_differ(one: Beeps | None, other: Beeps | None) -> bool:
    if one is None or other is None:
        return one is not other
    return one.times != other.times or differ(one.on_ms, other.on_ms)


def shown(outcome: Outcome, during: Outcome = Outcome.READY, **more: object) -> Pattern | None:
    return pattern_of(Shown(outcome=outcome, **more), during=during, speaking=[EN])  # type: ignore[arg-type]


def alike(rows: dict[Outcome, Rhythm]) -> list[tuple[Outcome, Outcome]]:
    return [(one, other) for one, other in combinations(rows, 2) if not rhythms_differ(rows[one], rows[other])]


def test_every_outcome_is_in_the_table_or_ends_an_answer() -> None:
    """Nothing that happens at a door is left without a look."""
    assert set(TABLE) == set(Outcome) - {Outcome.PASSED}
    assert Outcome.PASSED.moment and shown(Outcome.PASSED) is None


def test_any_two_outcomes_differ_in_rhythm() -> None:
    """Whoever cannot tell red from green tells each outcome by how the light comes and goes."""
    assert not alike({outcome: look.rhythm for outcome, look in TABLE.items()})


def test_the_measure_of_rhythms_finds_twins() -> None:
    """Two outcomes with nearly one rhythm would be found: the test above can fail."""
    rows = {outcome: look.rhythm for outcome, look in TABLE.items()} | {Outcome.WAIT: Rhythm(200, 200)}
    assert (Outcome.REFUSED, Outcome.WAIT) in alike(rows)


def test_only_what_lets_pass_is_mostly_lit_and_it_is_green() -> None:
    """A light that is nearly always on means go, whatever its colour looks like; nothing that refuses is green."""
    for outcome, look in TABLE.items():
        mostly_lit = 3 * look.rhythm.on_ms > 2 * look.rhythm.period_ms
        assert mostly_lit is (outcome in LETS_PASS), outcome
        assert look.colour is Colour.GREEN or outcome not in LETS_PASS
    green = {outcome for outcome, look in TABLE.items() if look.colour is Colour.GREEN}
    assert green == {Outcome.GRANTED, Outcome.FREE, Outcome.READY, Outcome.FIRE}


def test_nothing_flashes_fast_enough_to_harm() -> None:
    """At most three flashes in a second, for whoever is prone to seizures."""
    assert all(3 * look.rhythm.period_ms >= 1_000 for look in TABLE.values() if look.rhythm.off_ms)


def test_any_two_answers_differ_in_sound() -> None:
    """Whoever cannot see the lamp hears which answer it is."""
    for one, other in combinations(MOMENTS, 2):
        assert beeps_differ(TABLE[one].beeps, TABLE[other].beeps), (one, other)


def test_only_alarms_stand_and_sound() -> None:
    """A door that merely stands there makes no noise; the pre-alarm, alarms and fire do until they are over."""
    sounding = {outcome for outcome in STANDING if TABLE[outcome].beeps}
    assert sounding == {Outcome.HELD_SOON, Outcome.HELD, Outcome.FORCED, Outcome.FIRE}
    assert all((look := TABLE[outcome].beeps) and look.times == 0 for outcome in sounding)
    for one, other in combinations(sorted(sounding), 2):
        assert beeps_differ(TABLE[one].beeps, TABLE[other].beeps)


@pytest.mark.parametrize("outcome", STANDING)
def test_what_stands_is_refreshed_without_a_seam(outcome: Outcome) -> None:
    """A refresh falls between two repeats of light and sound, so that nobody sees or hears it."""
    look = TABLE[outcome]
    assert REFRESH_MS % look.rhythm.period_ms == 0
    assert look.beeps is None or REFRESH_MS % (look.beeps.on_ms + look.beeps.off_ms) == 0


@pytest.mark.parametrize("language", LOCALES)
@pytest.mark.parametrize("reason", [None, *DenyReason])
def test_every_reason_fits_the_display_in_every_language(language: Language, reason: DenyReason | None) -> None:
    """Two lines of 16, also after the accents are gone; a Page refuses anything longer."""
    assert set(LANE_REASONS) == set(DenyReason)
    for outcome in TABLE:
        pattern = pattern_of(Shown(outcome=outcome, reason=reason), during=Outcome.READY, speaking=[Words(language)])
        assert pattern is not None
        (page,) = pattern.pages
        assert 1 <= len(page.lines) <= LINES_MAX
        for line in page.lines:
            plain = ascii_text(line)
            assert plain.isascii() and 0 < len(plain) <= LINE_CHARS_MAX and "?" not in plain


def test_theft_is_not_said_to_whoever_holds_the_card() -> None:
    """A thief reads what a blocked member reads."""
    assert LANE_REASONS[DenyReason.CREDENTIAL_STOLEN] == LANE_REASONS[DenyReason.BLOCKED]


def test_two_languages_are_two_pages() -> None:
    """Each in its own words, the site's first one first; a text that is the same in both is one page."""
    pattern = pattern_of(Shown(outcome=Outcome.READY), during=Outcome.READY, speaking=[FR, EN])
    assert pattern is not None
    assert [page.lines[0] for page in pattern.pages] == ["Prêt : présentez", "Ready:"]
    once = pattern_of(Shown(outcome=Outcome.READY), during=Outcome.READY, speaking=[EN, EN])
    assert once is not None and len(once.pages) == 1


def test_nobody_is_welcomed_unless_the_site_asks() -> None:
    """Without `greeting` a grant is a grant; a refusal is never a welcome."""
    granted, refused = Shown(outcome=Outcome.GRANTED), Shown(outcome=Outcome.REFUSED)
    plain = pattern_of(granted, during=Outcome.READY, speaking=[EN])
    greeted = pattern_of(granted, during=Outcome.READY, speaking=[FR], greeting=True)
    turned_away = pattern_of(refused, during=Outcome.READY, speaking=[EN], greeting=True)
    assert plain and plain.pages[0].lines == ("Please pass",)
    assert greeted and greeted.pages[0].lines == ("Bienvenue",)
    assert turned_away and turned_away.pages[0].lines == ("No entry", "See front desk")


@pytest.mark.parametrize("language", LOCALES)
@pytest.mark.parametrize("flag", LANE_FLAGS)
def test_a_grant_with_more_to_say_fits_too(language: Language, flag: GrantFlag) -> None:
    """Kind words for whoever passes in the days of grace, above any greeting; the lamp and the sound are a grant's."""
    granted = Shown(outcome=Outcome.GRANTED, flag=flag)
    pattern = pattern_of(granted, during=Outcome.READY, speaking=[Words(language)], greeting=True)
    assert pattern is not None and (pattern.colour, pattern.rhythm) == (Colour.GREEN, TABLE[Outcome.GRANTED].rhythm)
    assert pattern.pages[0].lines == tuple(Words(language)(LANE_FLAGS[flag]).split("\n"))
    assert all(
        ascii_text(line).isascii() and len(ascii_text(line)) <= LINE_CHARS_MAX for line in pattern.pages[0].lines
    )


def test_an_answer_can_last_as_long_as_somebody_waits() -> None:
    """Never longer than any display can count, and otherwise for the table's time."""
    waits = Shown(outcome=Outcome.COMPANY, reason=DenyReason.SECOND_PERSON_NEEDED)
    for asked_ms, expected_ms in ((None, 6_000), (20_000, 20_000), (600_000, FOR_MS_MAX)):
        pattern = pattern_of(replace(waits, for_ms=asked_ms), during=Outcome.READY, speaking=[EN])
        assert pattern is not None and pattern.for_ms == expected_ms


def test_a_lockdown_is_silent() -> None:
    """Nothing sounds while people may be hiding, not even a refusal; the same refusal sounds otherwise."""
    for outcome in TABLE:
        pattern = shown(outcome, during=Outcome.LOCKDOWN)
        assert pattern is not None and pattern.beeps is None
    otherwise = shown(Outcome.REFUSED)
    assert otherwise is not None and otherwise.beeps is not None


def test_in_a_fire_nobody_is_turned_away() -> None:
    """No answer covers the sign that the way out is free."""
    assert all(shown(outcome, during=Outcome.FIRE) is None for outcome in MOMENTS)
    assert shown(Outcome.FIRE, during=Outcome.FIRE) is not None


@pytest.mark.parametrize("reason", DenyReason)
def test_every_refusal_says_what_to_do(reason: DenyReason) -> None:
    """Wait, do it again, fetch somebody, or no: by who can help it."""
    helped = ((WAITING, Outcome.WAIT), (ONCE_MORE, Outcome.AGAIN), (ALONE, Outcome.COMPANY))
    (expected,) = [outcome for reasons, outcome in helped if reason in reasons] or [Outcome.REFUSED]
    assert answer_to(EventKind.DENIED, reason) is expected


def test_answers_are_moments_and_other_events_are_not_answered() -> None:
    """An alarm or a fault is no answer to whoever stands at the reader."""
    assert all(outcome.moment for outcome in ANSWERS.values())
    assert answer_to(EventKind.DOOR_FORCED) is None and answer_to(EventKind.FIRE) is None


@pytest.mark.parametrize(
    ("bearing", "troubles", "closed_for", "expected"),
    [
        (Bearing.PLAN, (), None, Outcome.READY),
        (Bearing.FREE, (), None, Outcome.FREE),
        (Bearing.PLAN, (), DenyReason.INTERLOCKED, Outcome.BUSY),
        (Bearing.FREE, (), DenyReason.LANE_FAULT, Outcome.OUT_OF_ORDER),
        (Bearing.PLAN, (EventKind.DOOR_HELD_SOON,), None, Outcome.HELD_SOON),
        (Bearing.PLAN, (EventKind.DOOR_HELD_SOON, EventKind.DOOR_HELD), None, Outcome.HELD),
        (Bearing.PLAN, (EventKind.DOOR_HELD, EventKind.DOOR_FORCED), None, Outcome.FORCED),
        (Bearing.BLOCKED, (), DenyReason.DOOR_BLOCKED, Outcome.BLOCKED),
        (Bearing.LOCKDOWN, (EventKind.DOOR_FORCED,), DenyReason.LOCKDOWN, Outcome.LOCKDOWN),
        (Bearing.FIRE, (EventKind.DOOR_HELD,), DenyReason.LANE_FAULT, Outcome.FIRE),
    ],
)
def test_the_weightiest_is_shown(
    bearing: Bearing, troubles: tuple[EventKind, ...], closed_for: DenyReason | None, expected: Outcome
) -> None:
    """Fire above lockdown, lockdown above alarms, alarms above orders, orders above the plan."""
    assert standing(bearing, troubles, closed_for) is expected


def row_of(outcome: Outcome) -> str:
    """The outcome's row in docs/indicators.md."""
    look = TABLE[outcome]
    rhythm, beeps = look.rhythm, look.beeps
    light = f"{rhythm.on_ms / 1000:g} s on, {rhythm.off_ms / 1000:g} s dark" if rhythm.off_ms else "steady"
    sound = ""
    if beeps is not None:
        every = f", every {(beeps.on_ms + beeps.off_ms) / 1000:g} s"
        sound = f"{beeps.times} × {beeps.on_ms / 1000:g} s" if beeps.times else f"{beeps.on_ms / 1000:g} s{every}"
    text = " / ".join(" ".join(words(look.text).split("\n")) for words in (EN, FR))
    lasts = f"{look.for_ms / 1000:g} s" if look.for_ms else "as long as it lasts"
    return f"| `{outcome}` | {look.colour} | {light} | {sound} | {text} | {lasts} |"


def test_the_page_for_technicians_shows_this_table() -> None:
    """Whoever looks a pattern up finds what the gateway shows; a changed table changes the page."""
    page = Path("docs/indicators.md").read_text(encoding="utf-8").splitlines()
    start = page.index("| | colour | light | beeps | shown | for |")
    assert page[start + 2 : start + 2 + len(TABLE)] == [row_of(outcome) for outcome in TABLE]
