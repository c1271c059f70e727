"""Insert rows: one, giving its id, or many by the engine's fastest road (COPY on PostgreSQL, executemany on SQLite)."""

import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import psycopg
from sqlalchemy import JSON, Connection, Date, Select, Table, func, insert, select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql.dml import ReturningInsert

Row = tuple[Any, ...]

_POSTGRES = postgresql.dialect()  # type: ignore[no-untyped-call]


def insert_one(conn: Connection, table: Table, **values: Any) -> int:
    """Insert one row; its id."""
    made: int = conn.execute(_returning_id(table), values).scalar_one()
    return made


@lru_cache(maxsize=256)  # one per table
def _returning_id(table: Table) -> ReturningInsert[Any]:
    return insert(table).returning(table.c.id)


def reserve_ids(conn: Connection, table: Table, count: int) -> Sequence[int]:
    """`count` new ids of `table` for rows inserted in this transaction, ascending."""
    if conn.dialect.name == "postgresql":
        statement = text("SELECT nextval(pg_get_serial_sequence(:name, 'id')) FROM generate_series(1, :count)")
        return sorted(conn.execute(statement, {"name": table.name, "count": count}).scalars())
    # The one writer holds the database: nobody else can take these ids before it commits.
    last: int = conn.execute(_last_id(table)).scalar_one()
    return range(last + 1, last + 1 + count)


@lru_cache(maxsize=256)  # one per table
def _last_id(table: Table) -> Select[Any]:
    return select(func.coalesce(func.max(table.c.id), 0))


def insert_many(conn: Connection, table: Table, columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Insert `rows`, values in the order of `columns` (JSON columns take any JSON value). Raises IntegrityError."""
    if not rows:
        return
    names = ", ".join(columns)
    postgres = conn.dialect.name == "postgresql"
    converters = {
        index: converter
        for index, name in enumerate(columns)
        if (converter := _converter(table, name, dates_as_text=not postgres)) is not None
    }
    plain = _converted(rows, converters) if converters else rows
    if postgres:
        _copy(conn, f"COPY {table.name} ({names}) FROM STDIN", plain)
        return
    places = ", ".join("?" * len(columns))
    conn.exec_driver_sql(f"INSERT INTO {table.name} ({names}) VALUES ({places})", list(plain))  # noqa: S608 - own names


def insert_missing(
    conn: Connection, table: Table, columns: Sequence[str], rows: Sequence[Row], *, unique: Sequence[str]
) -> None:
    """Insert those `rows` (no dates or JSON) whose `unique` columns are not there yet; leave the others alone."""
    if not rows:
        return
    statement = _inserting_missing(table, tuple(columns), tuple(unique), conn.dialect.name)
    if conn.dialect.name == "postgresql":
        conn.exec_driver_sql(statement, tuple(list(column) for column in zip(*rows, strict=True)))
    else:
        conn.exec_driver_sql(statement, list(rows))


@lru_cache(maxsize=256)  # one or two per table
def _inserting_missing(table: Table, columns: tuple[str, ...], unique: tuple[str, ...], dialect: str) -> str:
    target = f"INSERT INTO {table.name} ({', '.join(columns)})"
    ending = f"ON CONFLICT ({', '.join(unique)}) DO NOTHING"
    if dialect == "postgresql":
        # One statement for all rows: an array per column. COPY knows no ON CONFLICT.
        arrays = ", ".join(f"%s::{table.c[name].type.compile(_POSTGRES)}[]" for name in columns)
        return f"{target} SELECT * FROM unnest({arrays}) {ending}"  # noqa: S608 - own names
    return f"{target} VALUES ({', '.join('?' * len(columns))}) {ending}"


def _converter(table: Table, name: str, *, dates_as_text: bool) -> Callable[[Any], Any] | None:
    kind = table.c[name].type
    if isinstance(kind, JSON):
        return json.dumps
    if isinstance(kind, Date) and dates_as_text:
        return lambda day: None if day is None else day.isoformat()
    return None


def _converted(rows: Sequence[Row], converters: dict[int, Callable[[Any], Any]]) -> list[Row]:
    """Column by column: a value that stands in many rows, as a batch's date or seller does, is converted once."""
    columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
    for index, converter in converters.items():
        values = columns[index]
        try:
            by_value = {value: converter(value) for value in set(values)}
            columns[index] = [by_value[value] for value in values]
        except TypeError:
            # A dict has no hash, but an identity; `rows` keeps every value alive meanwhile.
            by_id = {key: converter(value) for key, value in {id(value): value for value in values}.items()}
            columns[index] = [by_id[id(value)] for value in values]
    return list(zip(*columns, strict=True))


def _copy(conn: Connection, statement: str, rows: Sequence[Row]) -> None:
    driver: Any = conn.connection.dbapi_connection
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)
    except psycopg.IntegrityError as error:
        raise IntegrityError(statement, None, error) from error
