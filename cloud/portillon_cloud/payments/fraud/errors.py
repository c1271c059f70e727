"""What can go wrong where tries of cards are watched."""

from portillon_cloud.errors import NotFoundError, RefusedError


class UnknownSignalError(NotFoundError):
    """The organisation has no such signal, or it was cleared already."""


class TriesHeldError(RefusedError):
    """Cards were tried too often with this account, or around it; the message says what to do."""
