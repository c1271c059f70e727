"""What the control panel tells its shell. Nothing here quotes card bytes or keys in its repr."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from portillon_drivers.osdp.identity import Capabilities, Identity
from portillon_drivers.osdp.replies import NakReason, Reply
from portillon_drivers.readers.frame_fault import FrameFault


class KeyUsed(StrEnum):
    """Which key opened the secure channel."""

    SCBK = "scbk"
    """The reader's own key."""
    OTHER_SCBK = "other_scbk"
    """The second key of a rotation that broke off, or that a KEYSET has just set."""
    DEFAULT = "scbk_d"
    """The key that everybody knows, inside a commissioning window."""
    NONE = "none"
    """No channel: the reader runs in clear text because its settings say so."""


class Refusal(StrEnum):
    """Why a reader is not taken into service, or is taken out of it."""

    NO_SECURE_CHANNEL = "no_secure_channel"
    """It says that it cannot encrypt."""
    KEY_REFUSED = "key_refused"
    """It refuses the key that we offered (often: SCBK-D after it left installation mode)."""
    WRONG_KEY = "wrong_key"
    """It could not prove that it has the key: exchanged, re-keyed by somebody else, or an impostor."""
    NO_KEY = "no_key"
    """We have no key for it and no commissioning window is open."""
    WEAK_KEY = "weak_key"
    """Its configured key is one that anybody would try."""
    DEFAULT_KEY_ANSWERED = "default_key_answered"
    """It answered our own key's challenge as if it had been SCBK-D's."""
    CLEAR_TEXT = "clear_text"
    """It answered in clear text inside the secure channel, or sent data unencrypted, or asked us to."""
    OTHER_DEVICE = "other_device"
    """Vendor, model or serial number is not the one commissioned."""
    DOWNGRADED = "downgraded"
    """It claims to be capable of less than when it was commissioned."""
    WINDOW_ENDED = "window_ended"
    """The commissioning window ended while it still used SCBK-D."""
    SECURITY_DEMANDED = "security_demanded"
    """It is configured for clear text, but refuses to speak it."""


class Outcome(StrEnum):
    """How a command ended."""

    DONE = "done"
    REFUSED = "refused"
    """The reader said NAK, or refused the file; `nak` and `detail` say why."""
    TIMED_OUT = "timed_out"
    """No verdict: the reader may or may not have done it."""
    READER_OFFLINE = "reader_offline"
    """The reader was or went offline. Of a KEYSET: keep both keys, either may be the reader's."""
    QUEUE_FULL = "queue_full"
    """Dropped: more commands than the queue holds."""
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class ReaderOnline:
    """The reader is in service; told again only after `ReaderOffline`."""

    address: int
    secure: bool
    key: KeyUsed
    identity: Identity
    capabilities: Capabilities


@dataclass(frozen=True, slots=True)
class ReaderOffline:
    """The reader is out of service (told once per cause, also for one that was never there)."""

    address: int
    why: str


@dataclass(frozen=True, slots=True)
class ReaderFound:
    """Answer to a scan: who is at this address. `secure_channel`: whether it says that it can encrypt."""

    address: int
    identity: Identity
    capabilities: Capabilities


@dataclass(frozen=True, slots=True)
class CardRead:
    """A card as the reader sent it: `bits` is a string of '0' and '1', first bit first, parity included."""

    address: int
    bits: str = field(repr=False)
    wiegand: bool = False
    """The reader says that it checked the parity (format code 1)."""


@dataclass(frozen=True, slots=True)
class FormattedCardRead:
    """A card as characters (osdp_FMT; deprecated since v2.2, old readers send it)."""

    address: int
    text: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeysPressed:
    """Keys of the PIN pad, in order, as the reader sent them (ASCII digits; 0x7F or '*' clear; 0x0D or '#' enter)."""

    address: int
    keys: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class StatusChanged:
    """What changed at the reader; None or empty: not told this time. First told on going online."""

    address: int
    tamper: bool | None = None
    power_failure: bool | None = None
    inputs: tuple[int, ...] | None = None
    """Per input: 0 at rest, 1 active, anything else is no state of the standard."""
    outputs: tuple[bool, ...] | None = None
    readers: tuple[int, ...] | None = None
    """Per attached reader: 0 normal, 1 not connected, 2 tamper."""


@dataclass(frozen=True, slots=True)
class VendorReply:
    """A manufacturer's own reply (osdp_MFGREP), unread."""

    address: int
    vendor: int
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class SecurityRefused:
    """The reader was refused for its security; told once until it is in service again or the reason changes."""

    address: int
    refusal: Refusal
    detail: str


@dataclass(frozen=True, slots=True)
class DefaultKeyUsed:
    """SCBK-D opened a channel, inside the commissioning window: for the log, each time."""

    address: int


@dataclass(frozen=True, slots=True)
class ChannelLost:
    """The secure channel was torn down and is being built anew; never a step towards clear text."""

    address: int
    why: str


@dataclass(frozen=True, slots=True)
class LineFault:
    """Bytes or a reply that were refused. `address` None: it cannot be said whose."""

    address: int | None
    fault: FrameFault


@dataclass(frozen=True, slots=True)
class CommandDone:
    """Each command ends with exactly one of these."""

    address: int
    handle: int
    outcome: Outcome
    nak: NakReason | None = None
    reply: Reply | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class TransferProgress:
    """So much of the file has been acknowledged."""

    address: int
    handle: int
    sent_bytes: int
    total_bytes: int


PanelEvent: TypeAlias = (
    ReaderOnline
    | ReaderOffline
    | ReaderFound
    | CardRead
    | FormattedCardRead
    | KeysPressed
    | StatusChanged
    | VendorReply
    | SecurityRefused
    | DefaultKeyUsed
    | ChannelLost
    | LineFault
    | CommandDone
    | TransferProgress
)
