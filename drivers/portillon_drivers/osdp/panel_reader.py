"""What the panel is told of a reader, and what it tells its shell to do. Pure."""

from dataclasses import dataclass, field
from enum import StrEnum

from portillon_drivers.osdp.identity import Capabilities, Identity
from portillon_drivers.osdp.panel_events import PanelEvent


class Security(StrEnum):
    """How a reader may be spoken to."""

    REQUIRED = "required"
    INSECURE_CLEAR_TEXT = "insecure_clear_text"
    """No channel at all: the site says that this reader cannot encrypt and accepts it."""
    IDENTIFY_ONLY = "identify_only"
    """For a scan: identity and capabilities are read in clear, then `ReaderFound` or `ReaderOffline`, then silence."""


@dataclass(frozen=True, slots=True)
class PanelReader:
    """One reader on the bus, as the panel must treat it."""

    address: int
    security: Security = Security.REQUIRED
    scbk: bytes | None = field(default=None, repr=False)
    other_scbk: bytes | None = field(default=None, repr=False)
    """A second key that it may have: the other end of a rotation that broke off."""
    commissioning_until_ns: int | None = None
    """Until then SCBK-D may be used; None: never."""
    identity: Identity | None = None
    """Who was commissioned here; None: whoever proves the key."""
    capabilities: Capabilities | None = None
    """What it could do then."""
    crc: bool = True
    """Begin with CRC-16; a reader that refuses it is asked again with the checksum."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What to do now: send these bytes (or nothing), tell these events, and come back at `wake_ns` at the latest."""

    send: bytes | None
    events: tuple[PanelEvent, ...]
    wake_ns: int
