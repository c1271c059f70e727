"""Every command, in both directions: encoded by the panel, decoded by a simulated reader. Pure.

Codes and layouts: SIA OSDP v2.2 (IEC 60839-11-5), clause 6. Times in tenths of a second end in `_ds`.
"""

from dataclasses import dataclass, field
from typing import TypeAlias

from portillon_drivers.osdp.errors import CommandError, MalformedError
from portillon_drivers.osdp.indicators import Blink, Buzzer, Colour, Led, Output, OutputControl, Text, TextMode, Tone
from portillon_drivers.osdp.requests import (
    Abort,
    CapabilitiesRequest,
    IdRequest,
    InputStatusRequest,
    LocalStatusRequest,
    OutputStatusRequest,
    Poll,
    ReaderStatusRequest,
)
from portillon_drivers.osdp.set_up import Challenge, ComSet, FileFragment, KeepActive, KeySet, ServerCryptogram, Vendor

__all__ = [
    "Abort",
    "Blink",
    "Buzzer",
    "CapabilitiesRequest",
    "Challenge",
    "Colour",
    "ComSet",
    "Command",
    "FileFragment",
    "FileTransfer",
    "IdRequest",
    "InputStatusRequest",
    "KeepActive",
    "KeySet",
    "Led",
    "LocalStatusRequest",
    "MalformedCommand",
    "Output",
    "OutputControl",
    "OutputStatusRequest",
    "Poll",
    "ReaderStatusRequest",
    "ServerCryptogram",
    "Text",
    "TextMode",
    "Tone",
    "Vendor",
    "WireCommand",
    "decode_command",
    "encode_command",
]

WireCommand: TypeAlias = (
    Poll
    | IdRequest
    | CapabilitiesRequest
    | LocalStatusRequest
    | InputStatusRequest
    | OutputStatusRequest
    | ReaderStatusRequest
    | Output
    | Led
    | Buzzer
    | Text
    | ComSet
    | KeySet
    | Challenge
    | ServerCryptogram
    | FileFragment
    | Abort
    | Vendor
    | KeepActive
)
BY_CODE: dict[int, type[WireCommand]] = {kind.CODE: kind for kind in WireCommand.__args__}


@dataclass(frozen=True, slots=True)
class FileTransfer:
    """A whole file for the reader, in as many fragments as it takes; type 1 is what vendors use for firmware."""

    file_type: int
    content: bytes = field(repr=False)


Command: TypeAlias = (
    LocalStatusRequest
    | InputStatusRequest
    | OutputStatusRequest
    | ReaderStatusRequest
    | IdRequest
    | CapabilitiesRequest
    | Output
    | Led
    | Buzzer
    | Text
    | ComSet
    | KeySet
    | Vendor
    | KeepActive
    | FileTransfer
)
"""What may be given to `ControlPanel.command`."""


@dataclass(frozen=True, slots=True)
class MalformedCommand:
    """A body that is no command; `known` tells a code nobody knows (NAK 3) from a wrong length (NAK 2)."""

    code: int | None
    known: bool
    detail: str


def encode_command(command: WireCommand) -> bytes:
    """Code and data. Raises `CommandError` for a number or text that the command cannot carry."""
    try:
        return bytes([command.CODE]) + command.data()
    except (ValueError, OverflowError) as error:
        raise CommandError(f"{type(command).__name__}: a number is out of its range") from error


def decode_command(body: bytes) -> WireCommand | MalformedCommand:
    """Any bytes in: the command, or why it is none."""
    if not body:
        return MalformedCommand(None, False, "an empty body")
    kind = BY_CODE.get(body[0])
    if kind is None:
        return MalformedCommand(body[0], False, f"an unknown command {body[0]:02X}")
    try:
        return kind.read(body[1:])
    except (MalformedError, ValueError) as error:
        return MalformedCommand(body[0], True, f"{kind.__name__}: {error}")
