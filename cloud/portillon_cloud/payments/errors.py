"""What can go wrong around a payment. A refused card is no error: it is an outcome (`provider.py`)."""

from portillon_cloud.errors import ConflictError, NotFoundError, PermanentError, RefusedError, TransientError


class ChargeUnderWayError(TransientError):
    """A charge of this invoice is at the provider: taking money now could take it twice. Try again when it is known."""


class OverpaymentError(PermanentError):
    """More than is owed was offered; the message says what is owed."""


class NothingOwedError(RefusedError):
    """The invoice is paid, or it is not this account's: there is nothing to write off."""


class AmountInvalidError(PermanentError):
    """A payment is a whole positive number of minor units."""


class RequestKeyReusedError(ConflictError):
    """The same request key came with another content."""


class UnknownAccountError(NotFoundError):
    """No such account in this organisation."""


class UnknownPaymentError(NotFoundError):
    """No such payment in this organisation."""


class UnknownPaymentMethodError(NotFoundError):
    """No such payment method in this organisation."""


class LiveOrganisationError(RefusedError):
    """The payment simulator works in test organisations only."""


class IdempotencyKeyReusedError(PermanentError):
    """The provider was sent an old key with another content: a defect of ours, refused by every serious provider."""
