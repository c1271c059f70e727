"""Printed day codes: the golden ones, and what misreading and mistyping do to them."""

import json
import secrets
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portillon_wire import bech32m
from portillon_wire.day_code import (
    CLAIM,
    TEXT_CHARS,
    DayCode,
    grouped,
    issue_day_code,
    read_day_code,
    read_typed_day_code,
    write_day_code,
)
from portillon_wire.errors import DayCodeMalformedError

GOLDEN = json.loads((Path(__file__).parents[2] / "wire/golden/day_codes.json").read_text())
BIP350 = json.loads((Path(__file__).parent / "vectors/bech32m.json").read_text())

numbers = st.binary(min_size=16, max_size=16)


@pytest.mark.parametrize("text", BIP350["valid"])
def test_published_checksums(text: str) -> None:
    """The check characters are those of the published examples."""
    prefix, _, rest = text.rpartition("1")
    assert bech32m.check_characters(prefix, rest[:-6].upper()) == rest[-6:].upper()


@pytest.mark.parametrize("text", BIP350["invalid"])
def test_published_mistakes(text: str) -> None:
    """The published wrong strings do not fit their check characters, or have none."""
    prefix, _, rest = text.rpartition("1")
    try:
        right = bech32m.check_characters(prefix, rest[:-6].upper())
    except ValueError:
        return
    assert right != rest[-6:].upper()


@pytest.mark.parametrize("code", GOLDEN["accepted"], ids=lambda code: code["text"])
def test_golden_codes(code: dict[str, str]) -> None:
    """A code never changes its text, and reads back as its credential, scanned and typed."""
    assert write_day_code(bytes.fromhex(code["number"])) == code["text"]
    assert grouped(code["text"]) == code["printed"]
    for read in (read_day_code(code["text"]), read_typed_day_code(code["printed"])):
        assert str(read.credential) == code["credential"]


@pytest.mark.parametrize("code", GOLDEN["refused"], ids=lambda code: code["name"])
def test_golden_refusals(code: dict[str, str]) -> None:
    """What is no code when scanned is refused."""
    with pytest.raises(DayCodeMalformedError):
        read_day_code(code["text"])


@given(numbers, st.lists(st.tuples(st.integers(0, 31), st.integers(1, 31)), min_size=1, max_size=4))
def test_up_to_four_wrong_characters_are_found(number: bytes, wrong: list[tuple[int, int]]) -> None:
    """No code becomes another one by up to four misread characters."""
    text = list(write_day_code(number))
    for place, step in dict(wrong).items():
        at = len(CLAIM) + place
        text[at] = bech32m.ALPHABET[(bech32m.ALPHABET.index(text[at]) + step) % 32]
    with pytest.raises(DayCodeMalformedError, match="check characters"):
        read_day_code("".join(text))


@given(numbers, st.integers(0, 30))
def test_exchanged_neighbours_are_found(number: bytes, place: int) -> None:
    """Typing two neighbours in the wrong order never gives another code."""
    text = write_day_code(number)
    at = len(CLAIM) + place
    swapped = text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    if swapped == text:
        assert isinstance(read_typed_day_code(swapped), DayCode)
        return
    with pytest.raises(DayCodeMalformedError):
        read_typed_day_code(swapped)


@given(numbers, st.sampled_from(["", " ", "-", " - ", "\t"]), st.booleans(), st.integers(1, 9))
def test_typing_may_be_untidy(number: bytes, between: str, small: bool, size: int) -> None:
    """Small letters, spaces and hyphens change nothing about a typed code."""
    text = write_day_code(number)
    typed = between.join(text[at : at + size] for at in range(0, TEXT_CHARS, size))
    assert read_typed_day_code(typed.lower() if small else typed) == read_day_code(text)


@given(st.one_of(st.text(max_size=200), st.text(max_size=60).map(lambda text: CLAIM + text)))
def test_any_text_is_a_code_or_malformed(text: str) -> None:
    """No text makes reading fail in any other way, scanned or typed."""
    for read in (read_day_code, read_typed_day_code):
        try:
            code = read(text)
        except DayCodeMalformedError:
            continue
        assert write_day_code(bytes.fromhex(code.credential.value)) == "".join(text.split()).replace("-", "").upper()


def test_endless_typing_is_refused_early() -> None:
    """A text of any length costs nothing: it is refused before it is tidied."""
    with pytest.raises(DayCodeMalformedError, match="too many"):
        read_typed_day_code("-" * 10_000_000)


def test_issued_codes_differ_and_show_nothing() -> None:
    """A new code is random, reads back, and a log line about it does not hold it."""
    first, second = (issue_day_code(secrets.token_bytes) for _ in range(2))
    assert first != second
    assert read_day_code(first).credential.value not in repr(read_day_code(first))
    with pytest.raises(ValueError, match="16 bytes"):
        write_day_code(bytes(15))
