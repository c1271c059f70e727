"""What can go wrong with a timer."""

from portillon_cloud.errors import TransientError


class TimerLostError(TransientError):
    """The claim's lease ran out and another worker has the timer: this worker's effect must not be committed."""
