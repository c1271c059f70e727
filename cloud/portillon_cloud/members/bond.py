"""What binds two members at a door."""

from enum import StrEnum


class Bond(StrEnum):
    """What the other one is to whoever needs them; portillon_rules `company` says when they are there."""

    GUARDIAN = "guardian"
    HOST = "host"
