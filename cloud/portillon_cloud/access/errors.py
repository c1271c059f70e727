"""What can go wrong around access."""

from portillon_cloud.errors import NotFoundError, PermanentError


class UnknownSiteError(NotFoundError):
    """No such site in this organisation."""


class GraceTooShortError(PermanentError):
    """A paid-up member could be shut out by a dead link; the message says by how much grace is too short."""


class SitePolicyInvalidError(PermanentError):
    """A site policy that cannot be read; the message names the value."""


class GivenRightError(PermanentError):
    """A right that nobody could use, or nobody could explain; the message says what is missing."""


class UnknownGivenRightError(NotFoundError):
    """No such right of this member is in force or coming."""
