"""Outputs that their devices time: bounds, holds, health, and the router that hides whose an output is."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portillon_drivers.errors import TransientDeviceError
from portillon_drivers.events import OutputDown, OutputLocked, OutputReleased, TellOutput
from portillon_drivers.options import OutputOptions
from portillon_edge.doors import timed_outputs
from portillon_edge.doors.errors import OutputUnavailable
from portillon_edge.doors.machine import HOLD_MS
from portillon_edge.doors.timed_outputs import OutputRouter, ReleaseBound, TimedOutputs
from portillon_edge.guard.protocol import GuardEvent, GuardLost, Locked, OutputFault, Released, RequestRefused, Why

MS = 1_000_000
MAX_ON_MS = 10_000


class Relay:
    """A device that counts by itself; `away`: it cannot be asked."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.away = False
        self.orders: list[int | str] = []
        self.told: TellOutput = lambda _: None

    def attend(self, told: TellOutput) -> None:
        self.told = told

    def release(self, for_ms: int) -> None:
        self._take(for_ms)

    def lock(self) -> None:
        self._take("lock")

    def _take(self, order: int | str) -> None:
        if self.away:
            raise TransientDeviceError("/dev/bus is not open")
        self.orders.append(order)


class Side:
    """The guard's side of the router: remembers what it is asked and told."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.noted: list[GuardEvent] = []

    def note(self, event: GuardEvent) -> None:
        self.noted.append(event)

    def available(self, output: str) -> bool:
        return output == "guards"

    def release(self, output: str, on_ms: int) -> None:
        self.asked.append(("release", output, on_ms))

    def hold(self, output: str) -> None:
        self.asked.append(("hold", output))

    def lock(self, output: str) -> None:
        self.asked.append(("lock", output))


class Stage:
    """Two timed outputs, of which one may be held, behind a router."""

    def __init__(self) -> None:
        self.now_ms = 1_000
        self.heard: list[GuardEvent] = []
        self.strike, self.maglock, self.side = Relay("strike"), Relay("maglock"), Side()
        sections = [
            OutputOptions(name=name, type="t", wiring="energise_to_release", max_on_ms=MAX_ON_MS, continuous=continuous)
            for name, continuous in (("strike", False), ("maglock", True), ("guards", False))
        ]
        relays = [self.strike, self.maglock]
        self.timed = TimedOutputs(relays, sections, clock_ns=lambda: self.now_ms * MS, tell=self._tell)
        self.router = OutputRouter(self.side, self.timed)

    def _tell(self, event: GuardEvent) -> None:
        self.heard.append(event)
        self.router.note(event)


def test_available_only_after_the_device_locked() -> None:
    """Nothing is taken for drivable before its device has locked when told to, nor after it failed."""
    stage = Stage()
    assert not stage.router.available("strike")
    stage.strike.told(OutputLocked("strike", 1, asked=False))
    assert stage.router.available("strike") and not stage.router.available("maglock")
    stage.strike.told(OutputDown("strike", "no answer", 2))
    assert not stage.router.available("strike")
    assert stage.heard == [Locked("strike", 1, Why.RECONNECTED), OutputFault("strike", "no answer", 2)]


def test_the_device_is_told_how_long() -> None:
    """A release carries its time, a lock ends it, and what the device did is told in the guard's words."""
    stage = Stage()
    stage.router.release("strike", 500)
    stage.router.lock("strike")
    assert stage.strike.orders == [500, "lock"]
    stage.strike.told(OutputReleased("strike", 7))
    stage.strike.told(OutputLocked("strike", 8, asked=True))
    assert stage.heard == [Released("strike", 7), Locked("strike", 8, Why.ASKED)]


def test_asking_again_lengthens_up_to_the_bound() -> None:
    """Card after card cannot keep an output releasing past max_on_ms from when it began; after that it may again."""
    stage = Stage()
    for _ in range(4):
        stage.router.release("strike", 5_000)
        stage.now_ms += 2_500
    assert stage.strike.orders == [5_000, 5_000, 5_000, 2_500]
    stage.router.release("strike", 5_000)
    assert stage.strike.orders[-1] == 5_000


