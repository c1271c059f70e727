"""A technician's look at the hash chains of all journals of a gateway, running or not. Reads only."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from portillon_edge.store.chain import ChainKey, ChainReport
from portillon_edge.store.journal import JournalReader
from portillon_edge.store.journal_room import journal_files


@dataclass(frozen=True, slots=True)
class ChainLook:
    """What was found in one file; `report` is None for a file without a chain, or that cannot be read (`error`)."""

    path: Path
    report: ChainReport | None
    error: str | None = None

    @property
    def well(self) -> bool:
        """Whether nothing speaks against any row."""
        return self.error is None and (self.report is None or self.report.fault is None)

    def __str__(self) -> str:
        if self.error is not None:
            return f"{self.path}: cannot be read: {self.error}; keep the file"
        if self.report is None:
            return f"{self.path}: an older version wrote it, without a hash chain: nobody can check its rows"
        if self.report.fault is not None:
            return f"{self.path}: {self.report.fault}; keep the file, and compare it with what the cloud holds"
        if self.report.rows == 0:
            return f"{self.path}: no row is chained yet"
        return f"{self.path}: rows {self.report.first} to {self.report.last} are as they were written"


def look_at_chains(folder: Path, keys: Sequence[ChainKey]) -> list[ChainLook]:
    """Check every row of every journal in `folder`."""
    return [_look(path, keys) for _, path in sorted(journal_files(folder).items())]


def _look(path: Path, keys: Sequence[ChainKey]) -> ChainLook:
    try:
        reader = JournalReader(path)
        try:
            return ChainLook(path, reader.chain(keys))
        finally:
            reader.close()
    except (sqlite3.Error, TypeError) as error:
        return ChainLook(path, None, str(error))
