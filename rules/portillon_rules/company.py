"""With whom somebody comes: a second person, an escort, a supervisor, a guardian."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Company:
    """Members who badged at this door and wait (`waiting`), and members who are in its zone (`inside`)."""

    waiting: tuple[str, ...] = ()
    inside: frozenset[str] = frozenset()
