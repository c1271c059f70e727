"""What can go wrong with an account at Stripe, apart from a charge: those answer (`answers.py`)."""

from enum import StrEnum

from portillon_cloud.errors import RefusedError, TransientError


class WrongKey(StrEnum):
    """What is wrong with what was entered."""

    NO_SECRET_KEY = "no_secret_key"  # noqa: S105 - the name of a mistake
    OTHER_MODE = "other_mode"  # a test key for a live organisation, or the other way about
    NOT_TAKEN = "not_taken"  # Stripe does not know it, or it may not read the account
    PUBLISHABLE_KEY = "publishable_key"  # of the other mode, or none
    WEBHOOK_SECRET = "webhook_secret"  # noqa: S105 - the name of a mistake


class StripeKeyError(RefusedError):
    """The key is none of Stripe's, of the wrong mode, or Stripe does not know it. The message never repeats it."""

    def __init__(self, message: str, why: WrongKey) -> None:
        super().__init__(message)
        self.why = why


class StripeAwayError(TransientError):
    """Stripe does not answer now; try again soon."""


class NoStripeAccountError(RefusedError):
    """The organisation has entered no account at Stripe, or not what this needs of it."""


class NoStripeHereError(RefusedError):
    """This installation was composed without a way to Stripe."""


class SetupNotDoneError(RefusedError):
    """The card was not entered to the end, or not for this account."""
