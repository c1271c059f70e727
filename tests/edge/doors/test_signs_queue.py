"""What the lane shows to whoever waits for their turn: first that they wait, and the grant when it has come."""

from dataclasses import replace

import pytest
from edge.doors.small_site import ANNE
from edge.doors.test_signs import BEN, LANE, SignedSite
from portillon_drivers.events import InputChanged
from portillon_edge.domain.events import EventKind
from portillon_edge.doors.machine import NS_PER_MS, Grant
from portillon_edge.doors.showing import Outcome
from portillon_edge.doors.signs import Signs
from portillon_edge.doors.staff_order import HoldDoor
from portillon_edge.doors.surroundings import Door
from portillon_edge.doors.turns import SecondBadge
from portillon_edge.doors.turnstile_lane import TurnstileLane
from portillon_rules.door_plan import Standing
from portillon_rules.reason import GrantFlag


class QueueingSite(SignedSite):
    """Its lane lets a second card wait."""

    def doors(self) -> list[Door]:
        lane, *others = super().doors()
        queues = TurnstileLane(pulse_ms=500, passage_window_ms=5000, second_badge=SecondBadge.QUEUE)
        return [replace(lane, machine=queues), *others]

    def passes(self, ms: int) -> None:
        """Somebody goes through, and out of the lane."""
        for at_ms, active in ((ms, True), (ms + 100, False)):
            self.take(InputChanged("lane1-passage", active, at_ms * NS_PER_MS))

    @property
    def answers(self) -> list[tuple[Outcome, str | None]]:
        """Everything that was answered, and in whose language."""
        return [(shown.outcome, shown.language) for shown in self.signs]


@pytest.fixture
def lane() -> QueueingSite:
    site = QueueingSite()
    site.start()
    site.admit(ANNE, language="fr")
    site.admit(BEN, member="m-ben", language="en")
    site.take(InputChanged("lane1-passage", False, 0))
    return site


def test_who_is_queued_is_told_to_wait_and_then_to_pass(lane: QueueingSite) -> None:
    """Not "please pass" into whoever stands in the lane; each word in the language of the one it is for."""
    lane.badge()
    lane.badge(BEN, ms=500)
    assert lane.answers == [(Outcome.GRANTED, "fr"), (Outcome.QUEUED, "en")]
    lane.passes(1_000)
    assert lane.answers[2:] == [(Outcome.PASSED, "fr"), (Outcome.GRANTED, "en")]
    assert {shown.reader for shown in lane.signs} == {LANE}


def test_impatience_is_told_the_same(lane: QueueingSite) -> None:
    """Whoever waits and badges again waits; whose turn has come and badges again may pass."""
    lane.badge()
    lane.badge(BEN, ms=500)
    lane.badge(BEN, ms=3_500)
    assert lane.last == (Outcome.QUEUED, "en")
    lane.passes(4_000)
    lane.badge(BEN, ms=6_500)
    assert lane.last == (Outcome.GRANTED, "en") and lane.events[-1].kind is EventKind.REBADGED


def test_a_turn_that_never_comes_is_taken_back(lane: QueueingSite) -> None:
    """The lane is closed while somebody waits: too late, and not a green light afterwards."""
    lane.badge()
    lane.badge(BEN, ms=500)
    lane.take(HoldDoor("lane1", Standing.BLOCKED, "s-1", 1_000 * NS_PER_MS))
    assert lane.last == (Outcome.NOT_USED, "en")
    lane.passes(1_500)
    assert (Outcome.GRANTED, "en") not in lane.answers


def test_a_turn_whose_release_fails_is_not_shown(lane: QueueingSite) -> None:
    """The output broke meanwhile: nobody reads "please pass" before a locked lane."""
    lane.badge()
    lane.badge(BEN, ms=500)
    lane.breaks_on_release = True
    lane.passes(1_000)
    assert (Outcome.GRANTED, "en") not in lane.answers and lane.last == (Outcome.NOT_USED, "en")


def test_where_it_stands_free_nobody_is_told_to_wait(lane: QueueingSite) -> None:
    """The second card there is queued for its passage alone; both are told to pass, once."""
    lane.take(HoldDoor("lane1", Standing.FREE, "s-1", 0))
    lane.badge(ms=100)
    lane.badge(BEN, ms=500)
    lane.passes(1_000)
    assert lane.answers == [(Outcome.GRANTED, "fr"), (Outcome.GRANTED, "en"), (Outcome.PASSED, "fr")]


def test_the_kind_words_of_a_grant_come_with_the_turn(lane: QueueingSite) -> None:
    """What a grant has to say beside that it is one is said when somebody reads it: as they pass."""
    grant = Grant(member="m", credential="c", reader=LANE, flags=(GrantFlag.GRACE,), language="fr")
    lane.attendant._signs.turn("lane1", grant)
    assert (lane.last, lane.signs[-1].flag) == ((Outcome.GRANTED, "fr"), GrantFlag.GRACE)


def test_without_the_turn_the_sign_would_never_change(lane: QueueingSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ablation: a lane that does not say whose turn it is leaves somebody waiting before an open lane."""
    monkeypatch.setattr(Signs, "turn", lambda *_: None)
    lane.badge()
    lane.badge(BEN, ms=500)
    lane.passes(1_000)
    assert (Outcome.GRANTED, "en") not in lane.answers
