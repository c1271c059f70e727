"""Keyboard-wedge scanners: codes out of the kernel's input events, whatever happens to the events."""

import itertools
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portillon_drivers.errors import PermanentDeviceError, TransientDeviceError
from portillon_drivers.readers.code_text import FORGET_NS
from portillon_drivers.readers.frame_fault import FrameFault
from portillon_drivers.readers.keyboard_layouts import LAYOUTS
from portillon_drivers.readers.wedge_keys import (
    EV_KEY,
    EV_SYN,
    INPUT_EVENT,
    KEY_ALTGR,
    KEY_ENTER,
    KEY_LEFT_ALT,
    KEY_LEFT_CTRL,
    KEY_LEFT_SHIFT,
    KEY_TAB,
    PRESSED,
    RELEASED,
    SYN_DROPPED,
    SYN_REPORT,
    WedgeKeys,
)
from portillon_drivers.readers.wedge_scanner import WedgeScannerOptions, decoder
from portillon_drivers.readers.wedge_scanner_simulator import SimulatedWedgeScanner, change, event, simulate
from pydantic import ValidationError

MS = 1_000_000
BASE45 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
"""What a phone pass is written in: every layout must have a key for each."""
KEY_A, KEY_CAPS_LOCK, KEY_2, KEY_9 = 30, 58, 3, 10
LAYOUT_NAMES = pytest.mark.parametrize("layout", sorted(LAYOUTS))


def options(**keys: Any) -> WedgeScannerOptions:
    return WedgeScannerOptions.model_validate(
        {"name": "lane1", "type": "wedge_scanner", "path": "/dev/input/by-id/x-event-kbd", "hold_off_ms": 0, **keys}
    )


def typed(text: str, described: WedgeScannerOptions | None = None) -> bytes:
    simulated = SimulatedWedgeScanner(described or options(), clock_ns=lambda: 0)
    return b"".join(simulated.events_of(text))


def keys(*changes: tuple[int, int], from_ms: int = 0, every_ms: int = 2) -> bytes:
    pairs = enumerate(changes)
    return b"".join(change((from_ms + number * every_ms) * MS, key, value) for number, (key, value) in pairs)


def tap(*codes: int) -> list[tuple[int, int]]:
    return [(code, value) for code in codes for value in (PRESSED, RELEASED)]


def found(scanner: WedgeKeys, data: bytes, at_ns: int = 1) -> list[str]:
    return [thing if isinstance(thing, str) else f"!{thing.kind}" for thing in scanner.feed(data, at_ns)]


@LAYOUT_NAMES
def test_every_layout_can_type_a_phone_pass(layout: str) -> None:
    """Each character of a pass, and of any barcode that the layout can type, comes back as it was."""
    described = options(layout=layout)
    for text in (BASE45, "".join(sorted(set(LAYOUTS[layout].values())))):
        assert found(decoder(described), typed(text, described)) == [text]


@pytest.mark.parametrize(("layout", "missing"), [("us", ""), ("fr", "`~"), ("ca-fr", "^`")], ids=["us", "fr", "ca-fr"])
def test_layouts_have_all_of_ascii_but_dead_keys(layout: str, missing: str) -> None:
    """Only characters that need a dead key (on Linux or Windows) cannot be read; they are refused, not guessed."""
    ascii_characters = {chr(code) for code in range(0x20, 0x7F)}
    assert ascii_characters - set(LAYOUTS[layout].values()) == set(missing)


@pytest.mark.parametrize(("layout", "text"), [("us", "az"), ("fr", "qw"), ("ca-fr", "az")], ids=["us", "fr", "ca-fr"])
def test_the_same_keys_differ_between_layouts(layout: str, text: str) -> None:
    """The keys left of S and of X are A and Z in America, Q and W in France."""
    assert found(decoder(options(layout=layout)), keys(*tap(30, 44, KEY_ENTER))) == [text]


@given(text=st.text(alphabet=BASE45, min_size=1, max_size=60), cuts=st.lists(st.integers(0, 10_000), max_size=8))
def test_no_split_hides_or_changes_a_code(text: str, cuts: list[int]) -> None:
    """However reads cut the stream of events, inside an event too, the code is read."""
    stream, scanner = typed(text), decoder(options())
    places = [0, *sorted(cut % len(stream) for cut in cuts), len(stream)]
    pieces = [stream[a:b] for a, b in itertools.pairwise(places)]
    assert [thing for piece in pieces for thing in found(scanner, piece)] == [text]


