"""What can go wrong around schedules and holidays."""

from portillon_cloud.errors import NotFoundError, PermanentError, RefusedError


class UnknownHoursError(NotFoundError):
    """The site has no schedule or holiday calendar of this name."""


class HoursInvalidError(PermanentError):
    """Hours or dates that make no sense; the message says which."""


class HoursInUseError(RefusedError):
    """Something goes by it still; the message says what."""
