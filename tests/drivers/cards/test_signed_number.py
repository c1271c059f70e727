"""The signed file of a DESFire card."""

import pytest
from drivers.cards.card_field import KEYRING, OTHER_UID, STRANGERS, UID
from hypothesis import given
from hypothesis import strategies as st
from portillon_drivers.cards.errors import NotGenuine
from portillon_drivers.cards.signed_number import FILE_BYTES, verified_number

ISSUER = KEYRING.current.issuer
assert ISSUER is not None
NUMBER = bytes(range(16))
PUBLIC, FILE = ISSUER.public, ISSUER.sign(UID, NUMBER)


def test_what_was_signed_is_verified() -> None:
    """The number comes back; the file has its documented length and begins with its format."""
    assert len(FILE) == FILE_BYTES and FILE[0] == 1
    assert verified_number(FILE, UID, PUBLIC) == NUMBER


def test_a_file_on_another_card() -> None:
    """A file copied to a card with another UID proves nothing."""
    with pytest.raises(NotGenuine, match="signature"):
        verified_number(FILE, OTHER_UID, PUBLIC)


def test_another_issuer() -> None:
    """Another site's file proves nothing here, even where it claims to be ours."""
    stranger = STRANGERS.current.issuer
    assert stranger is not None
    theirs = stranger.sign(UID, NUMBER)
    with pytest.raises(NotGenuine, match="another issuer"):
        verified_number(theirs, UID, PUBLIC)
    with pytest.raises(NotGenuine, match="signature"):
        verified_number(FILE[:9] + theirs[9:], UID, PUBLIC)


@pytest.mark.parametrize("at", range(FILE_BYTES))
def test_every_byte_counts(at: int) -> None:
    """With any byte changed, the file proves nothing."""
    changed = bytearray(FILE)
    changed[at] ^= 1
    with pytest.raises(NotGenuine):
        verified_number(bytes(changed), UID, PUBLIC)


@given(file=st.binary(max_size=2 * FILE_BYTES), uid=st.binary(max_size=10))
def test_any_bytes(file: bytes, uid: bytes) -> None:
    """Any bytes are a signed number or NotGenuine."""
    with pytest.raises(NotGenuine):
        verified_number(file, uid, PUBLIC)
