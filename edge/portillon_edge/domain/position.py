"""Where a gateway stands in its feed."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Position:
    """The revision in force, and the root digest of the table it made; all empty before the first snapshot."""

    epoch: int = 0
    revision: int = 0
    root: str = ""


EMPTY = Position()
"""A gateway that was never synchronised, or lost its table."""
