"""Wiegand formats: the published cards, every format there and back, and what parity finds."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portillon_rules.credential import CredentialError
from portillon_rules.wiegand import (
    STANDARD,
    Parity,
    WiegandFormat,
    encode,
    encode_bits,
    raw_bits,
    raw_credential,
    read_bits,
)

VECTORS = json.loads((Path(__file__).parent / "vectors" / "wiegand.json").read_text())
NAMES = sorted(STANDARD)


def a_card(card_format: WiegandFormat) -> st.SearchStrategy[dict[str, Any]]:
    facility = card_format.facility
    return st.fixed_dictionaries(
        {
            "number": st.integers(0, card_format.number.number_max),
            "facility": st.none() if facility is None else st.integers(0, facility.number_max),
        }
    )


@pytest.mark.parametrize("vector", VECTORS["cards"], ids=lambda v: f"{v['format']} {v['facility']}/{v['number']}")
def test_published_cards(vector: dict[str, Any]) -> None:
    """A card that others published is made and read as they have it."""
    card_format = STANDARD[vector["format"]]
    bits = encode_bits(card_format, number=vector["number"], facility=vector["facility"])
    if "bits" in vector:
        assert bits == vector["bits"]
    if "left_aligned" in vector:
        assert f"{int(bits.ljust(8 * -(-len(bits) // 8), '0'), 2):0{2 * -(-len(bits) // 8)}X}" == vector["left_aligned"]
    [reading] = read_bits(bits, [card_format])
    assert (reading.facility, reading.number) == (vector["facility"], vector["number"])


@pytest.mark.parametrize("vector", VECTORS["parity_masks"], ids=lambda v: f"{v['format']} at {v['at']}")
def test_published_parity_masks(vector: dict[str, Any]) -> None:
    """The parities of Corporate 1000 cover the bits that others published."""
    card_format = STANDARD[vector["format"]]
    [parity] = [parity for parity in card_format.parities if parity.at == vector["at"]]
    mask = f"{int(vector['over'], 16):0{card_format.bits}b}"
    assert parity.even is vector["even"]
    assert set(parity.over) == {position for position, digit in enumerate(mask) if digit == "1"}


def test_lengths_of_the_house() -> None:
    """Every length that the field commonly meets is there."""
    assert {card_format.bits for card_format in STANDARD.values()} == {26, 32, 34, 35, 37, 48}


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_every_format_there_and_back(name: str, data: st.DataObject) -> None:
    """What a format encodes it reads back, number, facility, credential and all."""
    card_format = STANDARD[name]
    card = data.draw(a_card(card_format))
    bits = encode_bits(card_format, **card)
    [reading] = read_bits(bits, [card_format])
    assert {"number": reading.number, "facility": reading.facility} == card
    assert reading.credential == encode(card_format, **card)
    if card_format.uid is None:
        assert raw_bits(reading.credential) == bits


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_what_fits_is_what_would_be_encoded(name: str, data: st.DataObject) -> None:
    """No bits fit a format but those that it would send: nothing is read that could not be a card of it."""
    card_format = STANDARD[name]
    bits = data.draw(st.text("01", min_size=card_format.bits, max_size=card_format.bits))
    for reading in read_bits(bits, [card_format]):
        assert encode_bits(card_format, number=reading.number, facility=reading.facility) == bits


@pytest.mark.parametrize("name", [name for name in NAMES if STANDARD[name].parities])
@given(data=st.data())
def test_one_turned_bit_is_found(name: str, data: st.DataObject) -> None:
    """Whichever single bit is turned, a format with parity refuses the reading."""
    card_format = STANDARD[name]
    bits = encode_bits(card_format, **data.draw(a_card(card_format)))
    turned = data.draw(st.integers(0, len(bits) - 1))
    wrong = bits[:turned] + ("1" if bits[turned] == "0" else "0") + bits[turned + 1 :]
    assert read_bits(wrong, [card_format]) == []


def test_ablation_without_parity_a_turned_bit_is_another_card(monkeypatch: pytest.MonkeyPatch) -> None:
    """The parity is what refuses it: with its check switched off, another card is read."""
    right = encode_bits(STANDARD["h10301"], facility=67, number=1000)
    monkeypatch.setattr(Parity, "holds", lambda *_: True)
    [reading] = read_bits(right[:-2] + "1" + right[-1], [STANDARD["h10301"]])
    assert reading.number == 1001


@given(bits=st.text("01", max_size=300))
def test_any_bits_are_read_or_not(bits: str) -> None:
    """Any bits at all give readings or none, never an exception."""
    for reading in read_bits(bits, STANDARD.values()):
        assert STANDARD[reading.format].bits == len(bits)


@given(bits=st.text("01", min_size=1, max_size=256))
def test_canonical_form_keeps_every_bit(bits: str) -> None:
    """Leading zeros are part of the credential: from it, the bits come back."""
    assert raw_bits(raw_credential(bits)) == bits


def test_canonical_form() -> None:
    """The documented example of the canonical form, and two cards that only leading zeros tell apart."""
    bits = encode_bits(STANDARD["h10301"], facility=67, number=1000)
    assert str(raw_credential(bits)) == "wiegand:26.28607D1"
    assert str(raw_credential("0" + bits)) == "wiegand:27.28607D1" != str(raw_credential(bits))


def test_uid_in_both_orders_is_the_same_card() -> None:
    """A reader that sends a UID backwards is configured so, and then tells the same card as an NFC reader."""
    straight = encode(STANDARD["uid34"], number=0x0ADE5F1E)
    backwards = encode(STANDARD["uid34_lsb"], number=0x1E5FDE0A)
    assert str(straight) == str(backwards) == "nfca:0ADE5F1E"


@pytest.mark.parametrize(
    ("name", "card", "what"),
    [
        ("h10301", {"facility": 256, "number": 1}, "facility code .* 0 to 255"),
        ("h10301", {"facility": 1, "number": 65_536}, "number .* 0 to 65535"),
        ("h10301", {"facility": 1, "number": -1}, "0 to 65535"),
        ("h10301", {"number": 1}, "facility-number"),
        ("h10302", {"facility": 1, "number": 1}, "no facility code"),
    ],
)
def test_numbers_that_do_not_fit(name: str, card: dict[str, int], what: str) -> None:
    """A number that the format cannot hold is refused with its bounds, never cut short."""
    with pytest.raises(CredentialError, match=what):
        encode(STANDARD[name], **card)


def test_a_reading_keeps_its_card_to_itself() -> None:
    """Neither number nor facility code show when a reading is printed."""
    [reading] = read_bits(encode_bits(STANDARD["h10301"], facility=67, number=1000), [STANDARD["h10301"]])
    assert "67" not in repr(reading) and "1000" not in repr(reading) and "28607D1" not in repr(reading)


def test_only_a_wiegand_credential_has_bits() -> None:
    """Asking for the bits of another kind is a mistake that is told."""
    with pytest.raises(CredentialError, match="nfca"):
        raw_bits(encode(STANDARD["uid32"], number=1))
