"""What staff orders at a distance, at this very moment: signed, short-lived, done once (DESIGN §4, Signatures).

What lasts is no command: a door's plan and the orders above it are rows of the feed, which no lost message can undo.
"""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from portillon_wire.messages import Counter, Message, Name, SignedMessage

LIFE_MS_MAX = 30_000
"""A command that came later than this after it was given would surprise somebody at the door."""


class Action(StrEnum):
    """What is to be done."""

    OPEN_DOOR = "open_door"
    """Open once, as an exit button does."""
    RESET_FIRE = "reset_fire"
    """The fire is over: doors go back to their plan. Only if the fire input is quiet."""


class Command(SignedMessage):
    """One order. `counter` rises with every command of one signing key; `by` names who gave it, never in clear."""

    action: Action
    door: Name | None = None
    by: Annotated[str, Field(min_length=1, max_length=64)]
    counter: Counter
    issued_ms: Counter
    expires_ms: Counter

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if not 0 < self.expires_ms - self.issued_ms <= LIFE_MS_MAX:
            raise ValueError(f"a command lives for more than nothing and at most {LIFE_MS_MAX} ms")
        if (self.door is None) is (self.action is Action.OPEN_DOOR):
            raise ValueError("open_door names its door, and nothing else does")
        return self


class CommandResult(Message):
    """What became of the command with this counter, signed by this key. `taken`: it is with the doors, whose events
    tell the rest; `refused`: nothing was done, for `reason`."""

    kid: Annotated[str, Field(min_length=1, max_length=64)]
    counter: Counter
    outcome: Literal["taken", "refused"]
    reason: Annotated[str, Field(max_length=64)] = ""
