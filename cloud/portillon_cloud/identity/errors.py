"""What can go wrong when somebody says who they are."""

from portillon_cloud.errors import ConflictError, PermanentError, TransientError


class SignInThrottled(TransientError):
    """Too many failed sign-ins for this e-mail or from this address; `retry_after_ms` says when to try again."""

    def __init__(self, *, retry_after_ms: int) -> None:
        super().__init__(f"Too many failed sign-ins. Try again in {-(-retry_after_ms // 1000)} seconds.")
        self.retry_after_ms = retry_after_ms


class AskedTooOften(TransientError):
    """A stranger asks for the same too often; `retry_after_ms` says when they may again."""

    def __init__(self, *, retry_after_ms: int) -> None:
        super().__init__(f"Asked too often. Try again in {-(-retry_after_ms // 1000)} seconds.")
        self.retry_after_ms = retry_after_ms


class SignInRefused(PermanentError):
    """E-mail and password do not belong together. Says no more than that, on purpose."""

    def __init__(self) -> None:
        super().__init__("The e-mail or the password is wrong.")


class StaffExists(ConflictError):
    """The e-mail already belongs to somebody on the staff."""


class WeakPassword(PermanentError):
    """The password is too short, or too long to be hashed safely."""
