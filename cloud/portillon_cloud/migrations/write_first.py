"""Write 0001.<dialect>.sql anew from the tables in the code: `python -m portillon_cloud.migrations.write_first`.

Only until the first release: a schema that is in use changes by a new version file, never by rewriting an old one.
"""

from pathlib import Path

from sqlalchemy import Dialect
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from portillon_cloud.database import metadata
from portillon_cloud.database.triggers import registered
from portillon_cloud.main import all_tables

DIALECTS: dict[str, Dialect] = {"sqlite": sqlite.dialect(), "postgresql": postgresql.dialect()}  # type: ignore[no-untyped-call]


def schema(name: str) -> str:
    """Every statement that makes the schema on one dialect, with an empty line between two."""
    dialect = DIALECTS[name]
    statements = []
    for table in metadata.sorted_tables:
        statements.append(str(CreateTable(table).compile(dialect=dialect)))
        indexes = sorted(table.indexes, key=lambda index: str(index.name))
        statements.extend(str(CreateIndex(index).compile(dialect=dialect)) for index in indexes)
        statements.extend(
            trigger.statement for trigger in registered() if (trigger.table, trigger.dialect) == (table.name, name)
        )
    lines = ["\n".join(line.rstrip() for line in statement.strip().splitlines()) for statement in statements]
    return "\n\n".join(lines) + "\n"


def main() -> None:
    """Write one file per dialect beside the version that runs them."""
    all_tables()
    for name in DIALECTS:
        (Path(__file__).parent / "versions" / f"0001.{name}.sql").write_text(schema(name))


if __name__ == "__main__":
    main()
