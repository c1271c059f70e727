"""A journal file that is not written any more: what it holds is still read, sent and acknowledged, and never deleted.

A small marker file beside it says why, how far its rows can be trusted and what the cloud has of them, since the
file itself takes nothing any more.
"""

import json
import logging
import sqlite3
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path

from portillon_wire.messages import JournalEvent

from portillon_edge.errors import JournalUnwritable
from portillon_edge.store.durable_file import replace_file
from portillon_edge.store.journal import JournalReader

log = logging.getLogger(__name__)


class SetAsideWhy(StrEnum):
    """Why a journal file is not written any more."""

    FAILED = "failed"
    CONTESTED = "contested"
    TAMPERED = "tampered"


@dataclass(frozen=True, slots=True)
class Marker:
    """What is known of a set-aside journal; `last` is its last row that was surely committed."""

    why: SetAsideWhy
    detail: str
    last: int
    acknowledged: int
    epoch: int


def marker_path(journal: Path) -> Path:
    """Where the marker of a journal file lies."""
    return journal.with_name(f"{journal.name}.set-aside")


def read_marker(journal: Path) -> Marker | None:
    """The marker beside a journal file; None if it is still in use. A marker that cannot be read still sets aside."""
    try:
        body = json.loads(marker_path(journal).read_bytes())
        return Marker(SetAsideWhy(body["why"]), body["detail"], body["last"], body["acknowledged"], body["epoch"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        return Marker(SetAsideWhy.FAILED, f"its marker cannot be read: {error}", 2**62, 0, 0)


def write_marker(journal: Path, marker: Marker) -> bool:
    """Write the marker; False (and a log line) if even that fails: until the next start only memory knows."""
    try:
        replace_file(marker_path(journal), json.dumps(asdict(marker)).encode())
    except OSError as error:
        log.error("%s: cannot mark this journal as set aside: %s", journal, error)
        return False
    return True


class SetAsideJournal:
    """The rows of a set-aside file up to its trusted end. A contested one is never sent: a person must look at it."""

    def __init__(self, path: Path, marker: Marker) -> None:
        """Open for reading. Raises JournalUnwritable if nothing of the file can be read."""
        self.path = path
        self.marker = marker
        try:
            self._reader = JournalReader(path)
            self.journal_id, acknowledged, epoch, self.oldest, last = self._reader.header()
            self.last = min(last, marker.last)
        except (sqlite3.Error, TypeError) as error:
            raise JournalUnwritable(f"{path}: no row of this journal can be read: {error}") from error
        # What a file that was tampered with, or lost its own words, says of itself is no reason to keep a row from the
        # cloud.
        unsaid = marker.why is SetAsideWhy.TAMPERED or None in (epoch, acknowledged)
        newest = unsaid or (marker.epoch, marker.acknowledged) >= (epoch, acknowledged)
        self.epoch, self.acknowledged = (marker.epoch, marker.acknowledged) if newest else (epoch, acknowledged)

    @property
    def sendable(self) -> bool:
        """Whether its rows may go up; those of a contested journal may not."""
        return self.marker.why is not SetAsideWhy.CONTESTED

    def read(self, first: int, last: int) -> list[JournalEvent]:
        """Rows `first … last` up to the trusted end, ascending; at most READ_ROWS_MAX."""
        return self._reader.read(first, min(last, self.last))

    def acknowledge(self, through: int, real_ms: int | None) -> None:
        """The cloud has every row up to `through`; written down once it has them all."""
        if not self.acknowledged < through <= self.last:
            return
        self.acknowledged = through
        if through == self.last:
            self._save()

    def begin_epoch(self, epoch: int) -> None:
        """In a new epoch every row counts as not acknowledged."""
        if epoch != self.epoch:
            self.acknowledged = self.oldest - 1
            self.epoch = epoch
            self._save()

    def close(self) -> None:
        """Close without writing."""
        self._reader.close()

    def _save(self) -> None:
        self.marker = replace(self.marker, acknowledged=self.acknowledged, epoch=self.epoch)
        write_marker(self.path, self.marker)
