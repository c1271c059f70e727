"""What can go wrong around visits."""

from portillon_cloud.errors import NotFoundError, PermanentError


class UnknownAllowanceError(NotFoundError):
    """The member has no such pack or quota that is open."""


class UnknownHomeError(NotFoundError):
    """The member's site has no such gateway that is in service, or the member has no visits to count."""


class AllowanceError(PermanentError):
    """No such pack or quota can be sold; the message says why."""
