"""The section `[[doors]]` of `kind = "door"`."""

from typing import Literal, Self

from portillon_drivers.options import Name
from pydantic import Field, model_validator

from portillon_config.doors.base import Door


class SingleDoor(Door):
    """A door with a strike or a maglock."""

    kind: Literal["door"]
    contact_input: Name | None = Field(default=None, description="the input of the door contact, active while open")
    contact_bounce_ms: int = Field(
        default=200, ge=0, le=2_000, description="a door that falls shut and springs back within this time never shut"
    )
    rex_input: Name | None = Field(default=None, description="the input of the request-to-exit button")
    relock_on_open: bool = Field(
        default=True, description="false for a lock that must stay released until the door is shut"
    )
    held_open_ms: int = Field(
        default=30_000, ge=1_000, le=600_000, description="a door open for longer after a grant is told as held open"
    )
    held_open_warn_ms: int | None = Field(
        default=None, ge=500, le=600_000, description="open for this long, a warning comes first; default: no warning"
    )
    long_access_factor: int = Field(
        default=3,
        ge=1,
        le=10,
        description="release, passage window and time to stand open of who needs longer, as a multiple; "
        "the output's max_on_ms bounds the release nevertheless",
    )

    @model_validator(mode="after")
    def _warns_before_the_alarm(self) -> Self:
        if self.held_open_warn_ms is not None and self.held_open_warn_ms >= self.held_open_ms:
            raise ValueError(
                f"held_open_warn_ms = {self.held_open_warn_ms} would warn when the alarm is told already, "
                f"held_open_ms = {self.held_open_ms}; lower the one or raise the other"
            )
        return self
