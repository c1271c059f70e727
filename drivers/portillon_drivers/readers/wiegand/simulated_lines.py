"""Lines of a simulated chip: speaks to its socket as GpiodLines speaks to the kernel."""

import errno
import json
import os
import socket
import time
from typing import Any

from portillon_drivers.readers.wiegand.chip_failures import chip_failures
from portillon_drivers.readers.wiegand.edges import ChipLines, Edge, Line
from portillon_drivers.readers.wiegand.timing import EVENT_QUEUE_EDGES

ANSWER_S_MAX = 5.0
"""A simulated chip that says nothing for this long beyond what it was asked to wait has hung."""


class SimulatedLines:
    """Fills EdgeLines."""

    def __init__(self, lines: ChipLines) -> None:
        self._lines = lines
        self._by_offset = lines.by_offset
        self._socket: socket.socket | None = None
        self._answers: Any = None

    def open(self) -> None:
        """Connect, and request the lines."""
        self.close()
        with chip_failures(self._lines, "cannot be opened"):
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                self._socket.connect(str(self._lines.chip))
                self._answers = self._socket.makefile("rb")
                levels = [offset for offset, line in self._by_offset.items() if line is Line.TAMPER]
                falling = [offset for offset in self._by_offset if offset not in levels]
                self._ask(do="request", falling=falling, levels=levels, queue=EVENT_QUEUE_EDGES)
            except OSError:
                self.close()
                raise

    def close(self) -> None:
        """Hang up: the lines are free."""
        if self._answers is not None:
            self._answers.close()
        if self._socket is not None:
            self._socket.close()
        self._socket = self._answers = None

    def clock_ns(self) -> int:
        """The clock of the simulated edges."""
        return time.monotonic_ns()

    def wait(self, timeout_ns: int) -> None:
        """Sleep until the chip has an edge."""
        with chip_failures(self._lines, "was lost"):
            self._ask(do="wait", timeout_ns=timeout_ns)

    def read(self) -> list[Edge]:
        """What the chip has queued."""
        with chip_failures(self._lines, "was lost"):
            told = self._ask(do="read")
        return [Edge(self._by_offset[offset], at_ns, seqno) for at_ns, offset, seqno in told["edges"]]

    def low(self) -> frozenset[Line]:
        """The levels of the lines."""
        with chip_failures(self._lines, "was lost"):
            told = self._ask(do="low")
        return frozenset(self._by_offset[offset] for offset in told["low"])

    def _ask(self, **asked: Any) -> dict[str, Any]:
        if self._socket is None:
            raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))
        self._socket.settimeout(ANSWER_S_MAX + asked.get("timeout_ns", 0) / 1e9)
        try:
            self._socket.sendall(json.dumps(asked).encode() + b"\n")
            line = self._answers.readline()
        except ConnectionError:
            line = b""
        told: dict[str, Any] = json.loads(line) if line else {"errno": errno.ENODEV}
        if "errno" in told:
            raise OSError(told["errno"], os.strerror(told["errno"]))
        return told
