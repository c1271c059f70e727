"""The standards' and NXP's own bytes."""

from typing import Any

import pytest
from drivers.cards.vector_files import vectors
from portillon_drivers.cards.cipher import ZERO_IV, cmac, crc32, decrypt_cbc, encrypt_cbc
from portillon_drivers.cards.diversify import diversified
from portillon_drivers.cards.file_settings import FileSettings

h = bytes.fromhex
CMAC, AN10922, SETTINGS, EV1 = vectors("cmac"), vectors("an10922"), vectors("settings"), vectors("ev1")


@pytest.mark.parametrize("case", CMAC["cases"], ids=lambda case: f"{len(case['message']) // 2} bytes")
def test_cmac(case: dict[str, Any]) -> None:
    """CMAC gives RFC 4493's answers."""
    assert cmac(h(CMAC["key"]), h(case["message"])) == h(case["mac"])


@pytest.mark.parametrize("case", AN10922["cases"], ids=lambda case: case["source"])
def test_diversification(case: dict[str, Any]) -> None:
    """AN10922's keys come out, for every key length and for inputs shorter than a block."""
    assert diversified(h(case["master"]), h(case["input"])) == h(case["key"])


def test_short_inputs_are_not_a_plain_cmac() -> None:
    """Padding to one block only, as a library's CMAC does, would give another key for a bare UID."""
    case = next(case for case in AN10922["cases"] if len(case["input"]) == 14)
    assert cmac(h(case["master"]), b"\x01" + h(case["input"])) != h(case["key"])


@pytest.mark.parametrize(("master", "length"), [(15, 7), (16, 0), (16, 32)])
def test_no_key_beyond_an10922(master: int, length: int) -> None:
    """Where AN10922 defines nothing, no key is made up."""
    with pytest.raises(ValueError, match=r"AN10922|AES key"):
        diversified(bytes(master), bytes(length))


@pytest.mark.parametrize("case", SETTINGS["cases"], ids=lambda case: case["source"])
def test_file_settings(case: dict[str, Any]) -> None:
    """Settings that others wrote are understood, and written again byte for byte."""
    settings = FileSettings.decode(h(case["data"]))
    assert settings.sdm is not None
    for name in case.keys() - {"source", "data"}:
        assert getattr(settings.sdm, name) == case[name]
    assert settings.encode() == h(case["data"])


@pytest.mark.parametrize("case", EV1["checksums"], ids=lambda case: case["source"])
def test_checksum(case: dict[str, Any]) -> None:
    """DESFire's CRC-32."""
    assert crc32(h(case["data"])) == h(case["crc"])


@pytest.mark.parametrize("case", EV1["authentications"], ids=lambda case: case["source"])
def test_challenge_of_the_published_examples(case: dict[str, Any]) -> None:
    """The examples agree with themselves: challenge, random number and token."""
    key, challenge = h(case["key"]), h(case["challenge"])
    random_b = decrypt_cbc(key, ZERO_IV, challenge)
    assert random_b == h(case["random_b"])
    token = encrypt_cbc(key, challenge, h(case["random_a"]) + random_b[1:] + random_b[:1])
    assert token == h(case["token"])
