"""Where each message travels. The site is looked up, never read from a topic (DESIGN §4)."""

from dataclasses import dataclass
from enum import StrEnum

from portillon_wire.errors import MessageError

PREFIX = "portillon/v1"
ALL_JOURNALS = f"{PREFIX}/+/up/journal"
ALL_SYNC = f"{PREFIX}/+/up/sync"
ALL_REPORTED = f"{PREFIX}/+/up/reported"
ALL_STATUS = f"{PREFIX}/+/up/status"
ALL_RESULTS = f"{PREFIX}/+/up/result"
ALL_PRESENCE = f"{PREFIX}/+/up/presence"


class Up(StrEnum):
    """What a gateway says."""

    JOURNAL = "journal"
    SYNC = "sync"
    REPORTED = "reported"
    RESULT = "result"
    STATUS = "status"
    PRESENCE = "presence"


class Down(StrEnum):
    """What the cloud says."""

    FEED = "feed"
    LEASE = "lease"
    DESIRED = "desired"
    COMMAND = "command"
    ACK = "ack"
    PRESENCE = "presence"


def up(gateway: str, name: Up) -> str:
    """The topic on which a gateway publishes `name`."""
    return f"{PREFIX}/{gateway}/up/{name}"


def down(gateway: str, name: Down) -> str:
    """The topic on which the cloud publishes `name` to a gateway."""
    return f"{PREFIX}/{gateway}/down/{name}"


@dataclass(frozen=True, slots=True)
class Address:
    """What a topic says."""

    gateway: str
    name: Up | Down


def parse(topic: str) -> Address:
    """Read a topic; raises MessageError for one that is not of this protocol."""
    match topic.split("/"):
        case ["portillon", "v1", gateway, "up", name] if gateway and name in set(Up):
            return Address(gateway, Up(name))
        case ["portillon", "v1", gateway, "down", name] if gateway and name in set(Down):
            return Address(gateway, Down(name))
    raise MessageError(f"{topic!r} is no topic of {PREFIX}")
