"""What the doors may believe of their outputs."""

import pytest
from portillon_edge.doors.errors import OutputUnavailable
from portillon_edge.doors.guarded_outputs import GuardedOutputs
from portillon_edge.guard.errors import GuardUnavailableError
from portillon_edge.guard.protocol import GuardLost, Locked, OutputFault, Released, Why


class Guard:
    """Remembers orders; `away` refuses them."""

    def __init__(self) -> None:
        self.away = False
        self.orders: list[tuple[object, ...]] = []

    def release(self, output: str, on_ms: int) -> None:
        self._take("release", output, on_ms)

    def hold(self, output: str) -> None:
        self._take("hold", output)

    def lock(self, output: str) -> None:
        self._take("lock", output)

    def _take(self, *order: object) -> None:
        if self.away:
            raise GuardUnavailableError("no guard is connected")
        self.orders.append(order)


def test_available_only_after_the_guard_said_so() -> None:
    """Nothing is taken for drivable before the guard has locked it once, nor after a fault or without a guard."""
    outputs = GuardedOutputs(Guard())
    assert not outputs.available("relay")
    outputs.note(Locked("relay", 0, Why.START))
    assert outputs.available("relay")
    outputs.note(OutputFault("relay", "unplugged", 1))
    assert not outputs.available("relay")
    outputs.note(Released("relay", 2))
    assert outputs.available("relay")
    outputs.note(GuardLost("killed", 3))
    assert not outputs.available("relay")


def test_orders_go_to_the_guard_or_say_why_not() -> None:
    """A guard that cannot be told is an unavailable output, never a silent success."""
    guard = Guard()
    outputs = GuardedOutputs(guard)
    outputs.release("relay", 500)
    outputs.hold("relay")
    outputs.lock("relay")
    assert guard.orders == [("release", "relay", 500), ("hold", "relay"), ("lock", "relay")]
    guard.away = True
    with pytest.raises(OutputUnavailable, match="no guard"):
        outputs.release("relay", 500)
    with pytest.raises(OutputUnavailable, match="no guard"):
        outputs.lock("relay")


def test_a_hold_without_a_guard_is_no_fault_of_its_own() -> None:
    """The guard's absence is told once, by its client; a door that is to stand free asks again every two seconds."""
    guard = Guard()
    guard.away = True
    GuardedOutputs(guard).hold("relay")
    assert not guard.orders
