"""`python -m portillon_edge.guard --config FILE`: lock everything, then listen."""

import argparse
import fcntl
import logging
import os
import select
import socket
import sys
from pathlib import Path
from typing import TextIO

from portillon_config import ConfigError, load
from portillon_drivers.errors import DriverError
from portillon_drivers.registry import build_outputs

from portillon_edge.boot_clock import boot_ns
from portillon_edge.guard.core import GuardCore
from portillon_edge.guard.identity import outputs_digest
from portillon_edge.guard.server import GuardServer

EXIT_CONFIG = 78
"""EX_CONFIG of sysexits.h: starting again cannot help (systemd: RestartPreventExitStatus)."""
EXIT_TWICE = 75
"""EX_TEMPFAIL: another guard runs."""


class NeverWaiting(logging.StreamHandler[TextIO]):
    """Drops a line that nobody reads: a guard that waits for its log to be read would leave a door open."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write if that cannot block (a pipe that is ready takes PIPE_BUF bytes, far more than a line of ours)."""
        if select.select([], [self.stream], [], 0)[1]:
            super().emit(record)


def main() -> int:
    """Run the guard; returns its exit status."""
    arguments = argparse.ArgumentParser(prog="portillon_edge.guard", description="Owns the outputs of one gateway.")
    arguments.add_argument("--config", type=Path, required=True, help="the gateway's .toml file")
    arguments.add_argument("--exit-after-idle-s", type=int, help="end after so long without a gateway")
    asked = arguments.parse_args()
    logging.basicConfig(level=logging.INFO, format="guard: %(message)s", handlers=[NeverWaiting()])
    try:
        config = load(asked.config)
        sections = [section for section in config.outputs if section.guarded]
        outputs = {output.name: output for output in build_outputs(sections, boot_ns)}
    except (ConfigError, DriverError) as error:
        print(error, file=sys.stderr)
        return EXIT_CONFIG
    socket_path = config.gateway.guard_path
    socket_path.parent.mkdir(parents=True, exist_ok=True)
    with socket_path.with_suffix(".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"another guard holds {lock.name}; stop that one first", file=sys.stderr)
            return EXIT_TWICE
        server = GuardServer(
            outputs=outputs,
            core=GuardCore(
                {section.name: section.max_on_ms for section in sections},
                continuous={section.name for section in sections if section.continuous},
            ),
            outputs_digest=outputs_digest(config.outputs),
            clock_ns=boot_ns,
            idle_ns_max=None if asked.exit_after_idle_s is None else asked.exit_after_idle_s * 1_000_000_000,
        )
        server.lock_everything()
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
            socket_path.unlink(missing_ok=True)  # left by a guard that was killed; the lock says that none is alive
            os.umask(0o177)  # only this user may release doors
            listener.bind(str(socket_path))
            listener.listen(1)
            server.serve(listener)
            socket_path.unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
