"""What a scanner can be made to say: anybody can print any code and hold it to the lane."""

from contextlib import suppress

from fuzz.readers import MS, portions
from portillon_drivers.readers.code_text import CodeRules, CodeText
from portillon_drivers.readers.hold_off import HoldOff
from portillon_drivers.readers.keyboard_layouts import LAYOUTS
from portillon_drivers.readers.serial_scanner import SerialCodes
from portillon_drivers.readers.wedge_keys import KEY_ENTER, WedgeKeys
from portillon_wire.day_code import NUMBER_BYTES, read_typed_day_code, write_day_code
from portillon_wire.errors import DayCodeMalformedError
from portillon_wire.qr_pass import LIFETIME_S_MAX, PhonePass
from portillon_wire.scanned import Barcode, classify

CHARS_MAX = 300


def code_text() -> CodeText:
    """A scanner's collector as it is built by default."""
    return CodeText(CodeRules(chars_max=CHARS_MAX, gap_ns=500 * MS), HoldOff(3_000 * MS))


def scanned_text(data: bytes) -> None:
    """Any text is a pass, a day code, a barcode or a refusal; no bytes become a pass without its signature."""
    found = classify(data.decode("latin-1"))
    assert not isinstance(found, PhonePass) or found.lifetime_s <= LIFETIME_S_MAX
    assert not isinstance(found, Barcode) or len(found.credential.value) <= CHARS_MAX


def day_code(data: bytes) -> None:
    """A typed day code reads back as what was written, or is malformed."""
    with suppress(DayCodeMalformedError):
        read_typed_day_code(data.decode("latin-1"))
    if len(data) >= NUMBER_BYTES:
        number = data[:NUMBER_BYTES]
        assert read_typed_day_code(write_day_code(number)).credential.value == number.hex().upper()


def serial_codes(data: bytes) -> None:
    """A serial scanner's line: told codes are printable and bounded."""
    codes = SerialCodes(code_text(), b"\r\n")
    for number, portion in enumerate(portions(data)):
        for found in codes.feed(portion, number * 7 * MS):
            assert not isinstance(found, str) or (0 < len(found) <= CHARS_MAX and found.isascii())


def wedge_keys(data: bytes) -> None:
    """A keyboard scanner's events: the same."""
    keys = WedgeKeys(code_text(), layout=LAYOUTS["us"], ends=frozenset({KEY_ENTER}))
    for number, portion in enumerate(portions(data)):
        for found in keys.feed(portion, number * 7 * MS):
            assert not isinstance(found, str) or (0 < len(found) <= CHARS_MAX and found.isascii())
