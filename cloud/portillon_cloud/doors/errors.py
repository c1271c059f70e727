"""What can go wrong around doors."""

from portillon_cloud.errors import NotFoundError, PermanentError


class UnknownDoorError(NotFoundError):
    """No gateway of this site has reported a door of this name."""


class UnknownScheduleError(NotFoundError):
    """The site has no schedule of this name."""


class DoorRuleError(PermanentError):
    """A door cannot ask for this; the message says what it can."""


class OrderOverError(PermanentError):
    """An order that would have ended before it was given."""
