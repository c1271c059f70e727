"""What a member sees and hears: one pattern for each outcome. Pure; the table below is the whole of it.

1. An outcome either answers somebody (a moment: it ends by itself) or tells how the door stands (until it changes).
2. Any two outcomes differ in the rhythm of the light: enough for whoever cannot tell the colours or hear the beeps.
   Only what lets pass is lit for more than two thirds of the time, and it is green; what refuses is never green.
3. Any two answers differ in sound: enough for whoever cannot see the lamp. How a door stands is silent, save alarms.
4. In a lockdown nothing sounds, not even a refusal: people may be hiding. In a fire nobody is answered: whatever the
   card, the way is free. Duress is shown as any grant.
5. Words fit two lines of 16. Whoever is known is answered in their own language; everybody else, and all who look at
   how the door stands, in each language that the indicator speaks, one page after the other.
6. Somebody is welcomed only where the site asks for a greeting, and never by name: the gateway knows none.
7. No light flashes more than three times in a second (WCAG 2.2, 2.3.1): faster may bring on a seizure.
"""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from portillon_drivers.indicators.pattern import FOR_MS_MAX, Beeps, Colour, Page, Pattern, Rhythm
from portillon_rules.reason import DenyReason, GrantFlag

from portillon_edge.domain.events import EventKind
from portillon_edge.doors.machine import Bearing
from portillon_edge.words import LANE_FLAGS, LANE_REASONS, Words, mark


class Outcome(StrEnum):
    """What there is to show at a door."""

    GRANTED = "granted"
    REFUSED = "refused"
    WAIT = "wait"
    """Not now, but soon: somebody is passing, the other door is open."""
    AGAIN = "again"
    """Do it once more: a stale pass, a wrong PIN."""
    ENTER_PIN = "enter_pin"
    """The card is known; its PIN is waited for. What comes of it, or of none, is the next answer."""
    COMPANY = "company"
    """Not alone: somebody else has to badge, or to be inside."""
    QUEUED = "queued"
    """They may pass, once whoever came before them is through; when their turn comes it is GRANTED."""
    NOT_USED = "not_used"
    WRONG_WAY = "wrong_way"
    PASSED = "passed"
    """Somebody went through: the last answer is over."""

    READY = "ready"
    BUSY = "busy"
    """Nobody is taken just now: the lane is occupied, the other door of an interlock is open."""
    FREE = "free"
    BLOCKED = "blocked"
    OUT_OF_ORDER = "out_of_order"
    HELD_SOON = "held_soon"
    """The pre-alarm: close the door."""
    HELD = "held"
    FORCED = "forced"
    LOCKDOWN = "lockdown"
    FIRE = "fire"

    @property
    def moment(self) -> bool:
        """Whether it answers somebody and ends by itself; else the door stands so."""
        return self is Outcome.PASSED or TABLE[self].for_ms is not None


@dataclass(frozen=True, slots=True)
class Look:
    """One row of the table; `for_ms` None: as long as the door stands so."""

    colour: Colour
    rhythm: Rhythm
    beeps: Beeps | None
    text: str
    for_ms: int | None = None


_G, _R, _A = Colour.GREEN, Colour.RED, Colour.AMBER
# fmt: off
TABLE: Mapping[Outcome, Look] = {
    #                          light: on, dark       beeps: times, on, apart  words                             for ms
    Outcome.GRANTED:   Look(_G, Rhythm(1_000),       Beeps(1, 500),      mark("Please pass"),                  4_000),
    Outcome.REFUSED:   Look(_R, Rhythm(200, 200),    Beeps(3, 200),      mark("No entry\nSee front desk"),     4_000),
    Outcome.WAIT:      Look(_A, Rhythm(500, 500),    Beeps(2, 400, 400), mark("Please wait"),                  3_000),
    Outcome.AGAIN:     Look(_A, Rhythm(200, 700),    Beeps(2, 100),      mark("Please try again"),             3_000),
    Outcome.ENTER_PIN: Look(_A, Rhythm(1_000, 500),  Beeps(1, 100),      mark("Enter PIN,\nthen press #"),    60_000),
    Outcome.COMPANY:   Look(_A, Rhythm(600, 900),    Beeps(4, 100),      mark("Waiting for\nsomebody else"),   6_000),
    Outcome.QUEUED:    Look(_A, Rhythm(1_300, 1_500), Beeps(2, 200, 200), mark("Wait for\nyour turn"),        10_000),
    Outcome.NOT_USED:  Look(_A, Rhythm(300, 1_500),  Beeps(1, 1_000),    mark("Too late:\nbadge again"),       3_000),
    Outcome.WRONG_WAY: Look(_R, Rhythm(100, 300),    Beeps(6, 300, 200), mark("Wrong way"),                    4_000),

    Outcome.READY:     Look(_G, Rhythm(100, 2_900),  None,               mark("Ready:\nplease badge")),
    Outcome.BUSY:      Look(_A, Rhythm(2_000, 2_000), None,              mark("Please wait")),
    Outcome.FREE:      Look(_G, Rhythm(2_900, 100),  None,               mark("Open:\ncome through")),
    Outcome.BLOCKED:   Look(_R, Rhythm(100, 1_900),  None,               mark("Closed")),
    Outcome.OUT_OF_ORDER: Look(_A, Rhythm(100, 900), None,               mark("Out of order:\ntake another")),
    Outcome.HELD_SOON: Look(_A, Rhythm(300, 300),    Beeps(0, 100, 900), mark("Please close\nthe door")),
    Outcome.HELD:      Look(_R, Rhythm(1_000, 1_000), Beeps(0, 500, 500), mark("Alarm: close\nthe door")),
    Outcome.FORCED:    Look(_R, Rhythm(400, 200),    Beeps(0, 300, 200), mark("Alarm:\ndoor forced")),
    Outcome.LOCKDOWN:  Look(_R, Rhythm(600, 1_800),  None,               mark("Lockdown:\nno entry")),
    Outcome.FIRE:      Look(_G, Rhythm(200, 400),    Beeps(0, 900, 100), mark("FIRE:\nleave now")),
}
# fmt: on
WELCOME = mark("Welcome")

