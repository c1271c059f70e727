"""What a scanned text is: a phone pass, a day code, a plain barcode, or nothing that may open a door. Pure."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from portillon_rules.credential import Credential, CredentialError, CredentialKind

from portillon_wire import day_code, qr_pass
from portillon_wire.day_code import DayCode, read_day_code
from portillon_wire.errors import DayCodeMalformedError, PassForgedError, PassMalformedError
from portillon_wire.qr_pass import PhonePass, read_pass

BARCODE_CHARS_MAX = 128


class ScanRefusal(StrEnum):
    """Why a scanned text is no credential at all."""

    PASS_MALFORMED = "pass_malformed"  # noqa: S105  a pass is no password here
    """It begins as a phone pass and is none: cut off, misread, or of a newer version."""
    PASS_FORGED = "pass_forged"  # noqa: S105
    """A phone pass that its key did not sign."""
    DAY_CODE_MALFORMED = "day_code_malformed"
    """It begins as a day code and is none: cut off or misread."""
    UNREADABLE = "unreadable"
    """Empty, or with characters other than printable ASCII without spaces."""
    TOO_LONG = "too_long"
    """Longer than any barcode that can be a credential."""


@dataclass(frozen=True, slots=True)
class Barcode:
    """A printed code that is no pass of ours; whoever sees it can copy it."""

    credential: Credential


@dataclass(frozen=True, slots=True)
class RefusedScan:
    """A text that opens nothing; `detail` never quotes it."""

    refusal: ScanRefusal
    detail: str


Scanned: TypeAlias = PhonePass | DayCode | Barcode | RefusedScan


def classify(text: str) -> Scanned:
    """What this text is; never raises. A text that claims to be a pass or a day code is never taken for a barcode."""
    try:
        if _claims(text, qr_pass.CLAIM):
            return read_pass(text)
        if _claims(text, day_code.CLAIM):
            return read_day_code(text)
    except PassMalformedError as error:
        return RefusedScan(ScanRefusal.PASS_MALFORMED, str(error))
    except PassForgedError as error:
        return RefusedScan(ScanRefusal.PASS_FORGED, str(error))
    except DayCodeMalformedError as error:
        return RefusedScan(ScanRefusal.DAY_CODE_MALFORMED, str(error))
    if len(text) > BARCODE_CHARS_MAX:
        return RefusedScan(ScanRefusal.TOO_LONG, f"a code of {len(text)} characters; at most {BARCODE_CHARS_MAX} count")
    try:
        return Barcode(Credential(CredentialKind.BARCODE, text))
    except CredentialError:
        return RefusedScan(ScanRefusal.UNREADABLE, "a code that is empty, or has spaces or characters beyond ASCII")


def _claims(text: str, claim: str) -> bool:
    # In any case of letters: a scanner set to change them must not turn passes into barcodes.
    return text[: len(claim)].upper() == claim
