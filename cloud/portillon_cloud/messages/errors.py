"""What can go wrong while a message is carried."""

from portillon_cloud.errors import PermanentError, TransientError


class CarrierBusyError(TransientError):
    """The carrier could not take the message now (unreachable, greylisted, disk full): it is tried again."""


class LetterRefusedError(PermanentError):
    """The carrier will never take this message (no such address, bad content); the message says why."""
