"""The guard's shell: one thread, one selector, no queue. Carries out what `core.py` decides."""

import logging
import os
import selectors
import signal
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from portillon_drivers.errors import DriverError
from portillon_drivers.ports import Output

from portillon_edge.guard.core import REFRESH_NS, Action, Drive, GuardCore, Reopen
from portillon_edge.guard.errors import ProtocolError
from portillon_edge.guard.protocol import (
    LINE_BYTES_MAX,
    ClientRefused,
    GuardUp,
    Lines,
    OutputFault,
    Reply,
    Request,
    Stop,
    decode_request,
    encode,
)

log = logging.getLogger("portillon.guard")

READS_MAX = 100
"""One look at a client's line takes at most so many times LINE_BYTES_MAX; the rest waits for the next look."""


@dataclass(slots=True)
class _Client:
    line: socket.socket
    lines: Lines


class GuardServer:
    """Owns the outputs and serves one client; `serve` returns once everything is locked for the last time."""

    def __init__(
        self,
        *,
        outputs: Mapping[str, Output],
        core: GuardCore,
        outputs_digest: str,
        clock_ns: Callable[[], int],
        idle_ns_max: int | None = None,
    ) -> None:
        self._outputs = outputs
        self._core = core
        self._digest = outputs_digest
        self._clock_ns = clock_ns
        self._idle_ns_max = idle_ns_max
        self._started_ns = self._idle_since_ns = clock_ns()
        self._client: _Client | None = None
        self._stopping = False
        self._selector = selectors.DefaultSelector()

    def lock_everything(self) -> None:
        """The first thing of all: before it, nobody knows how a latching board was left."""
        self._do(self._core.start())

    def serve(self, listener: socket.socket) -> None:
        """Serve until SIGTERM, SIGINT, SIGHUP, a client's `Stop`, or too long without one; then lock everything."""
        signals, signalled = socket.socketpair()
        for line in (signals, signalled, listener):
            line.setblocking(False)
        signal.set_wakeup_fd(signalled.fileno())
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: None)  # the wake-up descriptor tells it
        self._selector.register(signals, selectors.EVENT_READ, self._stop)
        self._selector.register(listener, selectors.EVENT_READ, lambda: self._accept(listener))
        try:
            while not self._stopping:
                for key, _ in self._selector.select(self._wait_s()):
                    key.data()
                self._do(self._core.tick(self._clock_ns()))
                self._stop_if_idle()
        finally:
            self._do(self._core.stop())
            self._drop_client()
            for output in self._outputs.values():
                output.close()
            signal.set_wakeup_fd(-1)
            self._selector.close()
            signals.close()
            signalled.close()
        log.info("everything is locked; the guard ends")

    def _wait_s(self) -> float:
        # Whole milliseconds, rounded down: a selector rounds up, and a release must not end late. The rest is spun.
        due_ns = min(self._core.next_ns() - self._clock_ns(), REFRESH_NS)
        return max(0, due_ns) // 1_000_000 / 1_000

    def _stop(self) -> None:
        self._stopping = True

    def _stop_if_idle(self) -> None:
        idle_ns = self._clock_ns() - self._idle_since_ns
        if self._client is None and self._idle_ns_max is not None and idle_ns > self._idle_ns_max:
            log.info("no gateway came for %d s", idle_ns // 1_000_000_000)
            self._stopping = True

    def _accept(self, listener: socket.socket) -> None:
        try:
            line, _ = listener.accept()
        except OSError as error:  # the client went away again before it was served
            log.warning("a client could not be accepted: %s", error)
            return
        line.setblocking(False)
        # One gateway's end and the next one's arrival may be seen in either order: look whether the line has ended.
        self._receive()
        if self._client is not None:
            with suppress(OSError):  # it went away: then it need not be told
                line.send(encode(ClientRefused("another gateway process is connected to this guard; stop that one")))
            line.close()
            return
        self._client = _Client(line, Lines())
        self._selector.register(line, selectors.EVENT_READ, self._receive)
        self._tell(GuardUp(os.getpid(), self._started_ns, self._digest))
        self._do(self._core.client_came())

    def _receive(self) -> None:
        client = self._client
        if client is None:
            return
        try:
            data, ended = _drain(client.line)
            requests = [decode_request(line) for line in client.lines.feed(data)]
        except OSError as error:
            log.warning("the gateway's line failed: %s", error)
            self._drop_client()
        except ProtocolError as error:
            # Nothing that such a client asks for can be trusted: it is let go, and everything locks.
            log.error("the gateway sent %s", error)
            self._drop_client()
        else:
            self._handle(requests, ended)
            if ended:
                self._drop_client()

    def _handle(self, requests: Sequence[Request], ended: bool) -> None:
        for request in requests:
            if isinstance(request, Stop):
                self._stopping = True
            elif not ended:  # a guard that slept must not release for a gateway that is gone
                self._do(self._core.handle(request, self._clock_ns()))

    def _do(self, actions: Iterable[Action]) -> None:
        for action in actions:
            if isinstance(action, Drive | Reopen):
                self._do(self._drive(action))
            else:
                self._tell(action.message)

    def _drive(self, action: Drive | Reopen) -> list[Action]:
        output = self._outputs[action.output]
        try:
            if isinstance(action, Reopen):
                output.open()
                output.set(False)
            else:
                output.set(action.releasing, action.at_most_ms)
        except DriverError as error:
            return self._core.failed(action.output, str(error), self._clock_ns())
        return self._core.driven(action.output, self._clock_ns())

    def _tell(self, message: Reply) -> None:
        if isinstance(message, OutputFault):
            log.error("output %s: %s", message.output, message.detail)
        if self._client is None:
            return
        line = encode(message)
        try:
            whole = self._client.line.send(line) == len(line)
        except BlockingIOError:
            whole = False
        except OSError as error:
            log.warning("the gateway is gone: %s", error)
            self._drop_client()
            return
        if not whole:
            log.error("the gateway has not read for so long that no more can be told: it is let go")
            self._drop_client()

    def _drop_client(self) -> None:
        client, self._client = self._client, None
        if client is None:
            return
        self._selector.unregister(client.line)
        client.line.close()
        self._idle_since_ns = self._clock_ns()
        self._do(self._core.client_gone())


def _drain(line: socket.socket) -> tuple[bytes, bool]:
    """What has arrived, and whether the other side has ended the line after it; raises OSError."""
    received: list[bytes] = []
    for _ in range(READS_MAX):
        try:
            data = line.recv(LINE_BYTES_MAX)
        except BlockingIOError:
            break
        if not data:
            return b"".join(received), True
        received.append(data)
    return b"".join(received), False
