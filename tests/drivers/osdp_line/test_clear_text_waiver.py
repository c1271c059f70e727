"""The signed permission to run a reader in clear text."""

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from portillon_drivers.osdp.clear_text_waiver import DAY_S, ClearTextWaiver, WaiverRefused, read, sign

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key()
WAIVER = ClearTextWaiver(reader="lane1-reader", place="/dev/bus address 1", iat=1_000_000, exp=1_000_000 + 90 * DAY_S)
HERE = {"reader": "lane1-reader", "place": "/dev/bus address 1"}


def test_what_was_signed_is_read() -> None:
    """A waiver comes back as it was signed, and lets its reader run until its end, not a second longer."""
    assert read(sign(WAIVER, KEY), PUBLIC) == WAIVER
    assert WAIVER.refusal(**HERE, now_s=WAIVER.exp - 1) is None
    assert WAIVER.refusal(**HERE, now_s=WAIVER.exp) == "it has expired"


def test_another_library_reads_it() -> None:
    """It is a JWS like any other: PyJWT verifies it and finds the same claims."""
    claims = jwt.decode(sign(WAIVER, KEY), PUBLIC, algorithms=["EdDSA"], options={"verify_exp": False})
    assert claims == {
        "insecure_clear_text": True,
        **HERE,
        "iat": WAIVER.iat,
        "exp": WAIVER.exp,
    }


@pytest.mark.parametrize("moved", [{"reader": "lane2-reader"}, {"place": "/dev/bus address 2"}])
def test_it_is_for_one_reader_in_one_place(moved: dict[str, str]) -> None:
    """Under another name, or on another bus or address, it does nothing."""
    refusal = WAIVER.refusal(**{**HERE, **moved}, now_s=WAIVER.iat)
    assert refusal is not None and "it was signed for" in refusal


def test_nobody_waives_for_ever() -> None:
    """One that would last for years is refused from its first day."""
    for_years = ClearTextWaiver(**HERE, iat=0, exp=3 * 366 * DAY_S)
    assert for_years.refusal(**HERE, now_s=1) == "it lasts longer than 366 days"


def test_another_key_signs_nothing() -> None:
    """Signed by somebody else, or changed by one character, it is refused."""
    with pytest.raises(WaiverRefused, match="signature"):
        read(sign(WAIVER, Ed25519PrivateKey.generate()), PUBLIC)
    header, payload, signature = sign(WAIVER, KEY).split(".")
    with pytest.raises(WaiverRefused, match="signature"):
        read(f"{header}.{payload[:-4]}AAAA.{signature}", PUBLIC)


def test_what_the_key_signed_for_something_else_is_no_waiver() -> None:
    """The header says what was signed, so that no other token of the same key can be laid here."""
    claims = {"insecure_clear_text": True, **HERE, "iat": WAIVER.iat, "exp": WAIVER.exp}
    with pytest.raises(WaiverRefused, match="not as a waiver"):
        read(jwt.encode(claims, KEY, "EdDSA"), PUBLIC)
    with pytest.raises(WaiverRefused, match="cannot be read"):
        read(
            jwt.encode({**claims, "insecure_clear_text": 1}, KEY, "EdDSA", {"typ": "portillon-clear-text-waiver"}),
            PUBLIC,
        )


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda data: f"{data.hex()}.{data.hex()}.{data.hex()}"))
def test_anything_else_is_refused_in_words(text: str) -> None:
    """Whatever lies in the file, the answer is a refusal."""
    with pytest.raises(WaiverRefused):
        read(text, PUBLIC)
