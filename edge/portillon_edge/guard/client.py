"""The gateway's end of the line to its guard: connects, spawns where asked to, and comes back by itself."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from portillon_drivers.backoff import Backoff

from portillon_edge.guard.errors import GuardError, GuardRefusedError, GuardUnavailableError
from portillon_edge.guard.protocol import (
    LINE_BYTES_MAX,
    ClientRefused,
    GuardEvent,
    GuardLost,
    GuardUp,
    Hold,
    Lines,
    Lock,
    Release,
    Request,
    Stop,
    decode_reply,
    encode,
)
from portillon_edge.guard.spawn import GuardSpawner

POLL_S = 0.2
"""How soon `stop` is obeyed, and how long a request may wait for a guard that does not read."""
ENDING_S_MAX = 1.0
MESSAGES_AT_THE_END_MAX = 100
STARTING_NS_MAX = 5_000_000_000
"""A guard that is only just starting is not told as lost before this."""


class GuardClient:
    """`run` in a thread of its own; `release`, `hold` and `lock` from any thread, each one short write to a socket."""

    def __init__(
        self,
        socket_path: Path,
        *,
        outputs_digest: str,
        clock_ns: Callable[[], int],
        spawner: GuardSpawner | None = None,
    ) -> None:
        self._socket_path = socket_path
        self._digest = outputs_digest
        self._clock_ns = clock_ns
        self._spawner = spawner
        self._sending = threading.Lock()
        self._line: socket.socket | None = None

    def release(self, output: str, on_ms: int) -> None:
        """Ask for a release; `Released` or `OutputFault` follows. Raises GuardUnavailableError: none will happen."""
        self._send(Release(output, on_ms))

    def hold(self, output: str) -> None:
        """Ask to keep it released for HOLD_MS from now; `Released` follows once, or `OutputFault`, or `RequestRefused`.

        A renewal is not answered. Raises GuardUnavailableError: none will happen."""
        self._send(Hold(output))

    def lock(self, output: str) -> None:
        """Ask to lock now; `Locked` follows. Raises GuardUnavailableError: the guard has locked, or its start will."""
        self._send(Lock(output))

    def run(self, emit: Callable[[GuardEvent], None], stop: threading.Event) -> None:
        """Stay connected until `stop`; a client with a spawner then ends the guard, others merely leave it locked."""
        backoff = Backoff()
        told: str | None = None
        quiet_until_ns = self._clock_ns() + STARTING_NS_MAX
        while not stop.is_set():
            try:
                self._serve(emit, stop, backoff)
            except GuardError as error:
                was_up, self._line = self._line is not None, None
                starting = isinstance(error, GuardUnavailableError) and self._clock_ns() < quiet_until_ns
                if was_up or (str(error) != told and not starting):
                    emit(GuardLost(str(error), self._clock_ns()))
                    told = str(error)
                if self._spawner is not None and isinstance(error, GuardUnavailableError):
                    self._spawner.ensure_running()
                stop.wait(backoff.next_s())
        if self._spawner is not None:
            self._spawner.end()

    def _serve(self, emit: Callable[[GuardEvent], None], stop: threading.Event, backoff: Backoff) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(POLL_S)
            try:
                line.connect(str(self._socket_path))
            except OSError as error:
                raise GuardUnavailableError(f"no guard answers on {self._socket_path}: {error}") from error
            lines = Lines()
            while not stop.is_set():
                for received in lines.feed(_receive(line)):
                    message = decode_reply(received)
                    if isinstance(message, ClientRefused):
                        raise GuardRefusedError(message.detail)
                    if isinstance(message, GuardUp):
                        self._accept(message, line)
                        backoff.reset()
                    emit(message)
            self._line = None
            if self._spawner is not None:
                _tell_to_end(line)

    def _accept(self, guard: GuardUp, line: socket.socket) -> None:
        if guard.outputs_digest == self._digest:
            self._line = line
            return
        if self._spawner is None:
            raise GuardRefusedError(
                f"the guard (pid {guard.pid}) runs with other outputs than this configuration's: restart the guard"
            )
        _tell_to_end(line)
        raise GuardUnavailableError("a guard with other outputs than this configuration's was told to end")

    def _send(self, request: Request) -> None:
        with self._sending:
            line = self._line
            if line is None:
                raise GuardUnavailableError(f"no guard is connected on {self._socket_path}")
            try:
                line.sendall(encode(request))
            except OSError as error:
                # Closed, or not read for so long that half a line may have left: no more may follow. The guard locks,
                # and `run` connects anew.
                with suppress(OSError):
                    line.shutdown(socket.SHUT_RDWR)
                raise GuardUnavailableError(f"the guard on {self._socket_path} takes no request: {error}") from error


def _tell_to_end(line: socket.socket) -> None:
    """Send `Stop` and wait until the guard has closed the line: closing it first, with messages unread, would reset the
    connection and could discard the `Stop`."""
    with suppress(OSError):  # gone already, or stuck: the caller goes on either way
        line.sendall(encode(Stop()))
        line.settimeout(ENDING_S_MAX)
        for _ in range(MESSAGES_AT_THE_END_MAX):
            if not line.recv(LINE_BYTES_MAX):
                break


def _receive(line: socket.socket) -> bytes:
    """What arrived, or b"" if nothing did for a while; raises GuardUnavailableError when the guard is gone."""
    try:
        data = line.recv(LINE_BYTES_MAX)
    except TimeoutError:
        return b""
    except OSError as error:
        raise GuardUnavailableError(f"the line to the guard broke: {error}") from error
    if not data:
        raise GuardUnavailableError("the guard closed the line")
    return data
