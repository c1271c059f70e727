"""What the ledger refuses."""

from portillon_cloud.errors import ConflictError, PermanentError, RefusedError


class PostingError(PermanentError):
    """An amount that is not positive, an account on both sides, or an account that is not in this book."""


class AlreadyPostedError(ConflictError):
    """An entry of this kind and source exists: the same fact is posted once."""


class PeriodClosedError(RefusedError):
    """The day lies in a closed accounting period: post it today, or reopen the period."""


class PeriodError(RefusedError):
    """A period that cannot be closed or reopened as asked; the message says why."""
