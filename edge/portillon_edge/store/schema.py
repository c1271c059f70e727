"""Bringing a file to the schema that this version knows. sqlite-utils owns schema and migrations, so that a technician
can read the files with `sqlite-utils query`; the hot paths use plain sqlite3 on the same tables."""

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

import sqlite_utils
from sqlite_utils import Migrations

from portillon_edge.errors import StoreTooNew

Step = Callable[[sqlite_utils.Database], None]


def migrate(connection: sqlite3.Connection, *, path: Path, name: str, steps: Sequence[Step]) -> None:
    """Apply the steps that `path` has not had yet, in order, each in its own transaction.

    Raises StoreTooNew if the file has had a step that this version does not know, and sqlite3.Error.
    """
    migrations = Migrations(name)
    for step in steps:
        migrations()(step)
    db = sqlite_utils.Database(connection)
    known = {step.__name__ for step in steps}
    unknown = [applied.name for applied in migrations.applied(db) if applied.name not in known]
    if unknown:
        raise StoreTooNew(
            f"{path}: a newer version of the gateway wrote this file (step {unknown[0]});"
            " update this gateway, or install that version again"
        )
    if migrations.pending(db):
        migrations.apply(db)
