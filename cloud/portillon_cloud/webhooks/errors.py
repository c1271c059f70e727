"""What can go wrong with webhooks."""

from portillon_cloud.errors import ConflictError, NotFoundError, PermanentError, RefusedError


class NoSuchEndpointError(NotFoundError):
    """The organisation has no such endpoint, or has removed it."""


class EndpointRefusedError(PermanentError):
    """The URL is none that we send to; the message says why."""


class TooManyEndpointsError(ConflictError):
    """The organisation has as many endpoints as it may have."""


class AddressRefusedError(PermanentError):
    """The host's address is not one of the public internet: nothing is sent there."""


class EndpointOffError(RefusedError):
    """The endpoint is turned off: nothing can be tried with it."""
