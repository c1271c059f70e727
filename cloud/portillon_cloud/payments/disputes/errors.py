"""What can go wrong around a dispute."""

from portillon_cloud.errors import NotFoundError, PermanentError, RefusedError, TransientError


class UnknownDisputeError(NotFoundError):
    """No such dispute in this organisation."""


class PaymentNotKnownYetError(TransientError):
    """The dispute was heard of before the payment it is about: its turn comes."""


class OtherCurrencyError(PermanentError):
    """The bank disputes it in another currency than it was paid in: a person must look."""


class NothingToAnswerError(RefusedError):
    """The bank waits for no evidence: it was answered, decided, or is of a debit."""


class NothingToClearError(RefusedError):
    """Only an account whose dispute was lost waits for a person to clear it."""
