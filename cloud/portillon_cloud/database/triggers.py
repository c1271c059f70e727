"""Rules the database itself holds: rows and columns that never change once written, on both engines."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from sqlalchemy import DDL, Table, event
from sqlalchemy.sql.ddl import ExecutableDDLElement


@dataclass(frozen=True, slots=True)
class Trigger:
    """One trigger's statements per dialect."""

    table: str
    dialect: str
    statement: str


_registered: list[Trigger] = []


def registered() -> Iterator[Trigger]:
    """Every trigger of the imported tables, in the order of declaration."""
    yield from _registered


def never_changes(table: Table) -> Table:
    """Refuse UPDATE and DELETE (and TRUNCATE on PostgreSQL) of `table`: a correction is a new row."""
    name = table.name
    message = f"{name} rows never change: record a correction as a new row"
    for action in ("UPDATE", "DELETE"):
        attach(
            table,
            "sqlite",
            f"CREATE TRIGGER {name}_no_{action.lower()} BEFORE {action} ON {name} "
            f"BEGIN SELECT RAISE(ABORT, '{message}'); END",
        )
    attach(table, "postgresql", _postgres_refusal(f"{name}_refuse", message))
    attach(
        table,
        "postgresql",
        f"CREATE TRIGGER {name}_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {name} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {name}_refuse()",
    )
    return table


def column_never_changes(table: Table, column: str) -> Table:
    """Refuse an UPDATE that would give `column` of a row of `table` another value."""
    name = f"{table.name}_{column}_fixed"
    message = f"{table.name}.{column} never changes once written"
    attach(
        table,
        "sqlite",
        f"CREATE TRIGGER {name} BEFORE UPDATE OF {column} ON {table.name} WHEN OLD.{column} IS NOT NEW.{column} "
        f"BEGIN SELECT RAISE(ABORT, '{message}'); END",
    )
    attach(table, "postgresql", _postgres_refusal(f"{name}_refuse", message))
    attach(
        table,
        "postgresql",
        f"CREATE TRIGGER {name} BEFORE UPDATE OF {column} ON {table.name} FOR EACH ROW "
        f"WHEN (OLD.{column} IS DISTINCT FROM NEW.{column}) EXECUTE FUNCTION {name}_refuse()",
    )
    return table


def _postgres_refusal(function: str, message: str) -> str:
    return (
        f"CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{message}' USING ERRCODE = 'integrity_constraint_violation'; END $$"
    )


def attach(table: Table, dialect: str, statement: str) -> None:
    """Make the trigger (or its function) with the table; `statement` has no percent sign."""
    _registered.append(Trigger(table.name, dialect, statement))
    event.listen(table, "after_create", _statement(statement).execute_if(dialect=dialect))


def _statement(text: str) -> ExecutableDDLElement:
    # DDL() reads % as a format; no statement here has one.
    return cast(ExecutableDDLElement, DDL(text))  # type: ignore[no-untyped-call]
