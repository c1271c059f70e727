"""The sections `[[doors]]`: which devices make up an access point, and how long things may take there."""

from typing import Annotated

from pydantic import Field

from portillon_config.doors.barrier import Barrier
from portillon_config.doors.base import Door
from portillon_config.doors.single_door import SingleDoor
from portillon_config.doors.turnstile_lane import TurnstileLane

AnyDoor = Annotated[TurnstileLane | SingleDoor | Barrier, Field(discriminator="kind")]

__all__ = ["AnyDoor", "Barrier", "Door", "SingleDoor", "TurnstileLane"]
