"""A migrated database is the one the code describes, on both engines."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
from portillon_cloud.database import Database
from portillon_cloud.database.errors import SchemaError
from portillon_cloud.database.migrate import migrate, require_current
from portillon_cloud.migrations.write_first import DIALECTS, schema
from sqlalchemy import text


@pytest.fixture
def empty_sqlite(tmp_path: Path) -> Database:
    return Database(f"sqlite:///{tmp_path}/empty.db")


def test_migrating_sqlite_gives_the_codes_schema(empty_sqlite: Database, sqlite_db: Database) -> None:
    """Every table, index and trigger is word for word the one that the metadata would make."""

    def found(db: Database) -> dict[str, str]:
        with db.read() as conn:
            rows = conn.execute(text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
            return {row.name: " ".join(row.sql.split()) for row in rows if row.name != "alembic_version"}

    with pytest.raises(SchemaError, match="portillon-cloud migrate"):
        require_current(empty_sqlite)
    assert migrate(empty_sqlite) == "0001"
    require_current(empty_sqlite)
    assert found(empty_sqlite) == found(sqlite_db)
    assert migrate(empty_sqlite) == "0001"
    empty_sqlite.close()


@pytest.mark.postgres
def test_migrating_postgresql_gives_the_codes_schema(postgres_cluster: Any) -> None:
    """pg_dump sees no difference between a migrated database and one made from the metadata."""

    def dumped(url: str) -> list[str]:
        name = url.split("@/")[1].split("?")[0]
        program = postgres_cluster.programs / "pg_dump"
        arguments = [
            "-h",
            str(postgres_cluster.folder),
            "-U",
            "postgres",
            "--schema-only",
            "-T",
            "alembic_version",
            name,
        ]
        done = subprocess.run([str(program), *arguments], check=True, capture_output=True, text=True)
        return [line for line in done.stdout.splitlines() if line and not line.startswith(("--", "\\"))]

    postgres_cluster.create("migrated")
    migrated = Database(postgres_cluster.url("migrated"))
    assert migrate(migrated) == "0001"
    require_current(migrated)
    migrated.close()
    made = postgres_cluster.fresh()
    assert dumped(postgres_cluster.url("migrated")) == dumped(made)
    for url in (made, postgres_cluster.url("migrated")):
        postgres_cluster.drop(url)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_written_schema_is_the_one_in_the_code(dialect: str, sqlite_template: Path) -> None:
    """Whoever changes a table before the first release is told how to write the schema anew."""
    from portillon_cloud.migrations import versions

    written = Path(versions.__path__[0], f"0001.{dialect}.sql").read_text()
    assert written == schema(dialect), "run: python -m portillon_cloud.migrations.write_first"


def test_a_crash_in_a_migration_leaves_the_old_schema(empty_sqlite: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it or nothing: a statement that fails takes the others back."""
    monkeypatch.setattr(Path, "read_text", lambda _path: "CREATE TABLE a (id INTEGER)\n\nCREATE nonsense")
    with pytest.raises(Exception, match="nonsense"):
        migrate(empty_sqlite)
    with empty_sqlite.read() as conn:
        assert conn.execute(text("SELECT count(*) FROM sqlite_master WHERE name = 'a'")).scalar_one() == 0
    empty_sqlite.close()
