"""One gateway per data folder: two would journal into one file and drive one guard."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from portillon_edge.errors import PermanentEdgeError

FILE = "gateway.lock"


class AlreadyRunning(PermanentEdgeError):
    """Another gateway holds this data folder."""


class InstanceLock:
    """Held while the process lives: the kernel lets go of it however the process ends."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / FILE

    def __enter__(self) -> Self:
        """Take the lock; raises AlreadyRunning."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._path.open("a+", encoding="ascii")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.seek(0)
            pid = self._file.read().strip() or "unknown"
            self._file.close()
            raise AlreadyRunning(
                f"another gateway (pid {pid}) runs on {self._path.parent}: stop that one first"
                " (systemctl stop portillon-gateway), or give this one a data_dir of its own"
            ) from None
        self._file.truncate(0)
        self._file.write(f"{os.getpid()}\n")
        self._file.flush()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def holder(data_dir: Path) -> int | None:
    """The pid of the gateway that runs on this folder; None if none does."""
    with suppress(OSError, ValueError), (data_dir / FILE).open(encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return int(file.read())
    return None
