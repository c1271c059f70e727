"""Bring a database's schema to this version, or say that it is not."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from portillon_cloud.database.engine import Database
from portillon_cloud.database.errors import SchemaError

SCRIPTS = Path(__file__).parent.parent / "migrations"


def migrate(db: Database) -> str:
    """Run every migration that is not applied yet, all in one transaction; the revision reached."""
    config = _config()
    with db.write() as conn:
        config.attributes["connection"] = conn
        command.upgrade(config, "head")
    return _head(config)


def require_current(db: Database) -> None:
    """Raise SchemaError unless the database's schema is exactly this version's."""
    head = _head(_config())
    with db.read() as conn:
        found = MigrationContext.configure(conn).get_current_revision()
    if found != head:
        raise SchemaError(
            f"the database's schema is {found or 'empty'} and this version needs {head}; run: portillon-cloud migrate"
        )


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    return config


def _head(config: Config) -> str:
    head = ScriptDirectory.from_config(config).get_current_head()
    if head is None:
        raise SchemaError(f"no migration in {SCRIPTS}; reinstall portillon-cloud")
    return head
