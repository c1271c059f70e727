"""What can go wrong around a bank's files and lines."""

from portillon_cloud.errors import ConflictError, NotFoundError, PermanentError, RefusedError


class BankFileInvalidError(PermanentError):
    """This is no file of a bank that we read; the message says what it is."""


class NotOurAccountError(RefusedError):
    """The file is of another bank account, or in another currency."""


class UnknownBankLineError(NotFoundError):
    """No such line in this organisation."""


class SaidByBankError(RefusedError):
    """The bank itself said what the line is, by our own reference: nobody takes that back."""


class LineExplainedError(ConflictError):
    """The line is explained already, or not by this much."""
