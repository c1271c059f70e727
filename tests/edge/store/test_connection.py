"""How a file whose very names are damaged is told: as a damaged file, never as something that nobody expects."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from portillon_edge.store.connection import is_corrupt, open_reader, open_writer


def table_file(folder: Path) -> Path:
    path = folder / "some.db"
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("CREATE TABLE counter (name TEXT PRIMARY KEY, counter INTEGER NOT NULL)")
        db.execute("INSERT INTO counter VALUES ('garage', 1)")
    return path


@pytest.mark.parametrize("open_it", [open_writer, open_reader])
def test_a_bit_flipped_in_the_schema_is_a_damaged_file(
    open_it: Callable[[Path], sqlite3.Connection], tmp_path: Path
) -> None:
    """Wherever in the table's definition a byte stops being text, opening works or says that the file is damaged."""
    path = table_file(tmp_path)
    whole = path.read_bytes()
    begin = whole.index(b"tablecounter")
    refused = 0
    for place in range(begin, whole.index(b"NOT NULL)") + 9):
        damaged = bytearray(whole)
        damaged[place] ^= 0x80
        path.write_bytes(damaged)
        try:
            open_it(path).close()
        except sqlite3.DatabaseError as error:
            assert is_corrupt(error), f"byte {place - begin}: {error}"
            refused += 1
    assert refused > 40


def test_a_text_that_is_none_is_damage(tmp_path: Path) -> None:
    """A row whose text is no UTF-8 makes the file a damaged one, a full disk or a lock does not."""
    path = table_file(tmp_path)
    path.write_bytes(path.read_bytes().replace(b"garage", b"g\xe1rage"))
    with closing(open_reader(path)) as db, pytest.raises(sqlite3.OperationalError) as told:
        db.execute("SELECT name FROM counter WHERE counter = 1").fetchall()
    assert is_corrupt(told.value)
    assert not is_corrupt(sqlite3.OperationalError("database is locked"))
