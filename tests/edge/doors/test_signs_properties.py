"""Anybody badging anywhere, at any time: nobody is left without an answer, or answered in another's language."""

from dataclasses import replace
from typing import Any

import pytest
from edge.doors.small_site import ANNE, STRANGER
from edge.doors.test_signs import BEN, WITH_CARD, SignedSite
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from portillon_drivers.events import InputChanged
from portillon_edge.domain.events import EventKind
from portillon_edge.doors.machine import NS_PER_MS
from portillon_edge.doors.showing import Outcome
from portillon_edge.doors.signs import Signs
from portillon_rules.credential import Credential
from portillon_rules.door_rule import DoorRule

DOOR_OF = {"lane1-reader": "lane1", "lane1-scanner": "lane1", "pool-reader": "pool"}
SPEAKS = {"m-anne": "fr", "m-ben": "en"}
WITH_MEMBER = (EventKind.GRANTED, EventKind.DENIED, EventKind.GRANT_NOT_USED, EventKind.REBADGED)
MOVES = st.one_of(
    st.tuples(st.just("badge"), st.sampled_from([ANNE, BEN, STRANGER]), st.sampled_from(sorted(DOOR_OF))),
    st.tuples(st.just("keys"), st.sampled_from(["4917#", "1111#", "49", "#", "*"])),
    st.tuples(st.just("pass"), st.sampled_from(["lane1-passage", "pool-contact"])),
    st.tuples(st.just("wait"), st.integers(1, 40_000)),
)
RUNS = settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


def gym() -> SignedSite:
    """A lane that wants a PIN at one of its readers, and a pool for two people; one member of each language."""
    site = SignedSite()
    site.readers = {"lane1-reader": WITH_CARD}
    for card, member in ((ANNE, "m-anne"), (BEN, "m-ben")):
        site.admit(card, member=member, language=SPEAKS[member], zones=("gym", "pool"))
        site.admit(card.with_pin("4917"), member=member, language=SPEAKS[member], zones=("gym", "pool"))
    site.rules = replace(site.rules, doors={"pool": DoorRule(door="pool", two_people=True)})
    site.start()
    return site


def run_until(site: SignedSite, now_ms: int) -> None:
    while (due_ns := site.attendant.deadline_ns) is not None and due_ns <= now_ms * NS_PER_MS:
        site.attendant.tick(due_ns)


def play(moves: list[tuple[Any, ...]]) -> None:
    """Do it all; look at what was shown after each move."""
    site, now_ms = gym(), 0
    answered_at: dict[tuple[Credential, str], str] = {}
    for move in moves:
        now_ms += 1
        signs, events = len(site.signs), len(site.events)
        match move:
            case ("badge", card, reader):
                site.badge(card, reader=reader, ms=now_ms)
            case ("keys", keys):
                site.type(keys, ms=now_ms)
            case ("pass", line):
                for active in (False, True, False):
                    site.take(InputChanged(line, active, now_ms * NS_PER_MS))
            case ("wait", ms):
                now_ms += ms
                run_until(site, now_ms)
        shown, told = site.signs[signs:], site.events[events:]
        answered = [(sign.reader, sign.language) for sign in shown if sign.outcome is not Outcome.ENTER_PIN]
        for event in told:
            if event.kind in WITH_MEMBER:
                assert (event.reader, SPEAKS.get(event.member or "")) in answered, "written down, and not shown"
        if move[0] == "badge":
            _, card, reader = move
            if shown:
                answered_at[card, DOOR_OF[reader]] = reader
                assert shown[-1].reader == reader
            else:  # of several readers of one door the first one's answer counts
                there = answered_at.get((card, DOOR_OF[reader]), reader)
                assert there != reader, "somebody stands there without an answer"
        for sign in shown:
            if sign.outcome is Outcome.ENTER_PIN:
                assert sign.language is not None, "only a card that is known is asked for a PIN"


@given(st.lists(MOVES, max_size=25))
@RUNS
def test_everybody_is_answered_in_their_own_language(moves: list[tuple[Any, ...]]) -> None:
    """Whatever is written down of a member is shown at their reader in their language; a stranger's in the site's."""
    play(moves)


def test_the_play_finds_an_answer_in_nobodys_language(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ablation: answers that forget whom they are for."""
    answer = Signs.answer
    monkeypatch.setattr(Signs, "answer", lambda signs, event, **_: answer(signs, event))
    with pytest.raises(AssertionError):
        play([("badge", BEN, "lane1-scanner")])


def test_the_play_finds_a_pad_that_waits_and_does_not_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ablation: a PIN that nobody asks for."""
    monkeypatch.setattr(Signs, "ask_pin", lambda signs, *_: None)
    with pytest.raises(AssertionError):
        play([("badge", ANNE, "lane1-reader")])
