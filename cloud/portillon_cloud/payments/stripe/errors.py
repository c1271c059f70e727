"""What can go wrong with an account at Stripe, apart from a charge: those answer (`answers.py`)."""

from portillon_cloud.errors import RefusedError, TransientError


class StripeKeyError(RefusedError):
    """The key is none of Stripe's, of the wrong mode, or Stripe does not know it. The message never repeats it."""


class StripeAwayError(TransientError):
    """Stripe does not answer now; try again soon."""


class NoStripeAccountError(RefusedError):
    """The organisation has entered no account at Stripe, or not what this needs of it."""


class NoStripeHereError(RefusedError):
    """This installation was composed without a way to Stripe."""


class SetupNotDoneError(RefusedError):
    """The card was not entered to the end, or not for this account."""
