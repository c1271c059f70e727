"""What a scanned text is taken for."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portillon_rules.credential import CredentialKind
from portillon_wire import day_code, qr_pass
from portillon_wire.day_code import DayCode
from portillon_wire.qr_pass import PhonePass
from portillon_wire.scanned import Barcode, RefusedScan, ScanRefusal, classify

GOLDEN = Path(__file__).parents[2] / "wire/golden"
PASSES = json.loads((GOLDEN / "qr_passes.json").read_text())
CODES = json.loads((GOLDEN / "day_codes.json").read_text())


def test_the_three_kinds() -> None:
    """A pass, a day code and a member's barcode are told apart by their beginnings."""
    shown, printed = classify(PASSES["accepted"][0]["text"]), classify(CODES["accepted"][0]["text"])
    card = classify("M-000123")
    assert isinstance(shown, PhonePass) and shown.credential.kind is CredentialKind.PHONE
    assert isinstance(printed, DayCode) and printed.credential.kind is CredentialKind.DAY_CODE
    assert isinstance(card, Barcode) and str(card.credential) == "barcode:M-000123"


@pytest.mark.parametrize("golden", PASSES["refused"], ids=lambda golden: golden["name"])
def test_a_bad_pass_is_refused_and_never_a_barcode(golden: dict[str, str]) -> None:
    """What claims to be a pass is a pass or a refusal that says which."""
    expected = {"PassForgedError": ScanRefusal.PASS_FORGED, "PassMalformedError": ScanRefusal.PASS_MALFORMED}
    found = classify(golden["text"])
    assert isinstance(found, RefusedScan) and found.refusal is expected[golden["error"]]


@pytest.mark.parametrize("golden", CODES["refused"], ids=lambda golden: golden["name"])
def test_a_bad_day_code_is_refused_and_never_a_barcode(golden: dict[str, str]) -> None:
    """What claims to be a day code is one or a refusal; hyphens are for typing, so the scanned form has none."""
    found = classify(golden["text"])
    assert isinstance(found, RefusedScan) and found.refusal is ScanRefusal.DAY_CODE_MALFORMED


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ScanRefusal.UNREADABLE),
        ("M 123", ScanRefusal.UNREADABLE),
        (" M123", ScanRefusal.UNREADABLE),
        ("M\x00123", ScanRefusal.UNREADABLE),
        ("M123\n", ScanRefusal.UNREADABLE),
        ("Mé123", ScanRefusal.UNREADABLE),
        ("１２３", ScanRefusal.UNREADABLE),
        ("M" * 129, ScanRefusal.TOO_LONG),
        ("M" * 10_000_000, ScanRefusal.TOO_LONG),
    ],
    ids=["empty", "space", "leading space", "NUL", "line feed", "accent", "wide digits", "129", "ten million"],
)
def test_what_no_scanner_should_tell_is_refused(text: str, expected: ScanRefusal) -> None:
    """Only printable ASCII without spaces, of bounded length, can be a barcode."""
    found = classify(text)
    assert isinstance(found, RefusedScan) and found.refusal is expected


beginnings = st.sampled_from(["", qr_pass.CLAIM, day_code.CLAIM, "portillon:", "Pday1", "PORTILLON", "PDAY"])


@given(beginnings, st.text(max_size=200))
def test_any_text_is_something(beginning: str, rest: str) -> None:
    """Every text gets an answer, a claim is never a barcode, and no refusal quotes what was scanned."""
    text = beginning + rest
    found = classify(text)
    claims = text.upper().startswith((qr_pass.CLAIM, day_code.CLAIM))
    assert isinstance(found, RefusedScan if claims else (Barcode, RefusedScan))
    if isinstance(found, RefusedScan) and len(rest) > 20:
        assert rest not in found.detail
