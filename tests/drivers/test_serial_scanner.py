"""Serial scanners: codes out of bytes, whatever happens to the bytes."""

import itertools
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portillon_drivers.errors import PermanentDeviceError
from portillon_drivers.events import ReaderFaultKind
from portillon_drivers.readers import code_text
from portillon_drivers.readers.code_text import CODES_PER_S_MAX, FORGET_NS
from portillon_drivers.readers.frame_fault import FrameFault
from portillon_drivers.readers.serial_scanner import SerialCodes, SerialScannerOptions, decoder
from portillon_drivers.readers.serial_scanner_simulator import SimulatedSerialScanner, simulate
from portillon_rules.credential import Credential, CredentialKind
from pydantic import ValidationError

MS = 1_000_000
GAP_NS = 500 * MS
SUFFIXES = ["cr_or_lf", "cr", "lf", "crlf", "tab"]

codes = st.text(alphabet=st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=40)


def options(**keys: Any) -> SerialScannerOptions:
    return SerialScannerOptions.model_validate(
        {"name": "lane1", "type": "serial_scanner", "path": "/dev/serial/by-id/x", "hold_off_ms": 0, **keys}
    )


def found(scanner: SerialCodes, data: bytes, at_ns: int = 1) -> list[str]:
    return [thing if isinstance(thing, str) else f"!{thing.kind}" for thing in scanner.feed(data, at_ns)]


@pytest.mark.parametrize("suffix", SUFFIXES)
@given(data=st.data())
def test_no_split_hides_or_changes_a_code(suffix: str, data: st.DataObject) -> None:
    """However the stream is split, every code of a scanner with this suffix is read whole, in order."""
    described = options(suffix=suffix, prefix=data.draw(st.sampled_from(["", "\x02", "LANE1:"])))
    sent = data.draw(st.lists(codes, min_size=1, max_size=4))
    simulated = SimulatedSerialScanner(described)
    stream = b"".join(map(simulated.bytes_of, sent))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    scanner = decoder(described)
    pieces = [stream[a:b] for a, b in itertools.pairwise([0, *cuts, len(stream)])]
    assert [thing for piece in pieces for thing in found(scanner, piece)] == sent


@given(st.lists(st.tuples(st.binary(max_size=40), st.integers(0, 3 * GAP_NS)), max_size=20), st.data())
def test_any_bytes_are_codes_faults_or_silence(chunks: list[tuple[bytes, int]], data: st.DataObject) -> None:
    """No bytes at any times raise, every code is printable and bounded, and little is kept in memory."""
    described = options(
        suffix=data.draw(st.sampled_from(SUFFIXES)),
        aim_identifier=data.draw(st.booleans()),
        prefix=data.draw(st.sampled_from(["", "\x02"])),
        max_chars=8,
    )
    scanner, at_ns = decoder(described), 0
    for chunk, pause_ns in chunks:
        at_ns += pause_ns
        for thing in scanner.feed(chunk, at_ns):
            if isinstance(thing, str):
                assert 0 < len(thing) <= 8 and thing.isascii() and thing.isprintable()
            else:
                assert isinstance(thing, FrameFault)
        assert len(scanner._code._bytes) <= 8 + 1 + 1 + 3
    assert all(isinstance(thing, FrameFault) for thing in scanner.line_lost())


def test_cr_lf_and_cr_lf_together_end_a_code() -> None:
    """The default suffix suits a scanner set to CR, to LF or to both, and an empty line is no code."""
    assert found(decoder(options()), b"one\rtwo\nthree\r\nfour\r\n\r\n\r") == ["one", "two", "three", "four"]


def test_a_stricter_suffix_takes_nothing_else() -> None:
    """A scanner set otherwise than it is described is told, and nothing of it is read."""
    assert found(decoder(options(suffix="cr")), b"one\r\ntwo\r") == ["one", "!malformed"]
    assert found(decoder(options(suffix="crlf")), b"one\ntwo\r\nth\rree\r\n") == ["!malformed", "two", "!malformed"]
    assert found(decoder(options(suffix="tab")), b"one\r\ntwo\t") == ["!malformed"]


def test_prefix_and_aim_identifier_are_taken_off() -> None:
    """What the scanner is set to put before a code is no part of it, and its absence is told."""
    plain, both = options(aim_identifier=True), options(aim_identifier=True, prefix="\x02")
    assert found(decoder(plain), b"]Q1PASS\r]C0M-000123\r") == ["PASS", "M-000123"]
    assert found(decoder(both), b"\x02]Q1PASS\r") == ["PASS"]
    for bad in (b"PASS\r", b"]Q\r", b"]\xff1X\r", b"]Q1\r", b"\x02\r"):
        assert found(decoder(both), b"\x02" + bad) == ["!malformed"]
        assert found(decoder(both), bad) == ["!malformed"]
    assert found(decoder(options()), b"]Q1PASS\r") == ["]Q1PASS"]


@pytest.mark.parametrize("bad", [b"\x00", b"\x1b", b"\x7f", b"\x80", b"\xff", "é".encode(), "é".encode("latin-1")])
def test_what_is_not_printable_ascii_spoils_a_code(bad: bytes) -> None:
    """A code with a character that nobody printed there is a fault, and the next one is read."""
    assert found(decoder(options()), b"M-" + bad + b"123\rM-000456\r") == ["!malformed", "M-000456"]


def test_an_overlong_code_is_given_up_at_its_bound() -> None:
    """A code past the bound is told, dropped up to its end, and told again as it goes on without one."""
    scanner = decoder(options(max_chars=8))
    assert found(scanner, b"12345678\r123456789") == ["12345678", "!too_long"]
    assert found(scanner, b"12345678") == []
    assert found(scanner, b"9" + b"12345678") == ["!too_long"]
    assert found(scanner, b"\rM-1\r") == ["M-1"]


