"""What the configuration says of a Wiegand reader: its lines, its formats, its keypad."""

from typing import Literal, Self

from portillon_rules.credential import CredentialKind
from portillon_rules.wiegand import (
    STANDARD,
    Field,
    Parity,
    UidOrder,
    WiegandFormat,
    check_together,
    positions,
)
from pydantic import Field as Option
from pydantic import field_validator, model_validator

from portillon_drivers.keypad import KeypadCode
from portillon_drivers.options import FilePath, ReaderOptions, Section
from portillon_drivers.readers.wiegand.edges import ChipLines

FORMAT_NAME = r"^[a-z][a-z0-9_]{0,31}$"


class FieldOptions(Section):
    """A number in successive bits, for example `{first = 1, bits = 8}`."""

    first: int = Option(ge=0, le=255, description="its first bit; bit 0 is the first that the reader sends")
    bits: int = Option(ge=1, le=255, description="how many bits it has")

    def field(self) -> Field:
        """As the rules know it."""
        return Field(self.first, self.bits)


class ParityOptions(Section):
    """A parity bit, for example `{kind = "even", over = "1-12", at = 0}`."""

    kind: Literal["even", "odd"] = Option(description="what the ones in `over` and at `at` add up to")
    over: str = Option(max_length=1_024, description='the bits it covers: "1-12, 14", or one digit 0 or 1 for each bit')
    at: int = Option(ge=0, le=255, description="where it stands")


class FormatOptions(Section):
    """A site's own format: `[[readers.custom_formats]]` below its reader."""

    name: str = Option(pattern=FORMAT_NAME, description="small letters, digits and _, for example gym40")
    bits: int = Option(description="how many bits a card has")
    number: FieldOptions = Option(description="the card's number, for example {first = 9, bits = 16}")
    facility: FieldOptions | None = Option(default=None, description="the facility code, if there is one")
    parities: tuple[ParityOptions, ...] = Option(default=(), max_length=16, description="each parity bit, in its order")
    uid: UidOrder | None = Option(
        default=None, description='"msb_first" or "lsb_first" if the number is the UID of an ISO 14443 card'
    )

    @model_validator(mode="after")
    def _is_sound(self) -> Self:
        self.format()
        return self

    def format(self) -> WiegandFormat:
        """As the rules know it; raises FormatError."""
        return WiegandFormat(
            name=self.name,
            bits=self.bits,
            number=self.number.field(),
            facility=None if self.facility is None else self.facility.field(),
            parities=tuple(
                Parity(parity.kind == "even", positions(parity.over, self.bits), parity.at) for parity in self.parities
            ),
            uid=self.uid,
        )


class CardFormatOptions(ReaderOptions):
    """A reader that tells the raw bits of cards."""

    formats: tuple[str, ...] = Option(
        default=("h10301",), description=f"the formats of the site's cards, of: {', '.join(STANDARD)}"
    )
    custom_formats: tuple[FormatOptions, ...] = Option(default=(), description="the site's own formats, used besides")

    @field_validator("formats")
    @classmethod
    def _formats_are_known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := [name for name in names if name not in STANDARD]:
            raise ValueError(
                f"there is no format {unknown[0]!r}; there are: {', '.join(STANDARD)};"
                " define your own in [[readers.custom_formats]]"
            )
        return names

    @model_validator(mode="after")
    def _formats_go_together(self) -> Self:
        if any(custom.name in STANDARD for custom in self.custom_formats):
            raise ValueError("a format of your own cannot have the name of a standard one: give it another name")
        if not self.card_formats:
            raise ValueError("without any format no card can be read: name one in formats")
        check_together(self.card_formats)
        return self

    @property
    def card_formats(self) -> tuple[WiegandFormat, ...]:
        """The formats that this reader takes."""
        return (
            *(STANDARD[name] for name in self.formats),
            *(custom.format() for custom in self.custom_formats),
        )

    @property
    def tells(self) -> frozenset[CredentialKind]:
        """UIDs from formats that carry one, raw bits from all others."""
        return frozenset(
            CredentialKind.WIEGAND if card_format.uid is None else CredentialKind.NFCA
            for card_format in self.card_formats
        )


class WiegandOptions(CardFormatOptions):
    """A section `[[readers]]` with `type = "wiegand"`."""

    type: Literal["wiegand"]
    chip: FilePath = Option(description="the GPIO chip, for example /dev/gpiochip0 (gpiodetect lists them)")
    d0: int = Option(
        ge=0, le=1_023, description="the chip's line that D0 (green) is connected to; on a Pi the BCM number"
    )
    d1: int = Option(ge=0, le=1_023, description="the chip's line that D1 (white) is connected to")
    keypad: KeypadCode = Option(default=KeypadCode.NONE, description='"none", "4bit" or "8bit": how it sends its keys')
    tamper: int | None = Option(default=None, ge=0, le=1_023, description="the chip's line of the tamper contact")
    tamper_alarm: Literal["high", "low"] = Option(
        default="high", description='"high": the contact joins the line to ground while all is well; a cut wire alarms'
    )

    @model_validator(mode="after")
    def _lines_differ(self) -> Self:
        lines = [line for line in (self.d0, self.d1, self.tamper) if line is not None]
        if len(set(lines)) != len(lines):
            raise ValueError("d0, d1 and tamper are different lines of the chip: correct the one that is doubled")
        return self

    @property
    def lines(self) -> ChipLines:
        """Where it is connected."""
        return ChipLines(self.chip, self.d0, self.d1, self.tamper)

    @property
    def port(self) -> str:
        """Lines are shared by nobody, the chip by all."""
        return self.place

    @property
    def place(self) -> str:
        """The two data lines."""
        return f"{self.chip} lines {min(self.d0, self.d1)} and {max(self.d0, self.d1)}"
