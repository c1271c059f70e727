"""Plays a device's electronics at the far end of a pty, in a thread: what arrives is answered."""

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from selectors import EVENT_READ, DefaultSelector

from portillon_drivers.errors import TransientDeviceError
from portillon_drivers.pty_line import PtyLine


class FarEnd:
    """Hands what arrives on a plugged line to `receive` and sends back what that returns, from `start` to `close`."""

    def __init__(self, line: PtyLine, receive: Callable[[bytes], bytes]) -> None:
        self.line = line
        self._receive = receive
        self._lock = threading.Lock()
        self._woken, self._waker = os.pipe()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name=f"far end of {line.link.name}", daemon=True)
        self._thread.start()

    def plug(self) -> None:
        """The device is there."""
        with self._lock:
            self.line.plug()
        self._wake()

    def unplug(self) -> None:
        """The device vanishes."""
        with self._lock:
            self.line.unplug()
        self._wake()

    def close(self) -> None:
        """Take it away for good."""
        self._closing = True
        self._wake()
        self._thread.join()
        self.line.unplug()
        os.close(self._woken)
        os.close(self._waker)

    def _wake(self) -> None:
        os.write(self._waker, b"!")

    def _run(self) -> None:
        while not self._closing:
            with DefaultSelector() as selector:
                selector.register(self._woken, EVENT_READ)
                with self._lock:
                    if self.line.plugged:
                        selector.register(self.line, EVENT_READ)
                ready = {key.fileobj for key, _ in selector.select()}
            if self._woken in ready:
                os.read(self._woken, 64)
            with self._lock, suppress(TransientDeviceError):  # nobody reads the answers: nobody misses them
                if self.line in ready and self.line.plugged and (answer := self._receive(self.line.receive())):
                    self.line.send(answer)
