"""One process owns a SQLite file: two that write and checkpoint can lose committed writes (SQLite before 3.51.3)."""

import fcntl
import os
from pathlib import Path
from typing import IO

from portillon_cloud.database.errors import DatabaseInUseError, DatabaseUrlError


def own(path: Path) -> IO[str]:
    """Own the SQLite file at `path` until the returned file is closed or this process dies, however it dies.

    Raises DatabaseInUseError naming the owner, DatabaseUrlError if the folder is not there.
    """
    lock_path = path.with_name(f"{path.name}.owner")
    try:
        file = lock_path.open("a+")
    except OSError as error:
        raise DatabaseUrlError(f"cannot open {path}: {error.strerror}; does its folder exist?") from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        owner = file.read().strip() or "unknown"
        file.close()
        raise DatabaseInUseError(
            f"{path} is in use by process {owner}: one process owns a SQLite file. "
            "Ask that process over its API, stop it, or move to PostgreSQL"
        ) from None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file
