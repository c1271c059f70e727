"""A peer's process, as a test sees it: JSON lines in, JSON lines out."""

import json
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

HERE = Path(__file__).parent
ENVIRONMENTS = HERE.parents[1] / ".peers"
WAIT_S = 20.0
"""Nothing waits for this long but a test that fails."""


def missing() -> str | None:
    """Why the peers cannot run here; None if they can."""
    return None if (ENVIRONMENTS / "ready").exists() else "the OSDP peers are not built here: run `make peers`"


class Peer:
    """One peer that runs `script` under the Python of `environment`; a context manager."""

    def __init__(self, environment: str, script: str, options: dict[str, Any]) -> None:
        python = ENVIRONMENTS / environment / "bin" / "python"
        self._begin([str(python), str(HERE / script)], options)

    @classmethod
    def of(cls, command: list[str], options: dict[str, Any]) -> Self:
        """The same with a program of our own."""
        made = cls.__new__(cls)
        made._begin(command, options)
        return made

    def _begin(self, command: list[str], options: dict[str, Any]) -> None:
        self._command = [*command, json.dumps(options)]
        self.told: list[dict[str, Any]] = []
        self._news = threading.Condition()

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()
        self.wait_for(lambda told: "ready" in told)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait(WAIT_S)
        self._thread.join()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def do(self, what: str, /, **details: Any) -> None:
        """Ask it to do something."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": what, **details}) + "\n")
        self._process.stdin.flush()

    def wait_for(self, what: Callable[[dict[str, Any]], bool], after: int = 0) -> dict[str, Any]:
        """The first thing told that fits, from place `after` on; waits for it."""
        with self._news:
            met = self._news.wait_for(lambda: any(map(what, self.told[after:])), WAIT_S)
            assert met, (self._process.poll(), self.told[-20:])
            return next(told for told in self.told[after:] if what(told))

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._news:
                self.told.append(json.loads(line))
                self._news.notify_all()
