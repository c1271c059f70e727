"""A row of an organisation in every table there is, whatever it says: for tests of who may see it."""

import re
from contextlib import suppress
from typing import Any

from portillon_cloud.database.schema import metadata
from sqlalchemy import CheckConstraint, Column, Connection, Table, func, insert, select, text
from sqlalchemy.exc import IntegrityError

MARK = "Zzyzx"
"""What every text of it says, where the table lets it."""

_KNOWN = re.compile(r"(\w+) IN \('([^']*)'")


def fill_every_table(conn: Connection, organisation_id: int) -> set[str]:
    """The tables of tenants that hold a row of it now; each one that had none got one, if its rules allowed it."""
    full = set()
    for table in metadata.sorted_tables:
        if "organisation_id" not in table.c:
            continue
        if not _rows(conn, table, organisation_id):
            _try(conn, table, organisation_id)
        if _rows(conn, table, organisation_id):
            full.add(table.name)
    return full


def _rows(conn: Connection, table: Table, organisation_id: int) -> int:
    column = table.c.organisation_id
    return int(conn.scalar(select(func.count()).select_from(table).where(column == organisation_id)) or 0)


def _try(conn: Connection, table: Table, organisation_id: int) -> None:
    for number in (1, 0):  # amounts must be above nothing, or add up
        row = {column.name: _value(conn, column, organisation_id, number) for column in table.c}
        if any(row[column.name] is None and _must(column) for column in table.c):
            return  # it hangs on a row that is not there
        with suppress(IntegrityError), conn.begin_nested():
            conn.execute(insert(table).values({name: value for name, value in row.items() if value is not None}))
            return


def _is_key(column: Column[Any]) -> bool:
    return column.name == "id" and column.primary_key and column.type.python_type is int and not column.foreign_keys


def _must(column: Column[Any]) -> bool:
    there = column.server_default is not None or column.default is not None
    return not column.nullable and not there and not _is_key(column)


def _value(conn: Connection, column: Column[Any], organisation_id: int, number: int) -> Any:
    if column.name == "organisation_id":
        return organisation_id
    for key in column.foreign_keys:
        other = key.column.table
        where = text("1 = 1") if "organisation_id" not in other.c else other.c.organisation_id == organisation_id
        return conn.scalar(select(key.column).where(where).limit(1))
    if not _must(column):
        return None
    return _known(column.table, column.name) or _plain(column, number)


def _known(table: Any, name: str) -> str | None:
    for check in table.constraints:
        if isinstance(check, CheckConstraint):
            found = _KNOWN.search(str(check.sqltext))
            if found is not None and found.group(1) == name:
                return found.group(2)
    return None


def _plain(column: Column[Any], number: int) -> Any:
    kind = column.type.python_type
    if kind is str:
        return MARK
    if kind in (dict, list, object):  # JSON
        return {}
    if kind is bytes:
        return b"Zzyzx"
    return kind.fromisoformat("2025-03-12") if hasattr(kind, "fromisoformat") else kind(number)