events = st.tuples(
    st.integers(-(2**40), 2**40), st.sampled_from([0, 1, 1, 1, 4, 17]), st.integers(0, 140), st.integers(-1, 3)
)


@given(st.lists(events, max_size=80), st.binary(max_size=60), st.integers(0, 2**60))
def test_any_events_are_codes_faults_or_silence(some: list[tuple[int, int, int, int]], junk: bytes, at_ns: int) -> None:
    """No events and no bytes raise; every code is printable and bounded, and little is kept in memory."""
    scanner = decoder(options(max_chars=8))
    data = b"".join(event(ns * 1_000, *rest) for ns, *rest in some)
    for chunk in (data, junk, data[5:], b""):
        for thing in scanner.feed(chunk, at_ns):
            assert isinstance(thing, FrameFault) or (0 < len(thing) <= 8 and thing.isascii() and thing.isprintable())
    assert len(scanner._rest) < INPUT_EVENT.size
    assert len(scanner._held) <= 8 and len(scanner._code._bytes) <= 8


def test_keys_far_apart_are_no_scan() -> None:
    """A gap by the kernel's times spoils the code and its rest: somebody types, or keys got lost."""
    torn = keys(*tap(KEY_A)) + keys(*tap(KEY_A, KEY_ENTER), from_ms=400)
    scanner = decoder(options())
    assert found(scanner, torn) == ["!truncated"]
    assert found(scanner, keys(*tap(KEY_A, KEY_ENTER), from_ms=500)) == ["a"]


def test_only_the_kernels_times_count() -> None:
    """A host that reads late and in pieces tears nothing (ablation: with the gap in the events' times it is torn)."""
    scanner = decoder(options())
    assert found(scanner, keys(*tap(KEY_A)), 1) == []
    assert found(scanner, keys(*tap(KEY_A, KEY_ENTER), from_ms=10), 1 + 5_000 * MS) == ["aa"]


def test_a_key_left_alone_is_forgotten() -> None:
    """A stray key is told once nothing follows it, and the next code after a pause is read."""
    scanner = decoder(options())
    assert found(scanner, keys(*tap(KEY_A)), 1) == []
    assert found(scanner, b"", 1 + 301 * MS) == ["!truncated"]
    assert found(scanner, b"", 2 + FORGET_NS) == []
    assert found(scanner, keys(*tap(KEY_A, KEY_ENTER), from_ms=9_000), 3 + FORGET_NS) == ["a"]


def test_a_clock_that_jumps_back_joins_nothing() -> None:
    """Events dated before those they follow are not of one code."""
    jumped = keys(*tap(KEY_A), from_ms=10_000) + keys(*tap(KEY_A, KEY_ENTER))
    assert found(decoder(options()), jumped) == ["!truncated"]


def test_what_the_kernel_dropped_spoils_the_code() -> None:
    """SYN_DROPPED: the code it fell into is dropped whole, even if only its beginning was lost."""
    dropped = event(4 * MS, EV_SYN, SYN_DROPPED, 0)
    lost = change(5 * MS, KEY_A, PRESSED)[: 2 * INPUT_EVENT.size]  # until the next report, nothing is to be believed
    report = event(6 * MS, EV_SYN, SYN_REPORT, 0)
    rest = keys(*tap(KEY_A, KEY_ENTER), from_ms=8)
    for begun in (keys(*tap(KEY_A)), b""):
        scanner = decoder(options())
        assert found(scanner, begun + dropped + lost + report + rest) == ["!edges_dropped"]
        assert found(scanner, keys(*tap(KEY_A, KEY_ENTER), from_ms=30)) == ["a"]


def test_a_shift_whose_release_was_dropped_is_not_held_for_ever() -> None:
    """After lost events no key counts as held."""
    scanner = decoder(options())
    dropped = event(4 * MS, EV_SYN, SYN_DROPPED, 0) + event(4 * MS, EV_SYN, SYN_REPORT, 0)
    begun = keys((KEY_LEFT_SHIFT, PRESSED), *tap(KEY_A))
    assert found(scanner, begun + dropped + keys(*tap(KEY_ENTER), from_ms=10)) == ["!edges_dropped"]
    assert found(scanner, keys(*tap(KEY_A, KEY_ENTER), from_ms=20)) == ["a"]


