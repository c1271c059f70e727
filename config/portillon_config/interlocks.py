"""The sections `[[interlocks]]`: doors of which only one may let people through at a time."""

from enum import StrEnum

from portillon_drivers.options import Name, Section
from pydantic import Field


class InterlockMode(StrEnum):
    """When the other doors wait."""

    ONE_OPEN = "one_open"
    """While one of them stands open."""
    ONE_RELEASED = "one_released"
    """Already while one of them may be opened: a mantrap."""


class Interlock(Section):
    """A mantrap, or an airlock: fire and whoever wants out stand above it."""

    name: Name
    doors: tuple[Name, ...] = Field(min_length=2, description="the names of its doors; each needs a contact_input")
    mode: InterlockMode = InterlockMode.ONE_RELEASED
