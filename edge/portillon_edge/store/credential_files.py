"""The files of the credential memory: `credential-memory-1.db`, `-2` and so on; the highest number is in force.

A file is made whole under another name first, so that what bears a number is one.
"""

import logging
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path

from portillon_rules.visits import Visit, VisitRow, VisitUse

from portillon_edge.domain.credential_facts import Fact
from portillon_edge.store import credential_tables as tables
from portillon_edge.store.connection import is_corrupt, open_reader, open_writer, transaction
from portillon_edge.store.durable_file import sync_folder
from portillon_edge.store.schema import migrate

log = logging.getLogger(__name__)

CHECKPOINT_PAGES_MAX = 1_024
OLD_FILES_KEPT = 2
BUSY_MS_MAX = 50
"""Somebody who writes into the file by hand must not keep the doors waiting."""
SCHEMA = "credential memory"


class Damaged(sqlite3.DatabaseError):
    """The file opens, and what is in it is not whole."""


def damaged(error: Exception) -> bool:
    """Whether the file itself is bad, as opposed to a full disk, a lock or an I/O error."""
    return isinstance(error, Damaged) or (isinstance(error, sqlite3.Error) and is_corrupt(error))


def path_of(folder: Path, number: int) -> Path:
    """The file with that number."""
    return folder / f"credential-memory-{number}.db"


def numbers(folder: Path) -> list[int]:
    """Of the files that there are, ascending."""
    names = (path.stem.rpartition("-")[2] for path in folder.glob("credential-memory-*.db"))
    return sorted(int(name) for name in names if name.isdigit())


def make_file(
    path: Path,
    *,
    factory: type[sqlite3.Connection],
    carried: sqlite3.Connection | None = None,
    lost: str | None = None,
    known: Iterable[Fact] = (),
) -> None:
    """A whole new file with everything of `carried` and what is `known`; `lost` says why an earlier one is not carried.

    Raises sqlite3.Error or OSError; then there is none.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    making = path.with_name(f"{path.name}.making")
    _remove(making)
    # Not in WAL mode yet: a closed file is then whole, with nothing beside it.
    with closing(sqlite3.connect(making, isolation_level=None, factory=factory)) as db:
        migrate(db, path=path, name=SCHEMA, steps=tables.STEPS)
        with transaction(db):
            if carried is not None:
                tables.copy(carried, db)
            if lost is not None:
                db.execute("INSERT INTO lost VALUES (1, ?, NULL, NULL)", (lost,))
            for fact in known:
                tables.write(db, fact, tables.Age())
    making.rename(path)
    sync_folder(path.parent)


def open_file(path: Path, *, factory: type[sqlite3.Connection], page_limit: int | None) -> sqlite3.Connection:
    """The one connection that writes the file. Raises sqlite3.Error (Damaged among them), OSError or StoreTooNew."""
    if path.stat().st_size == 0:
        raise Damaged("the file is empty")  # SQLite would take it for a new one
    db = open_writer(path, factory=factory, page_limit=page_limit)
    try:
        migrate(db, path=path, name=SCHEMA, steps=tables.STEPS)
        db.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES_MAX}")
        db.execute(f"PRAGMA busy_timeout={BUSY_MS_MAX}")
        (verdict,) = db.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise Damaged(verdict)
    except BaseException:
        db.close()
        raise
    return db


def remove_old(folder: Path, in_force: int) -> None:
    """Delete the files before the last OLD_FILES_KEPT ones."""
    for number in numbers(folder):
        if number < in_force - OLD_FILES_KEPT:
            try:
                _remove(path_of(folder, number))
            except OSError as error:
                log.warning("%s: an old credential memory could not be removed: %s", path_of(folder, number), error)


def is_spent(folder: Path, names: Sequence[str]) -> bool:
    """Whether a single-use credential is used, for looking on beside a running gateway."""
    number = max(numbers(folder), default=0)
    if not number:
        return False
    try:
        with closing(open_reader(path_of(folder, number))) as db:
            return any(db.execute(tables.USED, (name,)).fetchone() for name in names)
    except sqlite3.Error as error:
        log.warning("%s: cannot be looked into: %s", path_of(folder, number), error)
        return False


def visit_use(folder: Path, row: VisitRow, *, gateway: str) -> VisitUse:
    """What the gateway of that name counts of these visits, for looking on beside it."""
    number = max(numbers(folder), default=0)
    counted: dict[Visit, int] = {}
    sure = row.home == gateway
    if sure and number:
        try:
            with closing(open_reader(path_of(folder, number))) as db:
                lost = tables.load_loss(db)
                sure = lost is None or (lost[0] is not None and row.since_ms > lost[0])
                counted = tables.visits_of(db, row.member)
        except sqlite3.Error as error:
            log.warning("%s: cannot be looked into: %s", path_of(folder, number), error)
            sure = False
    return VisitUse(row, tuple(counted.items()), sure=sure)


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
