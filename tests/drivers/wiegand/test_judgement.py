"""What a frame is: a card, a key, or the likeliest reason why it is neither. Nothing is ever guessed."""

import pytest
from drivers.wiegand.wire_script import CARD, H10301, MS, OTHER, Wire, decoder, told
from hypothesis import given
from hypothesis import strategies as st
from portillon_drivers.keypad import KeypadCode
from portillon_drivers.readers.frame_fault import FrameFault
from portillon_drivers.readers.hold_off import HoldOff
from portillon_drivers.readers.wiegand import judgement as judgement_module
from portillon_drivers.readers.wiegand.decoder import WiegandDecoder
from portillon_drivers.readers.wiegand.edges import Edge, Line
from portillon_drivers.readers.wiegand.frames import RawFrame
from portillon_drivers.readers.wiegand.judgement import Judgement
from portillon_drivers.readers.wiegand.swap_watch import SWAPPED_AFTER, fits_inverted
from portillon_rules.wiegand import STANDARD, Parity, WiegandFormat, encode_bits, read_bits

CREDENTIAL = "wiegand:26.28607D1"
INVERTED = str.maketrans("01", "10")
HOUSE = tuple(STANDARD[name] for name in ("h10301", "h10306", "c1000_35", "h10302", "c1000_48"))


def verdict(bits: str, *formats: WiegandFormat, keypad: KeypadCode = KeypadCode.NONE) -> tuple[str, str]:
    """Kind and detail of the fault."""
    judged = Judgement(formats or [H10301], keypad)
    found = judged.of(RawFrame(bits, tuple(at * MS for at in range(len(bits)))))
    assert isinstance(found, FrameFault), found
    return found.kind.value, found.detail


def test_a_card() -> None:
    """A clean frame in a known format is its canonical credential."""
    assert told(decoder(), Wire().bits(CARD).edges) == [CREDENTIAL]


@pytest.mark.parametrize("lost", range(26))
def test_a_lost_bit_is_told(lost: int) -> None:
    """Whichever bit is lost, the rest is told as such."""
    assert verdict(CARD[:lost] + CARD[lost + 1 :])[0] == "lost_bits"


@pytest.mark.parametrize("turned", range(26))
def test_a_turned_bit_is_told(turned: int) -> None:
    """Whichever bit is turned, the parity is told."""
    bit = "0" if CARD[turned] == "1" else "1"
    assert verdict(CARD[:turned] + bit + CARD[turned + 1 :])[0] == "parity"


@pytest.mark.parametrize("bits", ["0", "1", "01", "110"])
def test_stray_edges_are_noise(bits: str) -> None:
    """A few edges, as from an engine starting, are noise and no lost bits of a card."""
    assert verdict(bits, keypad=KeypadCode.FOUR_BIT)[0] == "noise"


@pytest.mark.parametrize(
    ("bits", "kind", "hint"),
    [
        (encode_bits(STANDARD["c1000_35"], facility=235, number=39_248), "unknown_format", "c1000_35"),
        (encode_bits(STANDARD["h10302"], number=98_765), "unknown_format", "h10302 or h10304"),
        ("1011", "unknown_format", 'keypad = "4bit"'),
        ("11100001", "unknown_format", 'keypad = "8bit"'),
        ("10110011" * 5, "unknown_format", "40 bits; a card of this reader has 26"),
        ("10110011" * 2, "lost_bits", "16 bits"),
        ("1" * 13, "lost_bits", "only D1 fell; is D0 connected?"),
        ("0" * 12, "lost_bits", "only D0 fell; is D1 connected?"),
    ],
)
def test_a_foreign_frame_says_what_it_may_be(bits: str, kind: str, hint: str) -> None:
    """What no format of this reader has is told with the likeliest cause, and never with the bits."""
    found, detail = verdict(bits)
    assert (found, hint in detail) == (kind, True), detail
    assert bits not in detail


def test_frames_of_one_wire_are_no_cards() -> None:
    """Where a format without parity would take equal bits, the wire is told: random 0 and FFFFFFFF are no cards."""
    assert verdict("0" * 32, STANDARD["uid32"])[0] == "all_zero"
    kind, detail = verdict("1" * 32, STANDARD["uid32"])
    assert kind == "lost_bits" and "is D0 connected?" in detail


@pytest.mark.parametrize("readings", [(CARD, OTHER), (CARD, CARD), (CARD, "1011"), ("1011", CARD), ("0001", "0010")])
def test_two_readings_run_together_are_neither(readings: tuple[str, str]) -> None:
    """Two cards, a card and a key, or two keys without a gap are told, and neither is taken."""
    assert verdict("".join(readings), keypad=KeypadCode.FOUR_BIT)[0] == "run_together"


def longer_card_with_a_seam() -> Wire:
    """A 26-bit card and, 9 ms later, an 8-bit key: together 34 bits whose parities happen to fit."""
    for number in range(1_000):
        first, second = encode_bits(H10301, facility=67, number=number), "11100001"
        if read_bits(first + second, [STANDARD["h10306"]]):
            return Wire().bits(first).pause(8 * MS).bits(second)
    raise AssertionError("one of a thousand fits")


def test_a_frame_that_could_be_one_card_or_two_readings_is_refused() -> None:
    """A pause where two readings would meet betrays them, though together they pass every parity of a longer card."""
    both = decoder(H10301, STANDARD["h10306"], keypad=KeypadCode.EIGHT_BIT)
    assert told(both, longer_card_with_a_seam().edges) == ["run_together"]


