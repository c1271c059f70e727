"""A simulated chip under a path: a Unix socket that answers as the kernel answers a holder of lines.

One JSON object per line each way. A connection is one request; closing it lets go of the lines.
    {"do": "request", "falling": [23, 24], "levels": [25], "queue": 1024}   {} or {"errno": 16}
    {"do": "wait", "timeout_ns": 50000000}                                  {"ready": true}
    {"do": "read"}                                                          {"edges": [[at_ns, offset, seqno], …]}
    {"do": "low"}                                                           {"low": [23]}
"""

import json
import socket
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingMixIn, UnixStreamServer
from typing import Any

from portillon_drivers.readers.wiegand.simulated_chip import LineRequest, Pull, SimulatedChip

REQUEST_BYTES_MAX = 4_096
SHUTDOWN_POLL_S = 0.05


class ChipServer:
    """Plugs a simulated chip in under a path, and out again."""

    def __init__(self, path: Path, clock_ns: Callable[[], int]) -> None:
        self.path = path
        self.clock_ns = clock_ns
        self._chip = SimulatedChip()
        self._changed = threading.Condition()
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    def plug(self) -> None:
        """Appear under the path."""
        if self._server is not None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.unlink(missing_ok=True)
        self._server = _Server(self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(SHUTDOWN_POLL_S,), name=f"chip {self.path}"
        )
        self._thread.start()

    def unplug(self) -> None:
        """Vanish: the path goes, whoever holds lines is told by an error, what was planned never happens."""
        server, self._server = self._server, None
        if server is None or self._thread is None:
            return
        self.path.unlink(missing_ok=True)
        server.shutdown()
        self._thread.join()
        with self._changed:
            self._chip = SimulatedChip()
            server.hang_up()
            self._changed.notify_all()
        server.server_close()

    def plan(self, pulls: Iterable[Pull]) -> None:
        """What will happen to the lines."""
        with self._changed:
            self._chip.plan(pulls)
            self._changed.notify_all()

    def take(self, asked: dict[str, Any]) -> LineRequest:
        """A holder takes lines; raises OSError."""
        with self._changed:
            return self._chip.request(
                falling=asked["falling"],
                levels=asked["levels"],
                queue_edges=asked["queue"],
                now_ns=self.clock_ns(),
            )

    def give_back(self, held: LineRequest) -> None:
        """The holder is gone."""
        with self._changed:
            self._chip.release(held)

    def answer(self, held: LineRequest, asked: dict[str, Any]) -> dict[str, Any]:
        """What the kernel would say to that holder."""
        with self._changed:
            match asked["do"]:
                case "wait":
                    self._wait(held, self.clock_ns() + int(asked["timeout_ns"]))
                    return {"ready": bool(held.queue)}
                case "read":
                    self._chip.advance(self.clock_ns())
                    edges = list(held.queue)
                    held.queue.clear()
                    return {"edges": edges}
                case _:
                    self._chip.advance(self.clock_ns())
                    return {"low": self._chip.low(held.offsets)}

    def _wait(self, held: LineRequest, until_ns: int) -> None:
        chip = self._chip
        while chip is self._chip:  # until it is unplugged
            now_ns = self.clock_ns()
            chip.advance(now_ns)
            if held.queue or now_ns >= until_ns:
                return
            next_ns = until_ns if chip.next_ns is None else min(until_ns, chip.next_ns)
            self._changed.wait((next_ns - now_ns) / 1e9)


class _Server(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True

    def __init__(self, chip: ChipServer) -> None:
        self.chip = chip
        self._held: set[socket.socket] = set()
        super().__init__(str(chip.path), _Holder)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._held.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._held.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """End every connection; their threads see the end of the line."""
        for line in list(self._held):
            with suppress(OSError):  # it hung up first
                line.shutdown(socket.SHUT_RDWR)


class _Holder(StreamRequestHandler):
    """One connection."""

    server: _Server

    def handle(self) -> None:
        chip = self.server.chip
        held: LineRequest | None = None
        with suppress(ConnectionError):  # the holder is gone, or the chip
            while line := self.rfile.readline(REQUEST_BYTES_MAX):
                asked = json.loads(line)
                told: dict[str, Any] = {}
                if held is not None:
                    told = chip.answer(held, asked)
                else:
                    try:
                        held = chip.take(asked)
                    except OSError as error:
                        told = {"errno": error.errno}
                self.wfile.write(json.dumps(told).encode() + b"\n")
        if held is not None:
            chip.give_back(held)
