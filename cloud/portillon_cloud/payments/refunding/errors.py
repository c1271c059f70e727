"""What can go wrong when something is paid back."""

from portillon_cloud.errors import NotFoundError, RefusedError, TransientError


class UnknownPayoutError(NotFoundError):
    """No such payout in this organisation."""


class PayoutPaidError(RefusedError):
    """It was paid already: how and when is in the message."""


class RefundUnderWayError(TransientError):
    """A refund of it is at the provider: paying it by hand now could pay it twice."""


class NotInDoubtError(RefusedError):
    """What became of it is known: there is nothing for a person to say."""
