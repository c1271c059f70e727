"""What is told of one input line: settled changes, troubles, flapping once, and people who want out always."""

from itertools import pairwise
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from portillon_drivers.events import InputChanged, InputEvent, InputTroubled, LineTrouble
from portillon_drivers.inputs import flapping
from portillon_drivers.inputs.flapping import Flapping
from portillon_drivers.inputs.line_watch import Found, LineWatch
from portillon_drivers.options import InputOptions

MS = 1_000_000
CUT = Found(LineTrouble.CUT, "cut at the far end")


class OptionsHere(InputOptions):
    """An input at a place that a test can name."""

    @property
    def place(self) -> str:
        return "terminal 3"


class Line:
    """Samples a line every 5 ms, as the shells do, and keeps what is told."""

    def __init__(self, *, active: Literal["closed", "open"] = "closed", **options: Any) -> None:
        self.watch = LineWatch(OptionsHere.model_validate({"name": "exit", "type": "t", "active": active, **options}))
        self.now_ms = 0
        self.told: list[InputEvent] = []

    def stand(self, found: bool | Found, for_ms: int) -> list[InputEvent]:
        """Let the line stand like this; what was told meanwhile."""
        seen = len(self.told)
        for _ in range(0, for_ms, 5):
            sample = found if isinstance(found, Found) else Found(found)
            self.told += self.watch.sample(sample, self.now_ms * MS)
            self.now_ms += 5
        return self.told[seen:]

    def shake(self, times: int, each_ms: int = 50) -> list[InputEvent]:
        """Close and open it again and again; it ends open."""
        seen = len(self.told)
        for _ in range(times):
            self.stand(True, each_ms)
            self.stand(False, each_ms)
        return self.told[seen:]


def meaning(events: list[InputEvent]) -> list[bool | LineTrouble]:
    """The events without their times and words."""
    words: list[bool | LineTrouble] = []
    for event in events:
        assert isinstance(event, InputChanged | InputTroubled)
        words.append(event.active if isinstance(event, InputChanged) else event.trouble)
    return words


def test_a_state_is_told_once_it_has_stood() -> None:
    """The first state and each later one are told once, at the moment at which they had stood long enough."""
    line = Line()
    line.stand(False, 100)
    line.stand(True, 100)
    assert line.told == [InputChanged("exit", False, 20 * MS), InputChanged("exit", True, 120 * MS)]


def test_active_decides_what_an_open_contact_means() -> None:
    """A normally closed contact is active when it opens."""
    assert meaning(Line(active="open").stand(False, 100)) == [True]


def test_a_trouble_ends_with_the_next_good_state() -> None:
    """A cut line is told with its detail, then the state that is found when it is mended, even if it is the old one."""
    line = Line()
    line.stand(False, 100)
    [cut] = line.stand(CUT, 100)
    assert cut == InputTroubled("exit", LineTrouble.CUT, "cut at the far end", 120 * MS)
    assert meaning(line.stand(False, 100)) == [False]


def test_one_trouble_may_become_another() -> None:
    """Cut and short are two troubles, each told."""
    line = Line()
    line.stand(CUT, 100)
    assert meaning(line.stand(Found(LineTrouble.SHORT), 100)) == [LineTrouble.SHORT]


def test_a_short_touch_is_nothing() -> None:
    """A wire that is short for less than the debounce time is neither a change nor a trouble."""
    line = Line()
    line.stand(False, 100)
    line.stand(Found(LineTrouble.SHORT), 15)
    assert line.stand(False, 100) == []


def test_flapping_is_told_once_and_then_withheld() -> None:
    """The 41st change within ten seconds is told as flapping, with the place; the hundreds after it are not told."""
    line = Line()
    line.stand(False, 100)
    told = line.shake(300)
    assert len(meaning(told)) == 41 and meaning(told)[-1] is LineTrouble.FLAPPING
    assert isinstance(told[-1], InputTroubled) and "terminal 3" in told[-1].detail


def test_a_calm_line_is_believed_again() -> None:
    """Once it has calmed its state is told, and its changes are told again."""
    line = Line()
    line.stand(False, 100)
    line.shake(50)
    assert meaning(line.stand(True, 12_000)) == [True]
    assert meaning(line.stand(False, 100)) == [False]


