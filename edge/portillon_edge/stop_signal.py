"""How the main thread waits: for SIGTERM, SIGINT, SIGHUP, or a part of the gateway that cannot go on.

The handler does nothing; Python writes the signal's number to a socket. So no lock is ever taken inside a handler,
which could be the lock that the interrupted thread holds.
"""

import select
import signal
import socket
from contextlib import suppress
from types import TracebackType
from typing import Self

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""SIGHUP too: a terminal that closes, or somebody who expects a reload, must not end this without its doors locked."""


class StopSignal:
    """Used by the main thread; `fail` by any."""

    def __init__(self) -> None:
        self._reads, self._writes = socket.socketpair()
        self._writes.setblocking(False)
        self.failure: str | None = None

    def __enter__(self) -> Self:
        """Take over the signals."""
        self._wakeup_before = signal.set_wakeup_fd(self._writes.fileno(), warn_on_full_buffer=False)
        self._before = [(number, signal.signal(number, lambda *_: None)) for number in SIGNALS]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before:
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup_before)
        self._reads.close()
        self._writes.close()

    def fail(self, why: str) -> None:
        """Wake the main thread: something cannot go on, and starting again may help."""
        self.failure = self.failure or why
        with suppress(OSError):  # already full of reasons to stop, or already stopping
            self._writes.send(b"\0")

    def wait(self, seconds: float) -> bool:
        """True as soon as the gateway should stop; False after `seconds`."""
        return bool(select.select([self._reads], [], [], seconds)[0])
