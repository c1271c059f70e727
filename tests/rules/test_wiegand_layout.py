"""A site's own formats: every contradiction is told with its place."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portillon_rules.wiegand import (
    STANDARD,
    Field,
    FormatError,
    Parity,
    UidOrder,
    WiegandFormat,
    check_together,
    encode_bits,
    positions,
    read_bits,
)

GYM40: dict[str, Any] = {"name": "gym40", "bits": 40, "facility": Field(1, 12), "number": Field(13, 26)}


@st.composite
def site_formats(draw: st.DrawFn) -> WiegandFormat:
    """Any sound format: a number, perhaps a facility, parities at the bits before the fields, idle bits after them."""
    parity_count = draw(st.integers(0, 4))
    facility_bits = draw(st.integers(0, 20))
    number_bits = draw(st.integers(9, 40))
    bits = parity_count + facility_bits + number_bits + draw(st.integers(0, 5))
    data = st.sets(st.integers(parity_count, bits - 1), min_size=1)
    parities = tuple(
        Parity(draw(st.booleans()), tuple(draw(data | st.just(set(range(at)) or {bits - 1}))), at)
        for at in range(parity_count)
    )
    facility = Field(parity_count, facility_bits) if facility_bits else None
    number = Field(parity_count + facility_bits, number_bits)
    return WiegandFormat(name="site", bits=bits, facility=facility, number=number, parities=parities)


@given(card_format=site_formats(), data=st.data())
def test_any_sound_format_there_and_back(card_format: WiegandFormat, data: st.DataObject) -> None:
    """Whatever a site defines soundly encodes and reads back every card."""
    number = data.draw(st.integers(0, card_format.number.number_max))
    facility = card_format.facility and data.draw(st.integers(0, card_format.facility.number_max))
    [reading] = read_bits(encode_bits(card_format, number=number, facility=facility), [card_format])
    assert (reading.number, reading.facility) == (number, facility)


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"bits": 8}, "9 to 256"),
        ({"bits": 257}, "9 to 256"),
        ({"bits": 38}, "bit 38 is none of its bits, 0 to 37"),
        ({"facility": Field(1, 13)}, "bit 13 belongs to two"),
        ({"number": Field(13, 0)}, "at least 1 bit"),
        ({"parities": (Parity(True, (1, 2), 39), Parity(True, (3,), 39))}, "bit 39 belongs to two"),
        ({"parities": (Parity(True, (40,), 39),)}, "bit 40 is none"),
        ({"parities": (Parity(True, (), 39),)}, "covers nothing"),
        ({"parities": (Parity(True, (1, 39), 39),)}, "made later"),
        ({"parities": (Parity(True, (1, 39), 0), Parity(False, (2,), 39))}, "covers bit 39"),
        ({"uid": UidOrder.MSB_FIRST}, "32, 56 or 80 bits without facility"),
    ],
)
def test_contradictions_are_told(changed: dict[str, Any], what: str) -> None:
    """A format that cannot be meant is refused, naming the format and the bit."""
    with pytest.raises(FormatError, match=f"gym40.*{what}"):
        WiegandFormat(**(GYM40 | changed))


def test_bits_without_meaning_must_be_zero() -> None:
    """A bit of no field and no parity must be 0, so an imported number names one card only."""
    card_format = WiegandFormat(**GYM40)
    bits = encode_bits(card_format, facility=5, number=7)
    assert read_bits(bits, [card_format])
    assert read_bits("1" + bits[1:], [card_format]) == []


@pytest.mark.parametrize(
    ("mask", "found"),
    [("011000000011", (1, 2, 10, 11)), ("1-3, 5", (1, 2, 3, 5)), ("7", (7,)), ("3-3", (3,)), ("2-1", ())],
)
def test_masks(mask: str, found: tuple[int, ...]) -> None:
    """A mask is written as one digit for each bit, or as ranges."""
    assert positions(mask, 12) == found


@pytest.mark.parametrize("mask", ["", "a", "1-", "-1", "1..3", "0110", "011", "1-9999", "1-2-3", "²"])
def test_masks_that_are_none(mask: str) -> None:
    """Anything else is told with both ways to write it; a digit string of the wrong length is no range either."""
    with pytest.raises(FormatError, match="12 digits 0 or 1"):
        positions(mask, 12)


@given(text=st.text(max_size=40), bits=st.integers(9, 256))
def test_any_mask_is_read_or_refused(text: str, bits: int) -> None:
    """Any text is a mask of at most a thousand bits, or is refused."""
    with suppress(FormatError):
        assert len(positions(text, bits)) <= 1_000


def test_one_reading_is_never_two_credentials() -> None:
    """Formats that would make two cards of one, or share a name, do not go together; those that agree do."""
    check_together([STANDARD["h10302"], STANDARD["h10304"], STANDARD["h10301"]])
    with pytest.raises(FormatError, match="h10306 and uid34 both have 34 bits"):
        check_together([STANDARD["h10306"], STANDARD["uid34"]])
    with pytest.raises(FormatError, match="uid34 and uid34_lsb"):
        check_together([STANDARD["uid34"], STANDARD["uid34_lsb"]])
    with pytest.raises(FormatError, match="two formats are named h10301"):
        check_together([STANDARD["h10301"], STANDARD["h10301"]])
