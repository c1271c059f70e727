"""Why a clock was not read or turned."""

from portillon_cloud.errors import NotFoundError, RefusedError


class UnknownOrganisationError(NotFoundError):
    """No organisation has this id."""


class LiveClockError(RefusedError):
    """A live organisation's time is the world's time; only a test organisation's clock can be turned."""


class BackwardsClockError(RefusedError):
    """The target lies before the organisation's business time: a clock is only advanced."""


class ClockBusyError(RefusedError):
    """The clock is being advanced already; wait until that job is done."""