WAITING = frozenset({DenyReason.LANE_BUSY, DenyReason.INTERLOCKED})
ONCE_MORE = frozenset(
    {
        DenyReason.COUNTER_REPLAYED,
        DenyReason.PASS_EXPIRED,
        DenyReason.PASS_REPLAYED,
        DenyReason.PIN_MISSING,
        DenyReason.WRONG_PIN,
    }
)
"""Refused, but the same person may help it at once."""
ALONE = frozenset(
    {
        DenyReason.SECOND_PERSON_NEEDED,
        DenyReason.ESCORT_NEEDED,
        DenyReason.SUPERVISOR_ABSENT,
        DenyReason.GUARDIAN_ABSENT,
    }
)
"""Refused, but somebody else may help it."""
ANSWERS: Mapping[EventKind, Outcome] = {
    EventKind.GRANTED: Outcome.GRANTED,
    EventKind.REBADGED: Outcome.GRANTED,
    EventKind.PASSAGE: Outcome.PASSED,
    EventKind.GRANT_NOT_USED: Outcome.NOT_USED,
    EventKind.PASSAGE_REFUSED: Outcome.WAIT,
    EventKind.WRONG_WAY: Outcome.WRONG_WAY,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What is to be shown: at indicators of that `reader`, or of the whole door where it is None.

    `reason` of a refusal, `flag` of a grant that has more to say. `language`: of whoever stands there, None: not known.
    `for_ms`: not for the time that the table has, but for this one.
    """

    outcome: Outcome
    reader: str | None = None
    reason: DenyReason | None = None
    flag: GrantFlag | None = None
    language: str | None = None
    for_ms: int | None = None


def answer_to(kind: EventKind, reason: DenyReason | None = None) -> Outcome | None:
    """The moment that an event at a door is shown as, None: nobody waits for an answer."""
    if kind is not EventKind.DENIED:
        return ANSWERS.get(kind)
    if reason in WAITING:
        return Outcome.WAIT
    if reason in ALONE:
        return Outcome.COMPANY
    return Outcome.AGAIN if reason in ONCE_MORE else Outcome.REFUSED


def standing(bearing: Bearing, troubles: Container[EventKind], closed_for: DenyReason | None) -> Outcome:
    """How a door is shown to stand, from what its machine says of itself; the first that holds."""
    ranked = (
        (bearing is Bearing.FIRE, Outcome.FIRE),
        (bearing is Bearing.LOCKDOWN, Outcome.LOCKDOWN),
        (EventKind.DOOR_FORCED in troubles, Outcome.FORCED),
        (EventKind.DOOR_HELD in troubles, Outcome.HELD),
        (EventKind.DOOR_HELD_SOON in troubles, Outcome.HELD_SOON),
        (bearing is Bearing.BLOCKED or closed_for is DenyReason.DOOR_BLOCKED, Outcome.BLOCKED),
        (closed_for in WAITING, Outcome.BUSY),
        (closed_for is not None, Outcome.OUT_OF_ORDER),
        (bearing is Bearing.FREE, Outcome.FREE),
    )
    return next((outcome for holds, outcome in ranked if holds), Outcome.READY)


def pattern_of(shown: Shown, *, during: Outcome, speaking: Sequence[Words], greeting: bool = False) -> Pattern | None:
    """What an indicator shows, in the languages spoken there, while the door stands as `during`; None: no answer."""
    if shown.outcome is Outcome.PASSED or (shown.outcome.moment and during is Outcome.FIRE):
        return None
    look = TABLE[shown.outcome]
    pages = (_page(shown, look, words, greeting) for words in speaking)
    return Pattern(
        colour=look.colour,
        rhythm=look.rhythm,
        beeps=None if during is Outcome.LOCKDOWN else look.beeps,
        pages=tuple(dict.fromkeys(pages)),
        for_ms=look.for_ms if shown.for_ms is None else min(shown.for_ms, FOR_MS_MAX),
    )


def _page(shown: Shown, look: Look, words: Words, greeting: bool) -> Page:
    text = WELCOME if shown.outcome is Outcome.GRANTED and greeting else look.text
    if shown.flag is not None:
        text = LANE_FLAGS[shown.flag]
    if shown.reason is not None:
        text = LANE_REASONS[shown.reason]
    return Page(tuple(words(text).splitlines()))
