"""What a card proved."""

from dataclasses import dataclass

from portillon_rules.credential import Credential

RANDOM_ID = 0x08
"""First byte of a UID of 4 bytes that is new each time (ISO 14443-3 §6.5.4)."""


@dataclass(frozen=True, slots=True)
class Identified:
    """The credential that the card proved, or its UID where that is enough; `counter` is an NTAG 424 DNA's."""

    credential: Credential
    counter: int | None = None


def hides_uid(uid: bytes) -> bool:
    """Whether this UID is a random number, made for one conversation."""
    return len(uid) == 4 and uid[0] == RANDOM_ID
