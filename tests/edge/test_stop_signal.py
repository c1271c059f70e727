"""How the main thread waits for its end."""

import os
import signal
import threading

from portillon_edge.stop_signal import StopSignal


def test_signal_ends_the_wait() -> None:
    """SIGTERM is a wish to stop, not a death; the former handler is back afterwards."""
    before = signal.getsignal(signal.SIGTERM)
    with StopSignal() as stop:
        assert not stop.wait(0)
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.wait(5)
        assert stop.failure is None
    assert signal.getsignal(signal.SIGTERM) is before


def test_failure_ends_the_wait_and_is_told() -> None:
    """A part that cannot go on wakes the main thread; the first reason counts."""
    with StopSignal() as stop:
        threading.Thread(target=lambda: (stop.fail("the door loop broke"), stop.fail("later"))).start()
        assert stop.wait(5)
        assert stop.failure == "the door loop broke"
