"""What staff tells the doors directly: by a signed command from the cloud, or a technician at the gateway itself.

Each ends as exactly one event with its `by`: COMMAND_DONE, FIRE_RESET or ALARM_ACKNOWLEDGED, or else ORDER_REFUSED with
the reason. Orders that outlive the gateway come as rows of the feed instead (`portillon_rules.door_plan.DoorOrder`).
"""

from dataclasses import dataclass
from typing import TypeAlias

from portillon_rules.door_plan import Standing
from portillon_wire.alarm_classes import Alarm

LOCAL_HOLD_MS_MAX = 12 * 3_600_000
"""Nobody's visit lasts longer; an order that must is given in the cloud, where it is seen and audited."""


@dataclass(frozen=True, slots=True)
class OpenDoor:
    """Open once, as a badge would, without a card; `by`: a staff id, never a name in clear."""

    door: str
    by: str
    at_ns: int


@dataclass(frozen=True, slots=True)
class ResetFire:
    """The fire is over and the house was looked after: back to orders and plans. Refused while a loop still alarms."""

    by: str
    at_ns: int


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """Somebody has seen what is the matter and looks after it: this alarm at this door; None: any, anywhere here."""

    alarm: Alarm | None
    by: str
    at_ns: int
    door: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class HoldDoor:
    """Let a door (or EVERY_DOOR) stand so from here, for `for_ms` at most or until the gateway ends; raises ValueError.

    A later one for the same door takes its place. Only a technician without the cloud needs it.
    """

    door: str
    standing: Standing
    by: str
    at_ns: int
    for_ms: int = LOCAL_HOLD_MS_MAX

    def __post_init__(self) -> None:
        if not 0 < self.for_ms <= LOCAL_HOLD_MS_MAX:
            raise ValueError(
                f"a local order for {self.for_ms} ms: give 1 to {LOCAL_HOLD_MS_MAX}, or order it in the cloud"
            )


@dataclass(frozen=True, slots=True)
class ReleaseDoor:
    """Withdraw the HoldDoor for this door (or EVERY_DOOR): back to what the site's orders and plans say."""

    door: str
    by: str
    at_ns: int


StaffOrder: TypeAlias = OpenDoor | ResetFire | Acknowledge | HoldDoor | ReleaseDoor
