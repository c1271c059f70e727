"""What readers and inputs report. `at_ns` is the caller's clock when the bytes were read (boot clock on a gateway).

No fault's detail ever quotes what was read: a credential in clear must not reach a journal or a log.
"""

from collections.abc import Callable
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class CredentialRead:
    """A credential was presented; repeats within the reader's hold-off are not told."""

    reader: str
    credential: Credential
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


ReaderEvent: TypeAlias = CredentialRead | ReaderFault | ReaderUp | ReaderDown
InputEvent: TypeAlias = InputChanged | InputUp | InputDown | InputFault
EmitReaderEvent: TypeAlias = Callable[[ReaderEvent], None]
EmitInputEvent: TypeAlias = Callable[[InputEvent], None]
ClockNs: TypeAlias = Callable[[], int]
