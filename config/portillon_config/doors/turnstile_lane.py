"""The section `[[doors]]` of `kind = "turnstile_lane"`."""

from typing import Literal

from portillon_drivers.options import Name
from pydantic import Field

from portillon_config.doors.base import Door


class TurnstileLane(Door):
    """A lane that passes one person and says so by a contact."""

    kind: Literal["turnstile_lane"]
    passage_input: Name = Field(description="the name of the input that the lane closes when somebody went through")
