"""What can go wrong at a door.

DoorError
└── OutputUnavailableError    try again soon: the guard or the output's device is away; the card is refused meanwhile
"""


class DoorError(Exception):
    """Any failure at a door; the message names what, where, and what to do."""


class OutputUnavailableError(DoorError):
    """The output cannot be driven now."""
