"""What all scanners of codes have in common."""

from portillon_rules.credential import CredentialKind
from pydantic import Field

from portillon_drivers.events import ClockNs, TextScanned
from portillon_drivers.options import ReaderOptions
from portillon_drivers.readers.code_text import CodeRules, CodeText
from portillon_drivers.readers.hold_off import HoldOff
from portillon_drivers.readers.line_reader import Decoder, Line, LineReader


class ScannerOptions(ReaderOptions):
    """Any scanner."""

    prefix: str = Field(
        default="",
        max_length=16,
        pattern=r"^[\x00-\x7f]*$",
        description="what the scanner is set to put before each code; a code without it is refused",
    )
    aim_identifier: bool = Field(
        default=False, description='true if the scanner is set to send AIM identifiers ("]Q1" for a QR code)'
    )
    max_chars: int = Field(default=256, ge=8, le=1_024, description="a longer code is refused; a phone pass has 175")

    @property
    def tells(self) -> frozenset[CredentialKind]:
        """Phone passes, day codes, and any other barcode."""
        return frozenset({CredentialKind.PHONE, CredentialKind.DAY_CODE, CredentialKind.BARCODE})

    def code_text(self, *, gap_ms: int, tail: bytes = b"") -> CodeText:
        """The pure collector of this scanner's codes."""
        rules = CodeRules(
            prefix=self.prefix.encode("ascii"),
            aim_identifier=self.aim_identifier,
            tail=tail,
            chars_max=self.max_chars,
            gap_ns=gap_ms * 1_000_000,
        )
        return CodeText(rules, HoldOff(self.hold_off_ms * 1_000_000))


def scanner(options: ScannerOptions, *, line: Line, decoder: Decoder, clock_ns: ClockNs) -> LineReader:
    """Tells the codes that its decoder finds on its line."""
    return LineReader(options.name, line=line, decoder=decoder, clock_ns=clock_ns, event=TextScanned)
