"""What can go wrong with a question."""

from portillon_cloud.errors import NotFoundError, RefusedError


class UnknownInvoiceError(NotFoundError):
    """No such invoice in this organisation."""


class UnknownQuestionError(NotFoundError):
    """No such question in this organisation."""


class AskedAlreadyError(RefusedError):
    """A question about this invoice is open: answer that one."""


class AnsweredAlreadyError(RefusedError):
    """It was answered, by whom is in the message."""
