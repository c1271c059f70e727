"""What both libosdp peers need: a pty as its channel, requests from the standard input, answers as JSON lines."""

import json
import os
import time
import tty
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from osdp import Channel

SOM = 0x53
FRAME_BYTES_MAX = 1_440

# libosdp logs to the standard output, which is ours for JSON.
_answers = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)


def tell(**what: Any) -> None:
    """One JSON line to whoever started this, with the time in ns on CLOCK_MONOTONIC."""
    _answers.write(json.dumps({"at_ns": time.monotonic_ns(), **what}) + "\n")


class Requests:
    """JSON lines from the standard input; ended by {"do": "stop"} or by the end of the input."""

    def __init__(self) -> None:
        self.ended = False
        self._pending = b""

    def read(self) -> Iterator[dict[str, Any]]:
        """What has come; call it when there is something to read."""
        data = os.read(0, 65_536)
        *lines, self._pending = (self._pending + data).split(b"\n")
        self.ended = not data
        for line in lines:
            asked: dict[str, Any] = json.loads(line)
            self.ended |= asked["do"] == "stop"
            if not self.ended:
                yield asked


class PtyChannel(Channel):
    """A pty as libosdp's channel; it never raises, because an exception would end libosdp's refresh for good."""

    def __init__(self, path: str, *, whole_frames: bool) -> None:
        super().__init__()
        self.id = 1
        self._whole_frames = whole_frames
        self._pending = b""
        self._whole = b""
        self.fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(self.fd)

    def read(self, max_bytes: int) -> bytes:
        """What has come, or the next whole frame of it (in as many reads as libosdp makes of it)."""
        if not self._whole_frames:
            return self._read(max_bytes)
        if not self._whole:
            self._pending += self._read(4_096)
            self._whole = self._frame()
        data, self._whole = self._whole[:max_bytes], self._whole[max_bytes:]
        return data

    def write(self, buf: bytes) -> int:
        """All or nothing is told as sent: if nobody listens, the bytes are gone, as on a wire."""
        with suppress(OSError):
            os.write(self.fd, buf)
        return len(buf)

    def flush(self) -> None:
        """Nothing to do: a pty has no drain."""

    def _read(self, max_bytes: int) -> bytes:
        try:
            return os.read(self.fd, max_bytes)
        except OSError:
            return b""

    def _frame(self) -> bytes:
        while True:
            start = self._pending.find(SOM)
            self._pending = b"" if start < 0 else self._pending[start:]
            length = int.from_bytes(self._pending[2:4], "little")
            if len(self._pending) < 4 or 7 <= length <= FRAME_BYTES_MAX:
                break
            self._pending = self._pending[1:]
        if len(self._pending) < max(4, length):
            return b""
        frame, self._pending = self._pending[:length], self._pending[length:]
        return frame