def test_it_is_calm_only_at_half_the_bound() -> None:
    """A line that goes on at just under the bound stays withheld: it is not told again each time it crosses."""
    line = Line()
    line.stand(False, 100)
    line.shake(30)
    assert line.shake(60, each_ms=270) == []


def test_a_busy_lane_does_not_flap() -> None:
    """Somebody through the tripod every 0.6 s for a minute: each passage is told."""
    line = Line()
    line.stand(False, 100)
    assert meaning(line.shake(100, each_ms=300)) == [True, False] * 100


def test_a_line_that_never_settles_is_told() -> None:
    """Chatter that is faster than the debounce time is no silence: after a second it is flapping, told once."""
    line = Line()
    line.stand(False, 100)
    told = line.shake(500, each_ms=5)
    assert meaning(told) == [LineTrouble.FLAPPING]
    assert isinstance(told[0], InputTroubled) and "settling" in told[0].detail
    assert meaning(line.stand(False, 12_000)) == [False]


def test_whoever_wants_out_is_never_withheld() -> None:
    """Each time a flapping egress input turns active it is told, however often; only its falls are withheld."""
    line = Line(egress=True)
    line.stand(False, 100)
    told = meaning(line.shake(300))
    assert told.count(True) == 300 and told.count(LineTrouble.FLAPPING) == 1
    assert told.count(False) < 30


def test_an_egress_input_that_only_chatters_counts_as_pressed() -> None:
    """Nobody is kept in by a worn button: it is told as pressed, then as flapping."""
    line = Line(egress=True)
    line.stand(False, 100)
    assert meaning(line.shake(500, each_ms=5)) == [True, LineTrouble.FLAPPING]


def test_a_lost_line_begins_anew() -> None:
    """After the board was away, the state found is told even if it is the old one, and old changes are forgotten."""
    line = Line()
    line.stand(False, 100)
    line.shake(300)
    line.watch.forget()
    assert meaning(line.stand(False, 100)) == [False]
    assert meaning(line.shake(5)) == [True, False] * 5


STANDING = st.lists(st.tuples(st.sampled_from([True, False, CUT]), st.integers(1, 400)), max_size=120)


@settings(max_examples=60)
@given(spans=STANDING, egress=st.booleans())
def test_whatever_the_line_does(spans: list[tuple[bool | Found, int]], egress: bool) -> None:
    """Few events in any ten seconds but presses of an egress input; and a line that has calmed tells the truth."""
    line = Line(egress=egress, changes_max=8)
    for found, times in spans:
        line.stand(found, 5 * times)
    line.stand(True, 25_000)
    assert meaning(line.told)[-1] is True
    limited = [event for event in line.told if not (egress and event == InputChanged("exit", True, event.at_ns))]
    for first, last in zip(limited, limited[8 + 3 :], strict=False):
        assert last.at_ns - first.at_ns >= flapping.WINDOW_NS
    assert all(first.at_ns <= last.at_ns for first, last in pairwise(line.told))


@settings(max_examples=60)
@given(spans=STANDING)
def test_no_settled_press_of_an_egress_input_is_lost(spans: list[tuple[bool | Found, int]]) -> None:
    """Whatever went before, an egress input that stands active for its debounce time after another state is told."""
    line = Line(egress=True, changes_max=6)
    for found, times in spans:
        line.stand(found, 5 * times)
    line.stand(False, 30)
    assert True in meaning(line.stand(True, 30))


def test_without_the_limit_every_change_would_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ablation: it is the count of changes alone that keeps 600 of them from the journal."""
    monkeypatch.setattr(Flapping, "look", lambda *_: False)
    line = Line()
    line.stand(False, 100)
    assert len(line.shake(300)) == 600


def test_without_the_exception_a_press_would_be_withheld() -> None:
    """Ablation: an input that is not declared egress keeps its presses to itself while it flaps."""
    line = Line(egress=False)
    line.stand(False, 100)
    line.shake(100)
    assert line.stand(True, 100) == []
