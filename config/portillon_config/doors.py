"""The sections `[[doors]]`: which devices make up an access point, and how long things may take there."""

from typing import Annotated, Literal

from portillon_drivers.options import Name, Section
from pydantic import Field


class Door(Section):
    """What every access point has."""

    name: Name
    zone: Name = Field(description="the zone that one enters here; entitlements name it")
    readers: tuple[Name, ...] = Field(
        min_length=1, description='the names of its readers, for example ["lane1-reader"]'
    )
    output: Name = Field(description="the name of the output that releases it")
    pulse_ms: int = Field(ge=50, le=60_000, description="how long a grant releases the output")
    passage_window_ms: int = Field(
        default=8_000, ge=500, le=60_000, description="a grant that nobody used within this time is told as such"
    )

    @property
    def inputs(self) -> dict[str, str]:
        """The inputs it uses, by the key that names them."""
        keys = ("passage_input", "contact_input", "rex_input")
        return {key: value for key in keys if (value := getattr(self, key, None)) is not None}


class TurnstileLane(Door):
    """A lane that passes one person and says so by a contact."""

    kind: Literal["turnstile_lane"]
    passage_input: Name = Field(description="the name of the input that the lane closes when somebody went through")


class SingleDoor(Door):
    """A door with a strike or a maglock."""

    kind: Literal["door"]
    contact_input: Name | None = Field(default=None, description="the input of the door contact, active while open")
    rex_input: Name | None = Field(default=None, description="the input of the request-to-exit button")
    held_open_ms: int = Field(
        default=30_000, ge=1_000, le=600_000, description="a door open for longer after a grant is told as held open"
    )


AnyDoor = Annotated[TurnstileLane | SingleDoor, Field(discriminator="kind")]
