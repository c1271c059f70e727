"""A disk that fails on demand, under a real SQLite file: the statement fails as SQLite makes it fail."""

import sqlite3
from typing import Any, ClassVar


class FailingDisk(sqlite3.Connection):
    """Every statement that begins with `on` fails while `broken` is set; `attempts` counts how often it was tried."""

    broken: ClassVar[bool] = False
    on: ClassVar[str] = "COMMIT"
    attempts: ClassVar[int] = 0

    def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
        if FailingDisk.broken and sql.startswith(FailingDisk.on):
            FailingDisk.attempts += 1
            raise sqlite3.OperationalError("disk I/O error")
        return super().execute(sql, *parameters)
