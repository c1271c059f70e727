"""What stands on the health board after each kind of news."""

from portillon_drivers.events import InputChanged, InputDown, InputUp, ReaderDown, ReaderUp
from portillon_edge.domain.events import EventKind, EventTime, NewEvent
from portillon_edge.guard.protocol import GuardLost, GuardUp, Locked, OutputFault, Released, Why
from portillon_edge.health.board import GUARD, LAST_EVENTS_MAX, HealthBoard
from portillon_rules.decision import TimeQuality


def board() -> HealthBoard:
    return HealthBoard(
        {GUARD: "guard", "lane1-reader": "reader rdm6300", "passage": "input modbus", "relay": "output lcus_relay"}
    )


def state(on: HealthBoard, name: str) -> tuple[str, str]:
    return next((device.state, device.detail) for device in on.devices() if device.name == name)


def test_everything_is_down_until_it_says_otherwise() -> None:
    """Nothing is taken for healthy that was never heard of."""
    assert {device.state for device in board().devices()} == {"down"}


def test_devices_come_and_go() -> None:
    """Up, down and fault, each with what is wrong."""
    on = board()
    for event in (ReaderUp("lane1-reader", 0), InputUp("passage", 0), Locked("relay", 0, Why.START)):
        on.note(event)
    assert state(on, "lane1-reader") == state(on, "passage") == state(on, "relay") == ("up", "")
    on.note(ReaderDown("lane1-reader", "unplugged", 1))
    on.note(InputDown("passage", "no answer", 1))
    on.note(OutputFault("relay", "no such device", 1))
    assert state(on, "lane1-reader") == ("down", "unplugged")
    assert state(on, "passage") == ("down", "no answer")
    assert state(on, "relay") == ("fault", "no such device")
    on.note(Released("relay", 2))
    assert state(on, "relay") == ("up", "")


def test_no_guard_means_no_outputs() -> None:
    """An output that nobody drives is not up, whatever it was."""
    on = board()
    on.note(GuardUp(1, 0, "digest"))
    on.note(Locked("relay", 0, Why.START))
    on.note(GuardLost("killed", 1))
    assert state(on, GUARD) == ("down", "killed")
    assert state(on, "relay")[0] == "down"


def test_news_about_nothing_known_is_ignored() -> None:
    """Levels of inputs and strangers change no device."""
    on = board()
    before = on.devices()
    on.note(InputChanged("passage", True, 0))
    on.note(ReaderUp("stranger", 0))
    assert on.devices() == before


def test_last_events_are_bounded() -> None:
    """The newest ones stay."""
    on = board()
    at = EventTime(boot_id="b", boot_ns=0, real_ms=None, business_ms=None, quality=TimeQuality.UNKNOWN)
    for number in range(LAST_EVENTS_MAX + 5):
        on.remember(NewEvent(kind=EventKind.DENIED, at=at, detail=str(number)))
    assert [event.detail for event in on.last()] == [str(n) for n in range(5, LAST_EVENTS_MAX + 5)]
