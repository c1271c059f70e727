"""What readers, inputs and timed outputs report. `at_ns` is the caller's clock when the bytes were read (a gateway's:
the boot clock).

No fault's detail ever quotes what was read: a credential in clear must not reach a journal or a log.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from portillon_rules.credential import Credential


class ReaderFaultKind(StrEnum):
    """Why bytes from a reader were refused."""

    JUNK = "junk"
    """Bytes outside any frame."""
    TRUNCATED = "truncated"
    """A frame that broke off."""
    MALFORMED = "malformed"
    """A byte that cannot stand where it stood."""
    CHECKSUM = "checksum"
    """A whole frame whose checksum is wrong."""
    ALL_ZERO = "all_zero"
    """A whole frame of zeros: what a reader without a coil field sends."""
    UNCONFIRMED = "unconfirmed"
    """A whole frame, checksum right, that nothing repeated: a ghost of RDM6300 clones, or a card moved too fast."""
    TOO_LONG = "too_long"
    """More bytes or bits than anything this reader sends; it was given up at its bound."""
    PARITY = "parity"
    """A parity bit that does not fit: a bit was lost or turned on the way."""
    UNKNOWN_FORMAT = "unknown_format"
    """A clean reading in a format that this reader was not told of."""
    NOISE = "noise"
    """Edges too short, too close or too sparse for a card: interference, or no common ground."""
    SHORTED = "shorted"
    """A data line stays low, or both always fall together."""
    SWAPPED_LINES = "swapped_lines"
    """Readings fit only if D0 and D1 change places: they are connected the wrong way round."""
    LOST_BITS = "lost_bits"
    """Fewer bits than the format has."""
    RUN_TOGETHER = "run_together"
    """Two cards without a gap between them."""
    EDGES_DROPPED = "edges_dropped"
    """The kernel's queue ran over, so bits are missing."""
    COLLISION = "collision"
    """Several cards lie on the reader at once."""
    TORN = "torn"
    """The card left the field before it was read to its end."""
    NOT_GENUINE = "not_genuine"
    """A card that could not prove what it claims: wrong key, wrong MAC, wrong signature."""
    CHIP_HUNG = "chip_hung"
    """The reader's chip stopped answering and was reset."""
    TAMPER = "tamper"
    """The reader's tamper contact: somebody opened it or took it off the wall."""
    POWER = "power"
    """The reader reports trouble with its supply."""
    REFUSED = "refused"
    """The reader asked for, or fell back to, something that its security settings forbid."""
    RESTORED = "restored"
    """What an earlier fault told (tamper, power) is over."""


class Key(StrEnum):
    """One key of a PIN pad, whatever wire it came over: the one keypad model."""

    K0 = "0"
    K1 = "1"
    K2 = "2"
    K3 = "3"
    K4 = "4"
    K5 = "5"
    K6 = "6"
    K7 = "7"
    K8 = "8"
    K9 = "9"
    STAR = "*"
    """Clears what was typed."""
    HASH = "#"
    """Ends the entry."""


@dataclass(frozen=True, slots=True)
class CredentialRead:
    """A credential was presented; repeats within the reader's hold-off are not told.

    `counter`: a number that must rise each time this credential is presented (an NTAG 424 DNA's), None: it has none.
    """

    reader: str
    credential: Credential
    at_ns: int
    counter: int | None = None


@dataclass(frozen=True, slots=True)
class TextScanned:
    """A scanner read a printed or shown code; what it is (a pass, a day code, a number) the gateway finds out."""

    reader: str
    text: str = field(repr=False)
    at_ns: int


@dataclass(frozen=True, slots=True)
class KeyPressed:
    """A key of the reader's PIN pad was pressed."""

    reader: str
    key: Key = field(repr=False)
    at_ns: int


@dataclass(frozen=True, slots=True)
class ReaderFault:
    """Bytes were refused; nothing was guessed from them."""

    reader: str
    fault: ReaderFaultKind
    detail: str
    at_ns: int


@dataclass(frozen=True, slots=True)
class ReaderUp:
    """The reader's line is open."""

    reader: str
    at_ns: int


@dataclass(frozen=True, slots=True)
class ReaderDown:
    """The reader's line cannot be used; told once per cause, while the driver goes on trying."""

    reader: str
    detail: str
    at_ns: int


@dataclass(frozen=True, slots=True)
class InputChanged:
    """The settled state of an input; the first one after `InputUp` tells how the input was found."""

    name: str
    active: bool
    at_ns: int


@dataclass(frozen=True, slots=True)
class InputUp:
    """The input can be read."""

    name: str
    at_ns: int


@dataclass(frozen=True, slots=True)
class InputDown:
    """The input cannot be read; its last state means nothing now."""

    name: str
    detail: str
    at_ns: int


@dataclass(frozen=True, slots=True)
class InputFault:
    """One reading was refused (wrong checksum, late answer); the input is still considered readable."""

    name: str
    detail: str
    at_ns: int


class LineTrouble(StrEnum):
    """Why a line that can be read must not be believed."""

    CUT = "cut"
    SHORT = "short"
    FOREIGN = "foreign"
    """A level that no state of the line has: water, a wrong resistor, a meddler."""
    FLAPPING = "flapping"
    """It changes more often than any person or door could, and is withheld until it calms; only that an egress input
    turns active goes on being told."""


@dataclass(frozen=True, slots=True)
class InputTroubled:
    """The line is in trouble: its state is unknown until the next InputChanged, which ends the trouble."""

    name: str
    trouble: LineTrouble
    detail: str
    at_ns: int


@dataclass(frozen=True, slots=True)
class OutputReleased:
    """The device of a timed output releases."""

    name: str
    at_ns: int


@dataclass(frozen=True, slots=True)
class OutputLocked:
    """The device of a timed output locked because it was told to; `asked` False: as its device came into service."""

    name: str
    at_ns: int
    asked: bool


@dataclass(frozen=True, slots=True)
class OutputDown:
    """The device of a timed output cannot be told anything; a release that runs there ends by itself."""

    name: str
    detail: str
    at_ns: int


ReaderEvent: TypeAlias = CredentialRead | TextScanned | KeyPressed | ReaderFault | ReaderUp | ReaderDown
InputEvent: TypeAlias = InputChanged | InputUp | InputDown | InputFault | InputTroubled
OutputEvent: TypeAlias = OutputReleased | OutputLocked | OutputDown
TellOutput: TypeAlias = Callable[[OutputEvent], None]
EmitReaderEvent: TypeAlias = Callable[[ReaderEvent], None]
EmitInputEvent: TypeAlias = Callable[[InputEvent], None]
ClockNs: TypeAlias = Callable[[], int]