def test_keys_that_the_kernel_repeats_are_typed_once() -> None:
    """A late release makes the kernel repeat a key; that is no second character."""
    repeated = keys((KEY_A, PRESSED), (KEY_A, 2), (KEY_A, 2), (KEY_A, RELEASED), *tap(KEY_ENTER))
    assert found(decoder(options()), repeated) == ["a"]


def test_altgr_may_be_control_and_alt() -> None:
    """Some scanners press control and alt for AltGr, as Windows does; control alone types nothing."""
    french = options(layout="fr")
    for altgr in ([KEY_ALTGR], [KEY_LEFT_CTRL, KEY_LEFT_ALT], [KEY_LEFT_CTRL, KEY_LEFT_ALT, KEY_ALTGR]):
        down, up = [(key, PRESSED) for key in altgr], [(key, RELEASED) for key in altgr]
        assert found(decoder(french), keys(*down, *tap(KEY_9), *up, *tap(KEY_ENTER))) == ["^"]
    control = keys((KEY_LEFT_CTRL, PRESSED), *tap(KEY_A), (KEY_LEFT_CTRL, RELEASED), *tap(KEY_ENTER))
    assert found(decoder(french), control) == ["!malformed"]


@pytest.mark.parametrize(("layout", "key"), [("us", KEY_CAPS_LOCK), ("us", KEY_TAB), ("fr", KEY_2)])
def test_a_key_without_a_character_spoils_the_code(layout: str, key: int) -> None:
    """A wrong layout or suffix, and a caps lock that would change all that follows, are told."""
    scanner = decoder(options(layout=layout))
    assert found(scanner, keys(*tap(KEY_A, key, KEY_A, KEY_ENTER))) == ["!malformed"]
    assert len(found(scanner, keys(*tap(KEY_A, KEY_ENTER), from_ms=50))) == 1


def test_the_suffix_may_be_tab() -> None:
    """A scanner set to TAB is read when it is described so."""
    described = options(suffix="tab", prefix="LANE1:", aim_identifier=True)
    assert found(decoder(described), typed("M-000123", described)) == ["M-000123"]


def test_the_number_pad_types_digits() -> None:
    """A scanner set to use the number pad, its ENTER too, types the same code."""
    assert found(decoder(options()), keys(*tap(79, 80, 81, 82, 96))) == ["1230"]


def test_an_unplugged_scanner_holds_no_key() -> None:
    """What was begun and held when the scanner went is over."""
    scanner = decoder(options())
    begun = keys((KEY_LEFT_SHIFT, PRESSED), *tap(KEY_A)) + event(9 * MS, EV_KEY, KEY_A, PRESSED)[:7]
    assert found(scanner, begun) == []
    assert [str(fault.kind) for fault in scanner.line_lost()] == ["truncated"]
    assert found(scanner, keys(*tap(KEY_A, KEY_ENTER), from_ms=10)) == ["a"]


@pytest.mark.parametrize("path", ["/dev/input/event0", "/dev/input/event17"])
def test_a_number_that_changes_is_no_path(path: str) -> None:
    """Event numbers are given out anew at each boot: grabbing by number could take the console's keyboard."""
    with pytest.raises(ValidationError, match="by-id"):
        options(path=path)


@pytest.mark.parametrize("prefix", ["\x02", "é"])
def test_a_prefix_can_be_typed(prefix: str) -> None:
    """A prefix with a control character could never match."""
    with pytest.raises(ValidationError):
        options(prefix=prefix)


def test_the_simulator_says_what_it_cannot_do(tmp_path: Path) -> None:
    """A code that the layout cannot type, or a scanner that is not plugged in, is told to whoever prods it."""
    simulated = simulate(options(), tmp_path)
    with pytest.raises(TransientDeviceError, match="not plugged in"):
        simulated.scan("M-000123")
    with pytest.raises(PermanentDeviceError, match="no key"):
        simulated.scan("é")
    simulated.plug()
    with pytest.raises(TransientDeviceError, match="nobody reads it"):
        for _ in range(1_000):
            simulated.scan("M-000123")
    simulated.close()
    assert not (tmp_path / "lane1").exists()
