"""The defence of invariant 11: the triggers that keep written rows as they are stand in the database, switched on."""

import re
from collections.abc import Iterator

from sqlalchemy import Connection, text

from portillon_cloud.audit.check import N_, Finding
from portillon_cloud.database.triggers import registered

DEFENCES_STAND = "defences_stand"
HOLDS = "What is written never changes: every trigger that refuses a change is in the database."
SAYS = N_(
    "The trigger {trigger} of table {table} is missing or switched off: rows of that table can be changed unseen."
)

_NAME = re.compile(r"CREATE TRIGGER (\w+) ")


def missing_defences(conn: Connection) -> list[Finding]:
    """Each trigger of the code that the database has not, or has switched off."""
    query = (
        "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D'"
        if conn.dialect.name == "postgresql"
        else "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    )
    there = set(conn.execute(text(query)).scalars())
    return [
        Finding(code=DEFENCES_STAND, subject=f"trigger {name}", facts={"trigger": name, "table": table})
        for name, table in _wanted(conn.dialect.name)
        if name not in there
    ]


def _wanted(dialect: str) -> Iterator[tuple[str, str]]:
    for trigger in registered():
        found = _NAME.match(trigger.statement)
        if found is not None and trigger.dialect == dialect:
            yield found.group(1), trigger.table
