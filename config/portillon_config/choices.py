"""What could have been named instead, as messages end with it."""

from collections.abc import Iterable


def choices(names: Iterable[str]) -> str:
    """The names in alphabetical order, or that there are none."""
    return ", ".join(sorted(names)) or "none at all"
