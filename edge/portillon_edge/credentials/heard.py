"""What can come of what a reader tells."""

from dataclasses import dataclass, field

from portillon_drivers.events import ReaderFault
from portillon_rules.credential import Credential
from portillon_rules.reason import DenyReason
from portillon_wire.qr_pass import PhonePass

from portillon_edge.domain.credential_facts import Fact


@dataclass(frozen=True, slots=True, kw_only=True)
class Presented:
    """Somebody wants to pass on `credential`. `card` is what was held to the reader, at `read_ns`: the same thing,
    unless a PIN confirmed it. `facts` hold whatever is decided now."""

    reader: str
    credential: Credential
    card: Credential
    at_ns: int
    read_ns: int
    counter: int | None = None
    shown: PhonePass | None = None
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PinEntered:
    """A whole PIN, with the card that waited for it."""

    reader: str
    digits: str = field(repr=False)
    card: Presented | None
    at_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Nothing to decide: the presentation itself is refused. `facts` are to be written down before anybody is told."""

    reader: str
    reason: DenyReason
    at_ns: int
    card: Credential | None = None
    facts: tuple[Fact, ...] = ()
    duress: bool = False
    member: str | None = None


Heard = Presented | PinEntered | Refused | ReaderFault
