"""What is asked of the database, statement by statement: each is bound to one organisation, or it is told.

Bound is a SELECT, UPDATE or DELETE that compares an `organisation_id` with one organisation, or a key with ids whose
rows are all one organisation's (or nobody's): rows hang together within one organisation, so its joins stay there.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from portillon_cloud.database import Database
from sqlalchemy import BindParameter, Column, Connection, Table, TextClause, event
from sqlalchemy.sql import operators, visitors
from sqlalchemy.sql.dml import Insert
from sqlalchemy.sql.elements import BinaryExpression, ClauseElement, ColumnClause


@dataclass
class Watch:
    """The statements not bound to `organisation_id`; None: not to any one, or not to the one of their transaction."""

    organisation_id: int | None
    told: dict[str, str] = field(default_factory=dict)
    seen: int = 0
    _transactions: WeakKeyDictionary[Connection, set[int]] = field(default_factory=WeakKeyDictionary)

    def look(self, conn: Connection, clause: Any, given: Mapping[str, Any]) -> None:
        """Before a statement is sent."""
        if isinstance(clause, Insert) or not isinstance(clause, ClauseElement):
            return
        if isinstance(clause, TextClause):
            tenant, bounds = True, [{given["organisation_id"]}] if "organisation_id" in given else []
        else:
            tables = {one for one in visitors.iterate(clause) if isinstance(one, Table)}
            tenant = any("organisation_id" in table.c or table.name == "organisation" for table in tables)
            compared = (_let_through(conn, one, given) for one in visitors.iterate(clause))
            bounds = [owners for owners in compared if owners is not None]
        if not tenant:
            return
        self.seen += 1
        if not self._of_one(conn, bounds):
            told = " ".join(str(clause).split())
            self.told.setdefault(told, told)

    def _of_one(self, conn: Connection, bounds: Sequence[set[int]]) -> bool:
        """Whether one of its comparisons keeps it within one organisation, and that is the one it should be."""
        if self.organisation_id is not None:
            return any(owners <= {self.organisation_id} for owners in bounds)
        if not any(len(owners) <= 1 for owners in bounds):
            return False
        met = self._transactions.setdefault(conn, set())
        met |= {owner for owners in bounds for owner in owners}
        return len(met) <= 1


def _let_through(conn: Connection, one: Any, given: Mapping[str, Any]) -> set[int] | None:
    """Whose rows a comparison lets through; None: it does not say."""
    if not isinstance(one, BinaryExpression) or one.operator not in (operators.eq, operators.in_op):
        return None
    column, bind = one.left, one.right
    if isinstance(column, BindParameter):
        column, bind = bind, column
    if (
        not isinstance(column, ColumnClause)
        or not isinstance(bind, BindParameter)
        or not isinstance(column.table, ClauseElement)
    ):
        return None
    value = given.get(bind.key, bind.effective_value)
    values = list(value) if isinstance(value, list | tuple | set | dict) or hasattr(value, "keys") else [value]
    if column.name == "organisation_id" or (column.name == "id" and _name(column) == "organisation"):
        return set(values)
    key = _refers_to(column) if isinstance(column, Column) else None
    return None if key is None else _owners(conn, key, values)


def _name(column: ColumnClause[Any]) -> str:
    return getattr(column.table, "name", "")


def _refers_to(column: Column[Any]) -> Column[Any] | None:
    """The column of a tenants' table that this column's values are keys of."""
    of = column.table
    table = of if isinstance(of, Table) else getattr(of, "element", None)
    if not isinstance(table, Table):
        return None
    own = table.c[column.name]
    if own.primary_key and len(table.primary_key) == 1 and not own.foreign_keys:
        return own if "organisation_id" in table.c else None
    keys = (key.column for key in own.foreign_keys if "organisation_id" in key.column.table.c)
    return next((key for key in keys if key.name == "id" or key.name.endswith("_id")), None)  # a currency is nobody's


def _owners(conn: Connection, key: Column[Any], values: Sequence[Any]) -> set[int]:
    mark = "?" if conn.dialect.paramstyle == "qmark" else "%s"
    found: set[int] = set()
    cursor = conn.connection.cursor()
    for first in range(0, len(values), 500):
        some = list(values[first : first + 500])
        marks = ", ".join([mark] * len(some))
        quoted = f"SELECT DISTINCT organisation_id FROM {key.table.name} WHERE {key.name} IN ({marks})"
        found |= {int(row[0]) for row in cursor.execute(quoted, some).fetchall()}
    cursor.close()
    return found


@contextmanager
def watching(db: Database, organisation_id: int | None) -> Iterator[Watch]:
    """Watch every statement of these transactions."""
    watch = Watch(organisation_id)

    def look(conn: Connection, clause: Any, many: Any, one: Any, _options: Any) -> None:
        watch.look(conn, clause, one or (many[0] if many else {}))

    engines = (db._writer, db._reader) if db.embedded else (db._writer,)  # elsewhere the reader tells the writer's
    for engine in engines:
        event.listen(engine, "before_execute", look)
    try:
        yield watch
    finally:
        for engine in engines:
            event.remove(engine, "before_execute", look)
