"""What can go wrong at a door; part of the tree in `portillon_edge/errors.py`."""

from portillon_edge.errors import TransientEdgeError


class OutputUnavailable(TransientEdgeError):
    """The guard or the output's device is away: the card is refused meanwhile, with that reason."""
