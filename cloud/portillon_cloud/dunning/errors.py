"""What can go wrong in dunning."""

from portillon_cloud.errors import PermanentError


class PolicyInvalidError(PermanentError, ValueError):
    """A dunning policy that makes no sense; the message names the value and what would be accepted."""
