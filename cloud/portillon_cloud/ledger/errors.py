"""What the ledger refuses."""

from portillon_cloud.errors import ConflictError, PermanentError


class PostingError(PermanentError):
    """An amount that is not positive, an account on both sides, or an account that is not in this book."""


class AlreadyPostedError(ConflictError):
    """An entry of this kind and source exists: the same fact is posted once."""
