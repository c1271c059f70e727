"""What a request asks of the database, statement by statement: each is bound to one organisation, or it is told.

Bound is a SELECT, UPDATE or DELETE that compares an `organisation_id` with that organisation, or a key with ids whose
rows are all that organisation's (or nobody's): rows hang together within one organisation, so its joins stay there.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from portillon_cloud.database import Database
from sqlalchemy import BindParameter, Column, Connection, Table, TextClause, event
from sqlalchemy.sql import operators, visitors
from sqlalchemy.sql.dml import Insert
from sqlalchemy.sql.elements import BinaryExpression, ClauseElement, ColumnClause


@dataclass
class Watch:
    """The statements that a request of `organisation_id` sent without being bound to it."""

    organisation_id: int
    told: dict[str, str] = field(default_factory=dict)
    seen: int = 0
    _asking: bool = False

    def look(self, conn: Connection, clause: Any, given: Mapping[str, Any]) -> None:
        """Before a statement is sent."""
        if self._asking or isinstance(clause, Insert) or not isinstance(clause, ClauseElement):
            return
        if isinstance(clause, TextClause):
            tenant, bound = True, given.get("organisation_id") == self.organisation_id
        else:
            tables = {one for one in visitors.iterate(clause) if isinstance(one, Table)}
            tenant = any("organisation_id" in table.c or table.name == "organisation" for table in tables)
            bound = any(self._binds(conn, one, given) for one in visitors.iterate(clause))
        if tenant:
            self.seen += 1
        if tenant and not bound:
            told = " ".join(str(clause).split())
            self.told.setdefault(told, told)

    def _binds(self, conn: Connection, one: Any, given: Mapping[str, Any]) -> bool:
        if not isinstance(one, BinaryExpression) or one.operator not in (operators.eq, operators.in_op):
            return False
        column, bind = one.left, one.right
        if isinstance(column, BindParameter):
            column, bind = bind, column
        if (
            not isinstance(column, ColumnClause)
            or not isinstance(bind, BindParameter)
            or not isinstance(column.table, ClauseElement)
        ):
            return False
        value = given.get(bind.key, bind.effective_value)
        values = list(value) if isinstance(value, list | tuple | set | dict) or hasattr(value, "keys") else [value]
        if column.name == "organisation_id" or (column.name == "id" and _name(column) == "organisation"):
            return values == [self.organisation_id]
        if not isinstance(column, Column):
            return False
        table = _refers_to(column)
        if table is None:
            return False
        self._asking = True
        try:
            return all(_owner(conn, table, one) in (None, self.organisation_id) for one in values)
        finally:
            self._asking = False


def _name(column: ColumnClause[Any]) -> str:
    return getattr(column.table, "name", "")


def _refers_to(column: Column[Any]) -> Table | None:
    """The tenants' table that this column's values are keys of."""
    of = column.table
    table = of if isinstance(of, Table) else getattr(of, "element", None)
    if not isinstance(table, Table):
        return None
    own = table.c[column.name]
    if own.primary_key and len(table.primary_key) == 1 and not own.foreign_keys:
        return table if "organisation_id" in table.c else None
    for key in own.foreign_keys:
        if "organisation_id" in key.column.table.c:
            return key.column.table
    return None


def _owner(conn: Connection, table: Table, value: Any) -> int | None:
    [key] = table.primary_key
    quoted = f"SELECT organisation_id FROM {table.name} WHERE {key.name} = ?"
    row = conn.connection.cursor().execute(quoted, (value,)).fetchone()
    return None if row is None else int(row[0])


@contextmanager
def watching(db: Database, organisation_id: int) -> Iterator[Watch]:
    """Watch every statement of these transactions."""
    watch = Watch(organisation_id)

    def look(conn: Connection, clause: Any, many: Any, one: Any, _options: Any) -> None:
        watch.look(conn, clause, one or (many[0] if many else {}))

    engines = (db._writer, db._reader)
    for engine in engines:
        event.listen(engine, "before_execute", look)
    try:
        yield watch
    finally:
        for engine in engines:
            event.remove(engine, "before_execute", look)
