"""What can go wrong around direct debits through the gym's own bank."""

from portillon_cloud.errors import ConflictError, NotFoundError, PermanentError, RefusedError


class NotACreditorError(RefusedError):
    """This company may not collect by SEPA: no creditor identifier, or its book is not in euros."""


class CreditorIdentifierInvalidError(PermanentError):
    """Its check digits do not fit."""


class MandateReferenceInvalidError(PermanentError):
    """A mandate's reference has characters that banks do not take."""


class MandateKnownError(ConflictError):
    """The mandate's reference is used already."""


class UnknownMandateError(NotFoundError):
    """No such mandate in this organisation."""


class UnknownDebitFileError(NotFoundError):
    """No such file in this organisation."""


class NothingToPayBackError(RefusedError):
    """No refund waits for a file."""


class NothingToCollectError(RefusedError):
    """No debit waits for a file now; the message says when the next one does."""
