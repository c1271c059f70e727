"""What can go wrong when somebody says who they are."""


class IdentityError(Exception):
    """Root of this package's errors."""


class TransientIdentityError(IdentityError):
    """The same request may be right later: too many failed sign-ins just now."""


class PermanentIdentityError(IdentityError):
    """The same request will never be right: wrong password, unknown role, e-mail in use."""


class SignInThrottled(TransientIdentityError):
    """Too many failed sign-ins for this e-mail or from this address; `retry_after_ms` says when to try again."""

    def __init__(self, *, retry_after_ms: int) -> None:
        super().__init__(f"Too many failed sign-ins. Try again in {-(-retry_after_ms // 1000)} seconds.")
        self.retry_after_ms = retry_after_ms


class SignInRefused(PermanentIdentityError):
    """E-mail and password do not belong together. Says no more than that, on purpose."""

    def __init__(self) -> None:
        super().__init__("The e-mail or the password is wrong.")


class StaffExists(PermanentIdentityError):
    """The e-mail already belongs to somebody on the staff."""


class WeakPassword(PermanentIdentityError):
    """The password is too short, or too long to be hashed safely."""