def test_ablation_of_the_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rule is what refuses it: without it a phantom card is read."""
    monkeypatch.setattr(judgement_module, "PAUSE_RATIO", 1_000)
    both = decoder(H10301, STANDARD["h10306"], keypad=KeypadCode.EIGHT_BIT)
    assert told(both, longer_card_with_a_seam().edges)[0].startswith("wiegand:34.")


def test_keys_and_cards_of_one_reader() -> None:
    """Cards and bursts of keys are told in their order; a burst that is no key is a fault."""
    wire = Wire().bits("0100").pause(50 * MS).bits(CARD).pause(50 * MS).bits("1011").pause(50 * MS).bits("1100")
    assert told(decoder(keypad=KeypadCode.FOUR_BIT), wire.edges) == ["4", CREDENTIAL, "#", "malformed"]
    wrong = Wire().bits("11100000").pause(50 * MS).bits("01001011")
    assert told(decoder(keypad=KeypadCode.EIGHT_BIT), wrong.edges) == ["malformed", "#"]


def swapped(*cards: str) -> Wire:
    wire = Wire()
    for card in cards:
        wire.bits(card.translate(INVERTED)).pause(50 * MS)
    return wire


def test_swapped_lines_are_told_at_the_third_reading() -> None:
    """One or two inverted readings may be turned bits; the third in a row, and each after it, says what is wrong."""
    assert told(decoder(), swapped(CARD, OTHER, CARD, OTHER).edges) == [
        "parity",
        "parity",
        "swapped_lines",
        "swapped_lines",
    ]


def test_a_reading_that_fits_clears_the_suspicion() -> None:
    """A card that fits as it came proves the lines right; a parity fault that fits neither way proves nothing."""
    wire = swapped(CARD, OTHER).bits(CARD).pause(50 * MS)
    for card in (CARD, OTHER):
        wire.bits(card.translate(INVERTED)).pause(50 * MS)
    assert told(decoder(), wire.edges) == ["parity", "parity", CREDENTIAL, "parity", "parity"]
    turned = ("1" if CARD[0] == "0" else "0") + CARD[1:]
    assert fits_inverted(turned, [H10301]) == []
    wire = swapped(CARD, OTHER).bits(turned).pause(50 * MS)
    wire.bits(CARD.translate(INVERTED))
    assert told(decoder(), wire.edges) == ["parity"] * 4


def test_keys_of_swapped_lines_are_refused() -> None:
    """An inverted burst is the burst of another key: once the lines count as swapped no key is told."""
    wire = swapped(*[CARD] * SWAPPED_AFTER).bits("0101")
    assert told(decoder(keypad=KeypadCode.FOUR_BIT), wire.edges)[-1] == "swapped_lines"


@pytest.mark.parametrize("name", [name for name, known in STANDARD.items() if known.parities])
@given(data=st.data())
def test_no_card_passes_inverted(name: str, data: st.DataObject) -> None:
    """With its lines exchanged, no format that has parity ever takes a card for another."""
    card_format = STANDARD[name]
    facility = card_format.facility and data.draw(st.integers(0, card_format.facility.number_max))
    bits = encode_bits(card_format, number=data.draw(st.integers(0, card_format.number.number_max)), facility=facility)
    assert read_bits(bits.translate(INVERTED), [card_format]) == []
    assert fits_inverted(bits.translate(INVERTED), [card_format]) == [name]


def test_ablation_without_parity_swapped_lines_are_another_card(monkeypatch: pytest.MonkeyPatch) -> None:
    """The parity is what notices: with its check switched off another person's card is read."""
    monkeypatch.setattr(Parity, "holds", lambda *_: True)
    [found] = told(decoder(), swapped(CARD).edges)
    assert found.startswith("wiegand:26.") and found != CREDENTIAL


def test_the_hold_off_runs_on_the_kernels_clock() -> None:
    """A card is told again only after the hold-off between its edges, however late both are read."""
    held = WiegandDecoder(Judgement([H10301], KeypadCode.NONE), HoldOff(1_000 * MS))
    wire = Wire().bits(CARD).pause(900 * MS).bits(CARD).pause(1_100 * MS).bits(CARD)
    assert told(held, wire.edges) == [CREDENTIAL, CREDENTIAL]


def test_every_frame_is_shown_to_whoever_observes() -> None:
    """An observer sees held-off and refused frames too, with their bits and times."""
    seen: list[RawFrame] = []
    wire = Wire().bits(CARD).pause(50 * MS).bits("01", 3_000)
    told(decoder(observe=seen.append), wire.edges)
    assert [frame.bits for frame in seen] == [CARD, "01"] and seen[1].fault is not None


@given(
    gaps=st.lists(
        st.tuples(st.sampled_from([Line.D0, Line.D1]), st.integers(-MS, 60 * MS), st.integers(0, 3)), max_size=80
    ),
    keypad=st.sampled_from(KeypadCode),
)
def test_any_edges_are_cards_keys_faults_or_silence(gaps: list[tuple[Line, int, int]], keypad: KeypadCode) -> None:
    """Whatever falls, with whatever times and numbers, nothing raises, and a card is told only for a whole reading."""
    at_ns, seqno, edges = 0, 0, []
    for line, gap_ns, step in gaps:
        at_ns, seqno = at_ns + gap_ns, seqno + step
        edges.append(Edge(line, at_ns, seqno))
    for _, found in decoder(*HOUSE, keypad=keypad).feed(edges, at_ns + 100 * MS):
        if isinstance(found, FrameFault):
            assert len(found.detail) < 200
