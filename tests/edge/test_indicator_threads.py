"""Indicators never hold up a door: what is newest is shown, what is slow or broken is waited for by nobody."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from portillon_drivers.errors import TransientDeviceError
from portillon_drivers.indicators.pattern import Pattern
from portillon_drivers.options import IndicatorOptions
from portillon_edge.doors import scene
from portillon_edge.doors.showing import TABLE, Outcome
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
        threads.show("lane1", None, Outcome.FREE, None)
        lamp.until(lambda: lamp.outcomes[-1:] == [Outcome.FREE])
        threads.show("lane1", "reader1", Outcome.REFUSED, DenyReason.DUES_UNPAID)
        lamp.until(lambda: lamp.outcomes[-1] is Outcome.REFUSED)
        assert lamp.shown[-1].pages[0].lines == ("Payment due", "See front desk")
        threads.show("lane1", None, Outcome.PASSED, None)
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
        threads.show("lane1", "out", Outcome.GRANTED, None)
        leaving.until(lambda: Outcome.GRANTED in leaving.outcomes)
        threads.show("lane1", "out", Outcome.LOCKDOWN, None)
        entry.until(lambda: entry.outcomes == [Outcome.READY, Outcome.LOCKDOWN])
        granted = leaving.shown[leaving.outcomes.index(Outcome.GRANTED)]
        assert [page.lines[0] for page in granted.pages] == ["Passez, s.v.p.", "Please pass"]
    assert other.outcomes == [Outcome.READY]


def test_a_slow_device_shows_the_newest_and_nobody_waited() -> None:
    """A hundred outcomes while it is stuck: each is left at once, and only the last is shown."""
    lamp = Lamp("led")
    lamp.gate.clear()
    with running([lamp], [section("led", "lane1")]) as threads:
        for _ in range(100):
            threads.show("lane1", None, Outcome.REFUSED, DenyReason.BLOCKED)
        threads.show("lane1", None, Outcome.GRANTED, None)
        lamp.gate.set()
        lamp.until(lambda: Outcome.GRANTED in lamp.outcomes)
        assert Outcome.REFUSED not in lamp.outcomes[1:]
        assert len(lamp.shown) <= 2


def test_fire_covers_every_answer() -> None:
    """A card that is refused meanwhile changes nothing of what is shown; when it is over, answers are back."""
    lamp = Lamp("led")
    with running([lamp], [section("led", "lane1")]) as threads:
        threads.show("lane1", None, Outcome.FIRE, None)
        threads.show("lane1", "reader", Outcome.REFUSED, DenyReason.BLOCKED)
        lamp.until(lambda: lamp.outcomes[-1:] == [Outcome.FIRE])
        threads.show("lane1", None, Outcome.READY, None)
        threads.show("lane1", "reader", Outcome.GRANTED, None)
        lamp.until(lambda: lamp.outcomes[-1] is Outcome.GRANTED)
    assert Outcome.REFUSED not in lamp.outcomes


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
        threads.show("lane1", None, Outcome.BLOCKED, None)
        sound.until(lambda: Outcome.BLOCKED in sound.outcomes)
        lamp.fails = None
        lamp.until(lambda: lamp.outcomes[-1:] == [Outcome.BLOCKED])
    states = [(state, detail) for name, state, detail in told.notes if name == "led"]
    assert [state for state, _ in states] == ["down", "up"]
    assert str(failure) in states[0][1]
    assert lamp.closed >= 2
