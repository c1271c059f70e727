"""Starts the guard from the gateway, where no systemd does."""

import subprocess
import sys
from pathlib import Path

IDLE_S_MAX = 30
"""A spawned guard whose gateway was killed locks at once, and ends if none comes back within this time."""
STOP_S_MAX = 3.0


class GuardSpawner:
    """At most one child at a time. It lives in a session of its own, so that Ctrl-C reaches the gateway first."""

    def __init__(self, config_path: Path) -> None:
        self._config_path = config_path
        self._child: subprocess.Popen[bytes] | None = None

    def ensure_running(self) -> None:
        """Start a guard unless the last one started is still alive."""
        if self._child is not None and self._child.poll() is None:
            return
        self._child = subprocess.Popen(  # noqa: S603  our own interpreter and module
            [
                *(sys.executable, "-m", "portillon_edge.guard"),
                *("--config", str(self._config_path), "--exit-after-idle-s", str(IDLE_S_MAX)),
            ],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def end(self) -> None:
        """Have the child lock everything and end; kill one that does not obey (its outputs stay as it left them)."""
        if self._child is None:
            return
        self._child.terminate()
        try:
            self._child.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
