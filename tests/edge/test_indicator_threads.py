"""Indicators never hold up a door: what is newest is shown, what is slow or broken is waited for by nobody."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from portillon_drivers.errors import TransientDeviceError
from portillon_drivers.indicators.pattern import Pattern
from portillon_drivers.options import IndicatorOptions
from portillon_edge.doors import scene
from portillon_edge.doors.showing import TABLE, Outcome, Shown
from portillon_edge.indicator_threads import IndicatorThreads
from portillon_rules.reason import DenyReason

WAIT_S = 10.0


class Lamp:
    """Remembers the rhythms it was shown; can be slow, or fail."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.shown: list[Pattern] = []
        self.again_ms: int | None = None
        self.plays = 0
        self.gate = threading.Event()
        self.gate.set()
        self.fails: Exception | None = None
        self.closed = 0
        self.news = threading.Condition()

    def open(self) -> None:
        if self.fails is not None:
            raise self.fails

    def show(self, pattern: Pattern) -> int | None:
        assert self.gate.wait(WAIT_S)
        if self.fails is not None:
            raise self.fails
        with self.news:
            self.shown.append(pattern)
            self.news.notify_all()
        return self.again_ms

    def play(self, elapsed_ms: int) -> int | None:
        with self.news:
            self.plays += 1
            self.news.notify_all()
        return self.again_ms

    def close(self) -> None:
        self.closed += 1

    def until(self, true: Callable[[], bool]) -> None:
        with self.news:
            assert self.news.wait_for(true, WAIT_S), self.outcomes

    @property
    def outcomes(self) -> list[Outcome]:
        return [next(key for key, look in TABLE.items() if look.rhythm == each.rhythm) for each in self.shown]


def section(name: str, door: str, **keys: Any) -> IndicatorOptions:
    return IndicatorOptions(name=name, type="lamp", door=door, **keys)


class Told:
    """What was noted, and a way to wait for it."""

    def __init__(self) -> None:
        self.notes: list[tuple[str, str, str]] = []
        self._news = threading.Condition()

    def __call__(self, name: str, state: str, detail: str) -> None:
        with self._news:
            self.notes.append((name, state, detail))
            self._news.notify_all()

    def until(self, state: str) -> None:
        with self._news:
            assert self._news.wait_for(lambda: any(note[1] == state for note in self.notes), WAIT_S)


@contextmanager
def running(
    lamps: list[Lamp], sections: list[IndicatorOptions], told: Told | None = None
) -> Iterator[IndicatorThreads]:
    threads = IndicatorThreads(lamps, sections, language="en", note=told or Told(), clock_ns=time.monotonic_ns)
    threads.start()
    try:
        yield threads
    finally:
        for lamp in lamps:
            lamp.gate.set()
        assert threads.stop() == []


def test_a_door_stands_ready_until_told_otherwise() -> None:
    """From the start there is something to see; at the end the device is let go."""
    lamp = Lamp("led")
    with running([lamp], [section("led", "lane1")]):
        lamp.until(lambda: lamp.outcomes == [Outcome.READY])
    assert lamp.closed


def test_an_answer_is_shown_above_what_stands_and_ended_by_the_passage() -> None:
    """Whoever passed makes room for the next: how the door stands is shown again."""
    lamp = Lamp("led")
    with running([lamp], [section("led", "lane1")]) as threads:
        threads.show("lane1", Shown(outcome=Outcome.FREE))
        lamp.until(lambda: lamp.outcomes[-1:] == [Outcome.FREE])
        threads.show("lane1", Shown(outcome=Outcome.REFUSED, reader="reader1", reason=DenyReason.DUES_UNPAID))
        lamp.until(lambda: lamp.outcomes[-1] is Outcome.REFUSED)
        assert lamp.shown[-1].pages[0].lines == ("Payment due", "See front desk")
        threads.show("lane1", Shown(outcome=Outcome.PASSED))
        lamp.until(lambda: lamp.outcomes[-1] is Outcome.FREE)


def test_answers_go_to_the_reader_and_standing_to_the_whole_door() -> None:
    """Whoever leaves does not light the entry's lamp; another door sees nothing of either."""
    entry, leaving, other = Lamp("entry"), Lamp("exit"), Lamp("other")
    sections = [
        section("entry", "lane1", readers=("in",)),
        section("exit", "lane1", readers=("out",), languages=("fr", "en")),
        section("other", "lane2"),
    ]
    with running([entry, leaving, other], sections) as threads:
        for lamp in (entry, leaving, other):
            lamp.until(lambda lamp=lamp: bool(lamp.shown))  # type: ignore[misc]
        threads.show("lane1", Shown(outcome=Outcome.GRANTED, reader="out"))
        leaving.until(lambda: Outcome.GRANTED in leaving.outcomes)
        threads.show("lane1", Shown(outcome=Outcome.LOCKDOWN, reader="out"))
        entry.until(lambda: entry.outcomes == [Outcome.READY, Outcome.LOCKDOWN])
        granted = leaving.shown[leaving.outcomes.index(Outcome.GRANTED)]
        assert [page.lines[0] for page in granted.pages] == ["Passez, s.v.p.", "Please pass"]
    assert other.outcomes == [Outcome.READY]


