"""What can go wrong between a feature and its database."""

from portillon_cloud.errors import PermanentError, TransientError


class DatabaseBusyError(TransientError):
    """Another writer held the database for longer than the wait; try again."""


class DatabaseInUseError(PermanentError):
    """Another process owns this SQLite file."""


class DatabaseUrlError(PermanentError):
    """The URL names no database this program can use."""


class NestedWriteError(PermanentError):
    """The same thread asked for a second write transaction inside its first: it would wait for itself for ever."""


class SchemaError(PermanentError):
    """The database's schema is not the one this version needs; run `portillon-cloud migrate`."""
