"""What the story reads straight from the cloud's SQLite file, read-only: an auditor's look, beside the API."""

import sqlite3
from pathlib import Path


class LedgerView:
    """A reader of `portillon.db`; it cannot write."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def rows(self, query: str, *values: object) -> list[tuple[object, ...]]:
        """The rows of a query."""
        connection = sqlite3.connect(f"file:{self._path}?mode=ro", uri=True)
        try:
            return connection.execute(query, values).fetchall()
        finally:
            connection.close()

    def number(self, query: str, *values: object) -> int:
        """The one number that a query gives."""
        ((found,),) = self.rows(query, *values)
        return int(str(found or 0))
