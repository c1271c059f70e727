"""Whatever wire a PIN pad is on, its keys are the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portillon_drivers.events import Key
from portillon_drivers.keypad import KeypadCode, burst_of_key, key_of_burst, key_of_osdp_byte


@pytest.mark.parametrize(
    ("bits", "key"),
    [("1010", Key.STAR), ("1011", Key.HASH), ("0000", Key.K0), ("11100001", Key.K1), ("01001011", Key.HASH)],
)
def test_published_bursts(bits: str, key: Key) -> None:
    """Keys are read as the makers publish them: * is 1010, # is 1011; 8 bits carry the inverted four first."""
    assert key_of_burst(bits) is key


@pytest.mark.parametrize("code", [KeypadCode.FOUR_BIT, KeypadCode.EIGHT_BIT])
@pytest.mark.parametrize("key", list(Key))
def test_every_key_there_and_back(code: KeypadCode, key: Key) -> None:
    """Each key's burst has its code's length and is read as that key."""
    burst = burst_of_key(key, code)
    assert len(burst) == code.bits
    assert key_of_burst(burst) is key


@given(bits=st.text("01", max_size=12))
def test_any_burst_is_a_key_or_none(bits: str) -> None:
    """No bits but those that a pad sends for a key are one."""
    key = key_of_burst(bits)
    assert key is None or bits in {burst_of_key(key, code) for code in KeypadCode}


def test_no_keypad_sends_nothing() -> None:
    """A reader without a keypad has no burst."""
    assert burst_of_key(Key.K1, KeypadCode.NONE) == "" and KeypadCode.NONE.bits == 0


def test_osdp_bytes() -> None:
    """OSDP's bytes: ASCII digits, 7F for *, 0D for #; the printed signs are understood too, all else is no key."""
    told = {byte: key for byte in range(256) if (key := key_of_osdp_byte(byte)) is not None}
    assert told == {**{ord(key.value): key for key in Key}, 0x7F: Key.STAR, 0x0D: Key.HASH}
