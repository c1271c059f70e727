"""The sections `[[watches]]`: inputs that speak for the house and not for one door."""

from enum import StrEnum
from typing import Literal

from portillon_drivers.options import Name, Section
from pydantic import Field


class WatchKind(StrEnum):
    """What an active input means."""

    FIRE = "fire"
    """The fire panel's loop; the doors stay free until somebody resets. Wire it so that alarm, cut and short differ."""
    EMERGENCY_RELEASE = "emergency_release"
    """A break-glass unit: the doors are free for as long as it says so."""
    LOCKDOWN = "lockdown"
    TAMPER = "tamper"
    MAINS = "mains"
    """Active: the mains have failed."""
    BATTERY = "battery"
    """Active: the battery is low."""
    RESET = "reset"
    """A key switch that resets the fire."""

    @property
    def releases(self) -> bool:
        """Whether it can set doors free."""
        return self in (WatchKind.FIRE, WatchKind.EMERGENCY_RELEASE)


class Watch(Section):
    """One input that is watched for the whole site, or for some of its doors."""

    name: Name
    kind: WatchKind
    input: Name = Field(description="the name of the input; its `active` says which state of the contact counts")
    doors: tuple[Name, ...] = Field(default=(), description="the doors that it is about; default: all")
    on_trouble: Literal["release", "tell"] = Field(
        default="release",
        description='fire, emergency_release: what a cut or shorted loop does; "tell" leaves the doors as they are',
    )
