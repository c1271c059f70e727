"""The first schema, as SQL per dialect beside this file."""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make every table, index and trigger."""
    conn = op.get_bind()
    script = Path(__file__).with_name(f"0001.{conn.dialect.name}.sql").read_text()
    for statement in script.strip().split("\n\n"):
        conn.exec_driver_sql(statement)


def downgrade() -> None:
    """There is nothing before the first."""
    raise NotImplementedError("restore the backup that was made before the migration")
