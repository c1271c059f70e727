"""Base45, as RFC 9285 defines it."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portillon_wire import base45

VECTORS = json.loads((Path(__file__).parent / "vectors/base45.json").read_text())


@pytest.mark.parametrize("vector", VECTORS["accepted"], ids=lambda vector: vector["text"])
def test_published_examples(vector: dict[str, str]) -> None:
    """The standard's examples read and write as it says."""
    data = bytes.fromhex(vector["bytes"])
    assert base45.encode(data) == vector["text"]
    assert base45.decode(vector["text"]) == data


@pytest.mark.parametrize("text", VECTORS["refused"])
def test_what_is_no_base45_is_refused(text: str) -> None:
    """Too high a group, a broken group and a foreign character are refused."""
    with pytest.raises(base45.Base45Error):
        base45.decode(text)


@given(st.binary(max_size=64))
def test_any_bytes_come_back(data: bytes) -> None:
    """What was written is read, in the characters of a QR code's alphanumeric mode."""
    text = base45.encode(data)
    assert base45.decode(text) == data
    assert set(text) <= set(base45.ALPHABET)


@given(st.text(alphabet=base45.ALPHABET, max_size=48))
def test_bytes_have_one_spelling(text: str) -> None:
    """Whatever text is read at all is the one that its bytes are written as."""
    try:
        data = base45.decode(text)
    except base45.Base45Error:
        return
    assert base45.encode(data) == text
