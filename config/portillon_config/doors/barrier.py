"""The section `[[doors]]` of `kind = "barrier"`."""

from typing import Literal, Self

from portillon_drivers.options import Name
from pydantic import Field, model_validator

from portillon_config.doors.base import Door


class Barrier(Door):
    """A barrier for vehicles. It closes only over a loop that is known to be clear, or is left to close by itself."""

    kind: Literal["barrier"]
    close_output: Name | None = Field(
        default=None, description="the output that closes it; without one its own controller closes"
    )
    loop_input: Name | None = Field(
        default=None, description="the input of the loop under the boom, active if occupied"
    )
    rex_input: Name | None = Field(default=None, description="the input of the loop or button by which one leaves")
    close_pulse_ms: int = Field(default=500, ge=50, le=60_000, description="how long the closing signal lasts")
    clear_ms: int = Field(
        default=2_000, ge=500, le=60_000, description="the loop must have been clear for this long before it closes"
    )
    closing_ms: int = Field(
        default=6_000, ge=500, le=60_000, description="how long the boom takes to come down; until then it turns back"
    )
    obstacle_ms: int = Field(
        default=60_000, ge=5_000, le=3_600_000, description="a loop occupied for longer is told as an obstacle"
    )
    long_access_factor: int = Field(
        default=3, ge=1, le=10, description="the passage window of who needs longer, as a multiple"
    )

    @model_validator(mode="after")
    def _closes_on_nobody(self) -> Self:
        if self.close_output and not self.loop_input:
            raise ValueError(
                "close_output needs a loop_input: without a loop nobody knows who stands under the boom; "
                "name the loop, or leave closing to the barrier's own controller"
            )
        if self.closing_ms < self.close_pulse_ms:
            raise ValueError(
                f"closing_ms = {self.closing_ms} is over before the closing signal of close_pulse_ms = "
                f"{self.close_pulse_ms} is; give the time that the boom takes to come down"
            )
        return self
