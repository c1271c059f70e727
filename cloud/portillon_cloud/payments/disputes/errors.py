"""What can go wrong around a dispute."""

from enum import StrEnum

from portillon_cloud.errors import NotFoundError, PermanentError, RefusedError, TransientError


class WrongDocument(StrEnum):
    """Why a document is not taken."""

    NOT_READ = "not_read"  # no PDF, JPEG or PNG
    TOO_LARGE = "too_large"
    TWO_OF_A_KIND = "two_of_a_kind"


class UnknownDisputeError(NotFoundError):
    """No such dispute in this organisation."""


class PaymentNotKnownYetError(TransientError):
    """The dispute was heard of before the payment it is about: its turn comes."""


class OtherCurrencyError(PermanentError):
    """The bank disputes it in another currency than it was paid in: a person must look."""


class NothingToAnswerError(RefusedError):
    """The bank waits for no evidence: it was answered, decided, or is of a debit."""


class DocumentRefusedError(PermanentError):
    """Banks do not take such a document, or not so much."""

    def __init__(self, message: str, why: WrongDocument) -> None:
        super().__init__(message)
        self.why = why


class NothingToClearError(RefusedError):
    """Only an account whose dispute was lost waits for a person to clear it."""
