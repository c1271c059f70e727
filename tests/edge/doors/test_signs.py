"""What whoever badges is shown at the door: in their own language, and what they are waited for."""

from dataclasses import replace
from typing import Any

import pytest
from edge.doors.small_site import ANNE, STRANGER, Site
from portillon_drivers.events import InputChanged
from portillon_drivers.options import PinUse
from portillon_edge.credentials.reader_rules import ReaderRules
from portillon_edge.domain.events import EventKind
from portillon_edge.doors.attendant import Attendant
from portillon_edge.doors.machine import NS_PER_MS
from portillon_edge.doors.showing import Outcome, Shown
from portillon_rules.credential import Credential
from portillon_rules.door_rule import DoorRule
from portillon_rules.entitlement import ALWAYS
from portillon_rules.reason import DenyReason, GrantFlag

BEN = Credential.parse("em4100:0102030405")
WITH_CARD = ReaderRules(pin=PinUse.WITH_CARD, pin_timeout_ms=5_000)
LANE = "lane1-reader"


class SignedSite(Site):
    """The small site with something to look at."""

    def start(self) -> None:
        self.signs: list[Shown] = []
        self.attendant = Attendant(
            self.doors(),
            keys=self.keys,
            entitlements=self,
            clockwork=self,
            outputs=self,
            log=self,
            memory=self.memory,
            readers=self.readers,
            indicators=self,
        )

    def show(self, door: str, shown: Shown) -> None:
        if shown.outcome.moment:
            self.signs.append(shown)

    @property
    def last(self) -> tuple[Outcome, str | None]:
        """What was answered last, and in whose language."""
        return self.signs[-1].outcome, self.signs[-1].language

    def with_rule(self, **keys: Any) -> None:
        self.rules = replace(self.rules, doors={"lane1": DoorRule(door="lane1", **keys)})


@pytest.fixture
def lane() -> SignedSite:
    return SignedSite()


# In whose language ---------------------------------------------------------------------------------------------------


def test_each_member_is_answered_in_their_own(lane: SignedSite) -> None:
    """Two at one lane: the grant of one, the refusal of the other, each as their row says."""
    lane.admit(ANNE, language="fr")
    lane.admit(BEN, member="m-ben", language="en", valid_until_ms=1)
    lane.badge()
    assert lane.last == (Outcome.GRANTED, "fr")
    lane.badge(BEN, ms=9_000)
    assert lane.last == (Outcome.REFUSED, "en") and lane.signs[-1].reader == LANE


def test_strangers_are_answered_in_the_sites(lane: SignedSite) -> None:
    """Nobody knows who stands there, or nobody said which language they speak."""
    lane.badge(STRANGER)
    assert lane.last == (Outcome.REFUSED, None)
    lane.admit(ANNE)
    lane.badge(ms=2_000)
    assert lane.last == (Outcome.GRANTED, None)


def test_how_a_grant_ended_is_said_in_its_members(lane: SignedSite) -> None:
    """Too late, and once more: they are still there."""
    lane.admit(ANNE, language="fr")
    lane.badge()
    lane.attendant.tick(5_000 * NS_PER_MS)
    assert lane.last == (Outcome.NOT_USED, "fr")


def test_an_ignored_second_badge_is_told_to_wait_in_its_own(lane: SignedSite) -> None:
    """Not in the language of whoever stands in the lane."""
    lane.admit(ANNE, language="fr")
    lane.admit(BEN, member="m-ben", language="en")
    lane.badge()
    lane.badge(BEN, ms=500)
    assert lane.last == (Outcome.WAIT, "en")


def test_what_nobody_badged_for_is_in_the_sites(lane: SignedSite) -> None:
    """A passage that ends an answer, and one that nobody was granted, are nobody's."""
    lane.admit(ANNE, language="fr")
    lane.badge()
    lane.take(InputChanged("lane1-passage", False, 100 * NS_PER_MS))
    lane.take(InputChanged("lane1-passage", True, 200 * NS_PER_MS))
    assert lane.signs[-1].outcome is Outcome.PASSED


def test_nothing_that_is_written_down_tells_a_language(lane: SignedSite) -> None:
    """The journal holds what happened at the door, not how it was said."""
    lane.admit(ANNE, language="fr")
    lane.badge()
    assert "fr" not in repr(lane.events)


def test_in_the_days_of_grace_the_grant_has_more_to_say(lane: SignedSite) -> None:
    """A flag with words for members is shown with the grant; others are for staff, and are not."""
    lane.admit(ANNE, duress=True)
    lane.badge()
    assert (lane.signs[-1].outcome, lane.signs[-1].flag) == (Outcome.GRANTED, None)
    event = replace(lane.events[0], flags=(GrantFlag.DURESS, GrantFlag.GRACE), kind=EventKind.GRANTED)
    lane.attendant._signs.answer(event)
    assert lane.signs[-1].flag is GrantFlag.GRACE


