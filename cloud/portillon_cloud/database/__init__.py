"""One SQL for two engines: SQLite (one process, one writer connection) and PostgreSQL (several processes)."""

from portillon_cloud.database.engine import Database, wake_after_commit
from portillon_cloud.database.schema import metadata
from portillon_cloud.database.wake import Wake

__all__ = ["Database", "Wake", "metadata", "wake_after_commit"]