def test_a_code_as_long_as_allowed_may_have_all_around_it() -> None:
    """Prefix, identifier and suffix do not count against the bound."""
    scanner = decoder(options(max_chars=8, prefix="\x02", aim_identifier=True, suffix="crlf"))
    assert found(scanner, b"\x02]Q112345678\r\n") == ["12345678"]


def test_the_rest_of_a_torn_code_is_no_code() -> None:
    """After a gap inside a code its rest is dropped too: the second half of a barcode may be somebody's barcode."""
    scanner = decoder(options())
    assert found(scanner, b"M-000", 1) == []
    assert found(scanner, b"123\rM-000456\r", 2 + GAP_NS) == ["!truncated", "M-000456"]


def test_without_the_gap_rule_torn_codes_would_join() -> None:
    """Ablation: were gaps allowed, the halves of two codes would make a third."""
    scanner = decoder(options(gap_ms=1_500))
    assert found(scanner, b"M-000", 1) + found(scanner, b"123\r", 2 + GAP_NS) == ["M-000123"]


def test_spoiling_is_what_keeps_the_rest_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ablation: were a torn code only forgotten, its rest would be told as a code."""
    monkeypatch.setattr(code_text.CodeText, "spoil", lambda self, fault: self.break_off())
    scanner = decoder(options())
    assert found(scanner, b"M-000", 1) + found(scanner, b"123\r", 2 + GAP_NS) == ["!truncated", "123"]


def test_a_glitch_costs_no_code_after_a_pause() -> None:
    """A stray byte, as at plugging in, is told and forgotten long before the next person comes."""
    scanner = decoder(options())
    assert found(scanner, b"\x00", 1) == []
    assert found(scanner, b"", 2 + GAP_NS) == ["!truncated"]
    assert found(scanner, b"", 2 + FORGET_NS) == []
    assert found(scanner, b"M-000123\r", 3 + FORGET_NS) == ["M-000123"]


def test_a_lost_line_ends_what_was_begun() -> None:
    """Half a code before an unplugging never joins what comes after it."""
    scanner = decoder(options())
    assert found(scanner, b"M-000") == []
    assert [fault.kind for fault in scanner.line_lost()] == [ReaderFaultKind.TRUNCATED]
    assert found(scanner, b"123\r") == ["123"]


def test_a_code_held_before_the_scanner_is_told_once() -> None:
    """A scanner that reads on and on tells the same code once, and another one between."""
    scanner = decoder(options(hold_off_ms=3_000))
    assert found(scanner, b"A\rA\rA\r", 1) == ["A"]
    assert found(scanner, b"A\rB\rA\r", 2_000 * MS) == ["B"]
    assert found(scanner, b"A\r", 4_999 * MS) == []
    assert found(scanner, b"A\r", 7_999 * MS) == ["A"]


def test_a_flood_of_codes_is_noise() -> None:
    """More different codes than anybody can show are refused, so that memory and queues stay bounded."""
    scanner = decoder(options(hold_off_ms=60_000))
    flood = b"".join(b"%d\r" % number for number in range(1_000))
    assert found(scanner, flood, 1).count("!noise") == 1_000 - CODES_PER_S_MAX
    assert len(scanner._code._hold_off._seen_ns) == CODES_PER_S_MAX
    assert found(scanner, b"later\r", 2 + 1_000 * MS) == ["later"]


def test_one_code_read_without_pause_is_no_flood() -> None:
    """A scanner in continuous mode repeats one code a hundred times a second, and that is no fault."""
    assert found(decoder(options(hold_off_ms=3_000)), b"A\r" * 100) == ["A"]


def test_faults_do_not_quote_what_was_read() -> None:
    """No fault holds characters of a code: they may be a member's."""
    scanner = decoder(options(max_chars=8, prefix="P"))
    data = b"SECRET\r\xffSECRET\rPSECRETSECRET\rPSECR"
    faults = [*scanner.feed(data, 1), *scanner.feed(b"ET\r", 2 + GAP_NS)]
    assert len(faults) == 4
    assert all(isinstance(fault, FrameFault) and "SECR" not in fault.detail for fault in faults)


@pytest.mark.parametrize("keys", [{"prefix": "\r"}, {"prefix": "é"}, {"baud": 9601}, {"suffix": "none"}])
def test_what_cannot_be_is_refused_in_the_configuration(keys: dict[str, Any]) -> None:
    """A prefix that would end a code, and settings that no scanner has, are mistakes."""
    with pytest.raises(ValidationError):
        options(**keys)


def test_a_scanner_tells_passes_day_codes_and_barcodes() -> None:
    """Which kinds a scanner may pass is chosen among what it tells; the line is its own."""
    assert {str(kind) for kind in options().tells} == {"phone", "day_code", "barcode"}
    assert options(accepts=["phone"]).takes == {CredentialKind.PHONE}
    assert options().port == "/dev/serial/by-id/x"


def test_the_simulator_says_what_it_cannot_show(tmp_path: Path) -> None:
    """Prodding a scanner with a tag or with keys is answered by what it can read."""
    simulated = simulate(options(), tmp_path)
    assert simulated.section == {"path": str(tmp_path / "lane1")}
    with pytest.raises(PermanentDeviceError, match="reads codes"):
        simulated.present(Credential.parse("em4100:0F0027A46B"))
    with pytest.raises(PermanentDeviceError, match="no PIN pad"):
        simulated.press("1#")
