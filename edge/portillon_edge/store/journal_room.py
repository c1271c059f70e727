"""The journals' room on the real disk: measured before writes, with the reserve kept and given back."""

import logging
import os
import re
from collections.abc import Callable
from pathlib import Path

from portillon_edge.store.journal import Journal
from portillon_edge.store.room import Measured, Room, RoomLimits, judge, told

log = logging.getLogger(__name__)

LOOK_EVERY_NS = 1_000_000_000
RESERVE_BYTES = 4 * 1024 * 1024
"""Disk kept for the journal alone: given back when there is no other room, or to a new file after one failed."""


class JournalRoom:
    """`look` before writing; `state` says how to write. Belongs to one thread."""

    def __init__(self, folder: Path, *, limits: RoomLimits, reserve_bytes: int, tell: Callable[[str], None]) -> None:
        self._folder = folder
        self._limits = limits
        self._reserve_bytes = reserve_bytes
        self._reserve = folder / "journal.reserve"
        self._tell = tell
        self._looked_ns: int | None = None
        self.state = Room.AMPLE
        self.left_out = 0

    def look(self, journal: Journal | None, now_ns: int) -> None:
        """Measure, at most once a second; shed, give back or keep the reserve. Raises JournalUnwritable."""
        if self._looked_ns is not None and now_ns - self._looked_ns < LOOK_EVERY_NS:
            return
        self._looked_ns = now_ns
        left = self._left(journal)
        if journal is not None and left < self._limits.tight_bytes * 3 // 2 and journal.shed():
            left = self._left(journal)
        state = judge(self.state, left, self._limits)
        if state is Room.NONE and self._reserve.exists():
            self.give_back_reserve()
            left = self._left(journal)
            state = judge(Room.TIGHT, left, self._limits)
        if state is Room.AMPLE and left - self._reserve_bytes >= self._limits.tight_bytes * 3 // 2:
            self.keep_reserve()
        if state is not self.state:
            self.state = state
            self._tell(told(state, left, self.left_out))
            self.left_out = 0 if state is Room.AMPLE else self.left_out

    def keep_reserve(self) -> None:
        """Lay the reserve by, if it is not there."""
        if self._reserve_bytes == 0 or self._reserve.exists():
            return
        try:
            with self._reserve.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, self._reserve_bytes)
        except OSError as error:
            self.give_back_reserve()
            log.warning(
                "%s: no room for the journal's reserve of %d bytes: %s", self._reserve, self._reserve_bytes, error
            )

    def give_back_reserve(self) -> None:
        """Let the journal have it; on a disk that takes no change it stays, and the journal says so by itself."""
        try:
            self._reserve.unlink(missing_ok=True)
        except OSError as error:
            log.error("%s: the journal's reserve could not be given back: %s", self._reserve, error)

    def _left(self, journal: Journal | None) -> int:
        own_bytes, reusable_bytes = (0, 0) if journal is None else journal.extent()
        files = list(journal_files(self._folder).values())
        logs = [path.with_name(f"{path.name}-wal") for path in files]
        others = [path for path in (*files, *logs, self._reserve) if journal is None or path != journal.path]
        disk = os.statvfs(self._folder)
        measured = Measured(
            used=own_bytes + sum(path.stat().st_size for path in others if path.exists()),
            reusable=reusable_bytes,
            disk_free=disk.f_bavail * disk.f_frsize,
        )
        return measured.left(self._limits)


def journal_files(folder: Path) -> dict[int, Path]:
    """Every journal in a data folder by its number; the highest is the one written, unless it was set aside."""
    first = folder / "journal.db"
    found = {1: first} if first.exists() else {}
    for path in folder.glob("journal-*.db"):
        if match := re.fullmatch(r"journal-(\d{1,4})\.db", path.name):
            found[int(match[1])] = path
    return found
