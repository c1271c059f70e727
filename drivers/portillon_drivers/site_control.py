"""Talks to a simulated site: what demo, story and tests use to be the person at the lane."""

import json
import socket
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from portillon_drivers.errors import TransientDeviceError


class SiteControl:
    """One connection; one request at a time. Use one per thread."""

    def __init__(self, control_path: Path, timeout_s: float = 30) -> None:
        self._line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._line.settimeout(timeout_s)
        try:
            self._line.connect(str(control_path))
        except OSError as error:
            self._line.close()
            raise TransientDeviceError(f"no simulated site answers on {control_path}: {error}") from error
        self._answers = self._line.makefile("rb")

    def do(self, what: str, /, **arguments: Any) -> dict[str, Any]:
        """Send one request and wait for its answer; raises TransientDeviceError if the site says that it failed."""
        self._line.sendall(json.dumps({"do": what, **arguments}).encode() + b"\n")
        line = self._answers.readline()
        answer: dict[str, Any] = json.loads(line) if line else {"ok": False, "error": "the simulated site is gone"}
        if not answer["ok"]:
            raise TransientDeviceError(f"{what}: {answer['error']}")
        return answer

    def badge(self, lane: int, card: str, *, push: bool = False, **arguments: Any) -> dict[str, Any]:
        """Hold a card there; `relay_ns` in the answer is None if the lane did not release."""
        return self.do("badge", lane=lane, card=card, push=push, **arguments)

    def lanes(self) -> list[dict[str, Any]]:
        """The state of every lane."""
        lanes: list[dict[str, Any]] = self.do("state")["lanes"]
        return lanes

    def close(self) -> None:
        """Hang up."""
        self._answers.close()
        self._line.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
