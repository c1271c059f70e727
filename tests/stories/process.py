"""Real processes of the product, started, watched and killed by a story."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


class StoryError(AssertionError):
    """The first thing that was not so."""


class Process:
    """One process with its log file; ends with the story, whatever happens."""

    def __init__(self, name: str, argv: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None) -> None:
        self.name, self.log = name, log
        self._argv = list(argv)
        self._env = {**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})}
        self._popen: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id; raises StoryError if it was never started."""
        if self._popen is None:
            raise StoryError(f"{self.name} was never started")
        return self._popen.pid

    def alive(self) -> bool:
        """Whether it runs."""
        return self._popen is not None and self._popen.poll() is None

    def start(self) -> None:
        """Start it (again), in a session of its own so that a Ctrl-C reaches only the story."""
        with self.log.open("ab") as log:
            self._popen = subprocess.Popen(
                self._argv, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=self._env, start_new_session=True
            )

    def kill(self) -> None:
        """SIGKILL: no chance to tidy up."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """SIGTERM, and SIGKILL if that takes longer than ten seconds."""
        self._end(signal.SIGTERM)

    def heeds_sigterm(self) -> bool:
        """Whether it has come so far that it handles SIGTERM itself (Linux /proc)."""
        status = (Path("/proc") / str(self.pid) / "status").read_text()
        caught = next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:"))
        return bool(int(caught, 16) >> (signal.SIGTERM - 1) & 1)

    def tell_to_end(self) -> None:
        """SIGTERM, without waiting."""
        os.kill(self.pid, signal.SIGTERM)

    def exit_status(self, *, within_s: float = 10) -> int:
        """Wait until it has ended by itself; raises StoryError if it does not."""
        if self._popen is None:
            raise StoryError(f"{self.name} was never started")
        try:
            return self._popen.wait(within_s)
        except subprocess.TimeoutExpired:
            raise StoryError(f"{self.name} did not end within {within_s:g} s:\n{self.tail()}") from None

    def tail(self, lines: int = 15) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:]) if self.log.exists() else ""

    def _end(self, how: signal.Signals) -> None:
        if self._popen is None or self._popen.poll() is not None:
            return
        self._popen.send_signal(how)
        try:
            self._popen.wait(10)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait(10)


def run(argv: Sequence[str], *, env: Mapping[str, str] | None = None, fine: Sequence[int] = (0,)) -> str:
    """Run a command to its end; raises StoryError with what it printed unless its exit status is `fine`."""
    done = subprocess.run(argv, capture_output=True, text=True, env={**os.environ, **(env or {})}, timeout=300)
    if done.returncode not in fine:
        raise StoryError(f"{' '.join(argv)}\nended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def until(what: str, ask: Callable[[], T | None], *, within_s: float, every_s: float = 0.02) -> T:
    """Ask until the answer is neither None nor False; raises StoryError after `within_s`."""
    deadline = time.monotonic() + within_s
    while True:
        answer = ask()
        if answer is not None and answer is not False:
            return answer
        if time.monotonic() > deadline:
            raise StoryError(f"not so within {within_s:g} s: {what}")
        time.sleep(every_s)


def free_port() -> int:
    """A loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def pids_of(*words: str) -> list[int]:
    """Processes of this machine whose command line holds all these words (Linux /proc)."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue  # it ended while we looked
            if all(word in line for word in words):
                found.append(int(entry.name))
    return found
