"""What can go wrong around zones."""

from portillon_cloud.errors import NotFoundError, PermanentError, RefusedError


class UnknownZoneError(NotFoundError):
    """The site has no zone of this name, or the zone has no rule."""


class ZoneRuleError(PermanentError):
    """A rule, a name or a note that makes no sense; the message says which."""


class ZoneInUseError(RefusedError):
    """Something opens it, or lies in it; the message says what."""
