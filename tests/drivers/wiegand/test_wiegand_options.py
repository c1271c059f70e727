"""The section of a Wiegand reader: what is right, and what is told about what is not."""

import tomllib
from typing import Any

import pytest
from portillon_drivers.readers.wiegand.options import WiegandOptions
from portillon_rules.credential import CredentialKind
from portillon_rules.wiegand import encode, encode_bits
from pydantic import ValidationError

SECTION = {"name": "lane1-reader", "type": "wiegand", "chip": "/dev/gpiochip0", "d0": 23, "d1": 24}
EXAMPLE = """
name = "lane1-reader"
type = "wiegand"
chip = "/dev/gpiochip0"
d0 = 23
d1 = 24
formats = ["h10301", "uid34"]
keypad = "8bit"
tamper = 25

[[custom_formats]]
name = "gym40"
bits = 40
facility = { first = 1, bits = 12 }
number = { first = 13, bits = 26 }
parities = [
    { kind = "even", over = "1-19", at = 0 },
    { kind = "odd", over = "0000000000000000000011111111111111111110", at = 39 },
]
"""


def options(**changed: Any) -> WiegandOptions:
    return WiegandOptions.model_validate(SECTION | changed)


def test_least() -> None:
    """A chip and two lines are enough: 26-bit cards, no keypad, no tamper contact."""
    least = options()
    assert [card_format.name for card_format in least.card_formats] == ["h10301"]
    assert least.tells == {CredentialKind.WIEGAND}
    assert least.place == least.port == "/dev/gpiochip0 lines 23 and 24"


def test_a_site_defines_its_own_format() -> None:
    """Fields and parities from the configuration read and check a card like any other format."""
    read = WiegandOptions.model_validate(tomllib.loads(EXAMPLE))
    *_, own = read.card_formats
    bits = encode_bits(own, facility=5, number=77)
    assert own.name == "gym40" and own.fits(bits)
    assert not own.fits(bits[:5] + ("1" if bits[5] == "0" else "0") + bits[6:])
    assert read.tells == {CredentialKind.WIEGAND, CredentialKind.NFCA}
    assert str(encode(own, facility=5, number=77)).startswith("wiegand:40.")


def test_a_seven_byte_uid_is_the_cards_own() -> None:
    """A site-defined format may say that its number is a UID: the credential is that of an NFC reader."""
    own = {"name": "uid58", "bits": 58, "number": {"first": 1, "bits": 56}, "uid": "lsb_first"}
    own["parities"] = [{"kind": "even", "over": "1-28", "at": 0}, {"kind": "odd", "over": "29-56", "at": 57}]
    [card_format] = options(formats=[], custom_formats=[own]).card_formats
    assert str(encode(card_format, number=0x40C0EA5C1E5FDE)) == "nfca:DE5F1E5CEAC040"


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"d1": 23}, "different lines"),
        ({"tamper": 24}, "different lines"),
        ({"formats": ["h10399"]}, "no format 'h10399'"),
        ({"formats": []}, "without any format"),
        ({"formats": ["h10306", "uid34"]}, "both have 34 bits"),
        ({"formats": ["h10301", "h10301"]}, "two formats are named"),
        ({"keypad": "6bit"}, "4bit"),
        ({"tamper_alarm": "open"}, "high"),
        ({"custom_formats": [{"name": "h10301", "bits": 40, "number": {"first": 0, "bits": 40}}]}, "another name"),
        ({"custom_formats": [{"name": "own", "bits": 40, "number": {"first": 10, "bits": 40}}]}, "none of its bits"),
        ({"d0": -1}, "greater than or equal to 0"),
    ],
)
def test_mistakes_are_told(changed: dict[str, Any], what: str) -> None:
    """What cannot be meant is refused before anything is opened."""
    with pytest.raises(ValidationError, match=what):
        options(**changed)
