"""How the main thread waits for its end."""

import os
import signal
import threading

import pytest
from portillon_edge.stop_signal import StopSignal


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda number: number.name)
def test_signal_ends_the_wait(number: signal.Signals) -> None:
    """Each is a wish to stop, not a death; the former handler is back afterwards."""
    before = signal.getsignal(number)
    with StopSignal() as stop:
        assert not stop.wait(0)
        os.kill(os.getpid(), number)
        assert stop.wait(5)
        assert stop.failure is None
    assert signal.getsignal(number) is before


def test_failure_ends_the_wait_and_is_told() -> None:
    """A part that cannot go on wakes the main thread; the first reason counts."""
    with StopSignal() as stop:
        threading.Thread(target=lambda: (stop.fail("the door loop broke"), stop.fail("later"))).start()
        assert stop.wait(5)
        assert stop.failure == "the door loop broke"
