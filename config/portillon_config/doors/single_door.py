"""The section `[[doors]]` of `kind = "door"`."""

from typing import Literal

from portillon_drivers.options import Name
from pydantic import Field

from portillon_config.doors.base import Door


class SingleDoor(Door):
    """A door with a strike or a maglock."""

    kind: Literal["door"]
    contact_input: Name | None = Field(default=None, description="the input of the door contact, active while open")
    rex_input: Name | None = Field(default=None, description="the input of the request-to-exit button")
    held_open_ms: int = Field(
        default=30_000, ge=1_000, le=600_000, description="a door open for longer after a grant is told as held open"
    )