def test_a_hold_is_renewed_and_bounds_nothing() -> None:
    """Each hold tells the device five seconds more, for as long as it is asked for."""
    stage = Stage()
    for _ in range(20):
        stage.router.hold("maglock")
        stage.now_ms += 2_000
    assert stage.maglock.orders == [HOLD_MS] * 20


def test_neither_shortens_the_other() -> None:
    """A card at a held door does not end the hold, and a hold does not end a longer release."""
    stage = Stage()
    stage.router.hold("maglock")
    stage.router.release("maglock", 500)
    stage.router.release("maglock", 8_000)
    stage.router.hold("maglock")
    assert stage.maglock.orders == [HOLD_MS, HOLD_MS, 8_000, 8_000]


def test_only_continuous_outputs_are_held() -> None:
    """A coil that may not stay so for hours is not held: it is refused in words, and nothing moves."""
    stage = Stage()
    stage.router.hold("strike")
    assert stage.strike.orders == []
    [refused] = stage.heard
    assert isinstance(refused, RequestRefused) and "continuous" in refused.detail


def test_a_line_that_is_not_open_is_an_unavailable_output() -> None:
    """What cannot be asked is said to the door, never a silent success."""
    stage = Stage()
    stage.maglock.away = True
    for order in (lambda: stage.router.release("maglock", 500), lambda: stage.router.hold("maglock")):
        with pytest.raises(OutputUnavailable, match="not open"):
            order()
    with pytest.raises(OutputUnavailable, match="not open"):
        stage.router.lock("maglock")


def test_the_router_asks_whoever_has_the_output() -> None:
    """The guard's outputs go to the guard and the others do not; a lost guard is no loss of a timed output."""
    stage = Stage()
    stage.maglock.told(OutputLocked("maglock", 1, asked=False))
    stage.router.release("guards", 500)
    stage.router.hold("guards")
    stage.router.lock("guards")
    assert stage.side.asked == [("release", "guards", 500), ("hold", "guards"), ("lock", "guards")]
    stage.router.note(GuardLost("killed", 2))
    stage.router.note(Locked("guards", 3, Why.START))
    assert stage.side.noted == [GuardLost("killed", 2), Locked("guards", 3, Why.START)]
    assert stage.router.available("maglock") and stage.router.available("guards")


REQUESTS = st.lists(st.tuples(st.sampled_from(["release", "lock"]), st.integers(1, 60_000), st.integers(0, 15_000)))


def longest_release_ms(requests: list[tuple[str, int, int]]) -> int:
    """How long a device that does as told releases in one go at most, card after card."""
    bound, now_ms, since_ms, until_ms, longest_ms = ReleaseBound(MAX_ON_MS), 0, 0, 0, 0
    for kind, on_ms, pause_ms in requests:
        if kind == "lock":
            bound.lock()
            until_ms = now_ms
        else:
            if now_ms >= until_ms:
                since_ms = now_ms
            until_ms = now_ms + bound.release(on_ms, now_ms * MS)
            longest_ms = max(longest_ms, until_ms - since_ms)
        now_ms += pause_ms
    return longest_ms


@given(requests=REQUESTS)
def test_no_sequence_of_requests_passes_the_bound(requests: list[tuple[str, int, int]]) -> None:
    """Whatever is asked and when, a device that counts down what it was told never releases longer than max_on_ms."""
    assert longest_release_ms(requests) <= MAX_ON_MS


def test_without_the_bound_a_row_of_cards_would_hold_it_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ablation: it is this rule alone that ends a release which is asked for again and again."""
    cards = [("release", 5_000, 2_500)] * 20
    assert longest_release_ms(cards) <= MAX_ON_MS
    monkeypatch.setattr(timed_outputs.ReleaseBound, "release", lambda _self, on_ms, _now_ns: on_ms)
    assert longest_release_ms(cards) > MAX_ON_MS