def test_whoever_is_known_is_answered_in_their_own_language() -> None:
    """Whatever the indicator speaks otherwise; a language that nobody here speaks, or none, is answered as the site is.

    How the door stands is for everybody, and stays on the site's pages.
    """
    lamp = Lamp("led")
    refused = Shown(outcome=Outcome.REFUSED, reader="in", reason=DenyReason.DUES_UNPAID)
    with running([lamp], [section("led", "lane1", languages=("en", "fr"))]) as threads:
        for number, (language, first_lines) in enumerate(
            (
                ("fr", ["Paiement dû"]),
                (None, ["Payment due", "Paiement dû"]),
                ("en", ["Payment due"]),
                ("eo", ["Payment due", "Paiement dû"]),
            ),
            start=1,
        ):
            threads.show("lane1", replace(refused, language=language))
            lamp.until(lambda number=number: lamp.outcomes.count(Outcome.REFUSED) == number)  # type: ignore[misc]
            assert [page.lines[0] for page in lamp.shown[-1].pages] == first_lines, language
        threads.show("lane1", Shown(outcome=Outcome.BLOCKED))
        threads.show("lane1", Shown(outcome=Outcome.PASSED))
        lamp.until(lambda: lamp.outcomes[-1] is Outcome.BLOCKED)
        assert len(lamp.shown[-1].pages) == 2


def test_a_slow_device_shows_the_newest_and_nobody_waited() -> None:
    """A hundred outcomes while it is stuck: each is left at once, and only the last is shown."""
    lamp = Lamp("led")
    lamp.gate.clear()
    with running([lamp], [section("led", "lane1")]) as threads:
        for _ in range(100):
            threads.show("lane1", Shown(outcome=Outcome.REFUSED, reason=DenyReason.BLOCKED))
        threads.show("lane1", Shown(outcome=Outcome.GRANTED))
        lamp.gate.set()
        lamp.until(lambda: Outcome.GRANTED in lamp.outcomes)
        assert Outcome.REFUSED not in lamp.outcomes[1:]
        assert len(lamp.shown) <= 2


def test_fire_covers_every_answer() -> None:
    """A card that is refused meanwhile changes nothing of what is shown; when it is over, answers are back."""
    lamp = Lamp("led")
    with running([lamp], [section("led", "lane1")]) as threads:
        threads.show("lane1", Shown(outcome=Outcome.FIRE))
        threads.show("lane1", Shown(outcome=Outcome.REFUSED, reader="reader", reason=DenyReason.BLOCKED))
        lamp.until(lambda: lamp.outcomes[-1:] == [Outcome.FIRE])
        threads.show("lane1", Shown(outcome=Outcome.READY))
        threads.show("lane1", Shown(outcome=Outcome.GRANTED, reader="reader"))
        lamp.until(lambda: lamp.outcomes[-1] is Outcome.GRANTED)
    assert Outcome.REFUSED not in lamp.outcomes


def test_a_lockdown_takes_the_place_of_a_sign_that_waits() -> None:
    """Whoever types a PIN sees that nobody enters now; a door that staff blocks waits until the answer is over."""
    lamp = Lamp("led")
    with running([lamp], [section("led", "lane1")]) as threads:
        threads.show("lane1", Shown(outcome=Outcome.ENTER_PIN, reader="in"))
        threads.show("lane1", Shown(outcome=Outcome.BLOCKED))
        lamp.until(lambda: lamp.outcomes[-1:] == [Outcome.ENTER_PIN])
        threads.show("lane1", Shown(outcome=Outcome.LOCKDOWN))
        lamp.until(lambda: lamp.outcomes[-1] is Outcome.LOCKDOWN)
    assert Outcome.BLOCKED not in lamp.outcomes


def test_a_device_that_asks_is_called_again_and_one_that_does_not_is_left_alone() -> None:
    """Lamps on pins keep their rhythm through calls; a reader that blinks by itself needs none."""
    lamp, alone = Lamp("led"), Lamp("alone")
    lamp.again_ms = 1
    with running([lamp, alone], [section("led", "lane1"), section("alone", "lane1")]):
        lamp.until(lambda: lamp.plays >= 5)
    assert alone.plays == 0


def test_what_stands_is_shown_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """A device that lost power in between shows it again; without a refresh it would be told once."""
    monkeypatch.setattr(scene, "REFRESH_MS", 5)
    lamp = Lamp("led")
    with running([lamp], [section("led", "lane1")]):
        lamp.until(lambda: len(lamp.shown) >= 3)


@pytest.mark.parametrize("failure", [TransientDeviceError("unplugged"), RuntimeError("a bug")])
def test_a_broken_device_is_told_once_and_shown_the_newest_when_back(failure: Exception) -> None:
    """Down once per cause, up when it works; doors and other indicators go on meanwhile."""
    lamp, sound, told = Lamp("led"), Lamp("sound"), Told()
    lamp.fails = failure
    with running([lamp, sound], [section("led", "lane1"), section("sound", "lane1")], told) as threads:
        told.until("down")
        threads.show("lane1", Shown(outcome=Outcome.BLOCKED))
        sound.until(lambda: Outcome.BLOCKED in sound.outcomes)
        lamp.fails = None
        lamp.until(lambda: lamp.outcomes[-1:] == [Outcome.BLOCKED])
    states = [(state, detail) for name, state, detail in told.notes if name == "led"]
    assert [state for state, _ in states] == ["down", "up"]
    assert str(failure) in states[0][1]
    assert lamp.closed >= 2
