"""What is wrong with a record of takings."""

from portillon_cloud.errors import PermanentError


class TakingsBrokenError(PermanentError):
    """The record was changed, or an archive is not the one that was signed; the message says where."""
