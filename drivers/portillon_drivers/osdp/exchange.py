"""One question on the bus and what became of it. Pure."""

from dataclasses import dataclass, field
from enum import StrEnum

from portillon_drivers.osdp.command_queue import Queued


class Purpose(StrEnum):
    """Why a message was sent."""

    GREETING = "greeting"
    POLL = "poll"
    STATUS = "status"
    COMMAND = "command"
    FRAGMENT = "fragment"
    ABORT = "abort"


@dataclass(slots=True)
class Exchange:
    """A message in flight, or waiting to be sent again as the same bytes."""

    purpose: Purpose
    raw: bytes = field(repr=False)
    first_ns: int
    sent_ns: int
    queued: Queued | None = None
    tries: int = 1
    busy_since_ns: int | None = None