# What is waited for --------------------------------------------------------------------------------------------------


@pytest.fixture
def padded(lane: SignedSite) -> SignedSite:
    """The lane wants a PIN with each card."""
    lane.readers = {LANE: WITH_CARD}
    lane.admit(ANNE.with_pin("4917"), language="fr")
    lane.admit(ANNE, language="fr")
    lane.start()
    return lane


def test_the_pin_is_asked_for_once_and_answered(padded: SignedSite) -> None:
    """At the card, in its member's language; no key shows anything, and what comes of the PIN is the next answer."""
    padded.badge()
    assert padded.last == (Outcome.ENTER_PIN, "fr") and padded.signs[-1].reader == LANE
    padded.type("4917", ms=900)
    assert len(padded.signs) == 1
    padded.type("#", ms=1_000)
    assert [shown.outcome for shown in padded.signs] == [Outcome.ENTER_PIN, Outcome.GRANTED]
    assert padded.events and padded.events[0].kind is EventKind.GRANTED


def test_asking_for_a_pin_is_nothing_to_write_down(padded: SignedSite) -> None:
    """Nothing has happened yet."""
    padded.badge()
    assert padded.events == [] and padded.told == []


def test_a_wait_that_ends_takes_its_sign_away(padded: SignedSite) -> None:
    """Whoever types nothing, or something wrong, is told to do it again, in the same language."""
    padded.badge()
    padded.attendant.tick(5_000 * NS_PER_MS)
    assert padded.last == (Outcome.AGAIN, "fr")
    padded.badge(ms=9_000)
    padded.type("1111#", ms=9_500)
    assert padded.last == (Outcome.AGAIN, "fr")


def test_a_strangers_card_is_not_asked_for_a_pin(padded: SignedSite) -> None:
    """It is refused at once: no PIN would help it."""
    padded.badge(STRANGER)
    assert padded.last == (Outcome.REFUSED, None)


def test_another_card_at_the_pad_is_asked_in_its_own_language(padded: SignedSite) -> None:
    """The first one's wait is over; the sign that stays is the second one's."""
    padded.admit(BEN, member="m-ben", language="en")
    padded.badge()
    padded.badge(BEN, ms=2_000)
    assert [(shown.outcome, shown.language) for shown in padded.signs] == [
        (Outcome.ENTER_PIN, "fr"),
        (Outcome.AGAIN, "fr"),
        (Outcome.ENTER_PIN, "en"),
    ]


def test_the_pin_is_asked_for_in_its_hours(lane: SignedSite) -> None:
    """A door whose rule asks for a PIN now shows it as a reader does that always wants one."""
    lane.admit(ANNE, language="fr")
    lane.with_rule(pin_schedule=ALWAYS)
    lane.badge()
    assert lane.last == (Outcome.ENTER_PIN, "fr")


def test_whoever_is_alone_sees_for_whom_the_door_waits(lane: SignedSite) -> None:
    """For as long as it waits; the second badge is the next answer."""
    lane.admit(ANNE, language="fr")
    lane.admit(BEN, member="m-ben")
    lane.with_rule(two_people=True, within_s=20)
    lane.badge()
    shown = lane.signs[-1]
    assert (shown.outcome, shown.reason, shown.language) == (Outcome.COMPANY, DenyReason.SECOND_PERSON_NEEDED, "fr")
    assert shown.for_ms == 20_000
    lane.badge(BEN, ms=3_000)
    assert lane.last == (Outcome.GRANTED, None)


@pytest.mark.parametrize(
    ("row", "rule", "reason"),
    [
        ({}, {"supervisors": ()}, DenyReason.SUPERVISOR_ABSENT),
        ({"escorted": True}, {}, DenyReason.ESCORT_NEEDED),
        ({"hosts": ("m-host",)}, {}, DenyReason.ESCORT_NEEDED),
        ({"guardians": ("m-mother",)}, {}, DenyReason.GUARDIAN_ABSENT),
    ],
)
def test_whose_company_is_missing_is_said(
    lane: SignedSite, row: dict[str, Any], rule: dict[str, Any], reason: DenyReason
) -> None:
    """A supervisor, an escort, a host, a guardian: no refusal, since somebody can help; nobody waits at the door."""
    lane.admit(ANNE, **row)
    lane.with_rule(**rule)
    lane.badge()
    shown = lane.signs[-1]
    assert (shown.outcome, shown.reason, shown.for_ms) == (Outcome.COMPANY, reason, None)
