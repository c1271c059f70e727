"""ISO 14443-4 on both sides: the reader's layer against the simulated card's, over an air that loses blocks."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portillon_drivers.nfc import iso_dep
from portillon_drivers.nfc.iso_dep import (
    ANSWER_BYTES_MAX,
    TURNS_MAX,
    WAIT_MAX_S,
    WAITS_MAX_S,
    Ats,
    CardLost,
    IsoDep,
    read_ats,
)
from portillon_drivers.nfc.simulated_iso_dep import SimulatedIsoDep

VECTORS = json.loads((Path(__file__).parent / "vectors" / "pn532.json").read_text())["ats"]["vectors"]
ATS = Ats(frame_bytes=64, wait_s=0.005)
apdus = st.binary(min_size=1, max_size=600)


class Air:
    """Between reader and card; a plan says what happens to each block on its way: heard, lost before, lost after."""

    def __init__(self, card: SimulatedIsoDep, plan: Iterable[str] = ()) -> None:
        self.card = card
        self.plan = iter(plan)
        self.blocks = 0

    def transceive(self, block: bytes, wait_s: float) -> bytes | None:
        self.blocks += 1
        assert len(block) <= ATS.frame_bytes - 2 and 0 < wait_s <= WAIT_MAX_S
        fate = next(self.plan, "heard")
        if fate == "lost before":
            return None
        answer = self.card.receive(block)
        return answer if fate == "heard" else {"garbled": b"\xff\xff", "empty": b""}.get(fate)


class Applet:
    """Answers each command with `answer`, and remembers what it was told."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.commands: list[bytes] = []

    def __call__(self, command: bytes) -> bytes:
        self.commands.append(command)
        return self.answer


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_ats_with_and_without_its_optional_bytes(vector: dict[str, object]) -> None:
    """Frame size and waiting time are found wherever they stand, or their defaults are taken."""
    ats = read_ats(bytes.fromhex(str(vector["ats"])))
    assert (ats.frame_bytes, round(ats.wait_s * 1_000_000)) == (vector["frame_bytes"], vector["wait_us"])


@given(noise=st.binary(max_size=30))
def test_any_ats_is_read_or_refused(noise: bytes) -> None:
    """Whatever a card answers to RATS gives sizes that can be worked with, or the card is lost."""
    for ats in (noise, bytes([len(noise) + 1]) + noise):
        try:
            read = read_ats(ats)
        except CardLost:
            continue
        assert 16 <= read.frame_bytes <= 256 and 0 < read.wait_s < 5


@given(command=apdus, answer=apdus, wtx=st.integers(0, 3), piece_bytes=st.integers(1, 70))
def test_any_length_goes_both_ways(command: bytes, answer: bytes, wtx: int, piece_bytes: int) -> None:
    """Chained in either direction, with waiting-time requests anywhere, commands and answers arrive whole."""
    applet = Applet(answer)
    air = Air(SimulatedIsoDep(applet, fsdi=8, wtx=wtx, piece_bytes=piece_bytes))
    dep = IsoDep(air.transceive, ATS)
    assert [dep.exchange(command), dep.exchange(command[::-1])] == [answer, answer]
    assert applet.commands == [command, command[::-1]]


@given(
    command=apdus,
    answer=apdus,
    wtx=st.integers(0, 1),
    plan=st.lists(st.sampled_from(["heard", "heard", "lost before", "lost after", "garbled", "empty"]), max_size=30),
)
def test_lost_blocks_are_asked_for_again(command: bytes, answer: bytes, wtx: int, plan: list[str]) -> None:
    """Whatever is lost on the air, the answer is right or the card is lost, and no command is carried out twice."""
    applet = Applet(answer)
    dep = IsoDep(Air(SimulatedIsoDep(applet, fsdi=8, wtx=wtx), plan).transceive, ATS)
    try:
        assert dep.exchange(command) == answer
        assert applet.commands == [command]
    except CardLost:
        assert len(applet.commands) <= 1 and set(applet.commands) <= {command}


@pytest.mark.parametrize("at", range(12))
@pytest.mark.parametrize("fate", ["lost before", "lost after", "garbled"])
def test_one_lost_block_is_always_mended(at: int, fate: str) -> None:
    """A single trouble, wherever it falls, costs no exchange."""
    applet = Applet(bytes(range(200)))
    card = SimulatedIsoDep(applet, fsdi=5, wtx=1)
    dep = IsoDep(Air(card, ["heard"] * at + [fate]).transceive, ATS)
    assert dep.exchange(bytes(150)) == applet.answer and dep.exchange(b"next") == applet.answer
    assert applet.commands == [bytes(150), b"next"]


def test_without_asking_again_one_lost_block_loses_the_card(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ablation: the retries are what mends the air."""
    monkeypatch.setattr(iso_dep, "RETRIES_MAX", 0)
    dep = IsoDep(Air(SimulatedIsoDep(Applet(b"answer"), fsdi=5), ["lost after"]).transceive, ATS)
    with pytest.raises(CardLost):
        dep.exchange(b"command")


@given(blocks=st.lists(st.one_of(st.none(), st.binary(max_size=40)), max_size=40), command=apdus)
def test_any_blocks_are_an_answer_or_a_lost_card(blocks: list[bytes | None], command: bytes) -> None:
    """A card that answers anything at all is understood or given up, in bounded time."""
    answers = iter(blocks)
    dep = IsoDep(lambda block, wait_s: next(answers, None), ATS)
    try:
        dep.exchange(command)
    except CardLost:
        return


@pytest.mark.parametrize(
    ("babble", "why"),
    [
        (lambda block: b"\xf2\x3b", "more time"),
        (lambda block: b"\xf2\x01", "more time"),
        (lambda block: bytes([0x12 | block[0] & 1]) + bytes(250), "no end"),
        (lambda block: None, "stopped answering"),
    ],
)
def test_a_card_cannot_hold_the_reader_for_ever(babble: Callable[[bytes], bytes | None], why: str) -> None:
    """Endless waiting, an endless answer and silence all end."""
    turns: list[float] = []

    def transceive(block: bytes, wait_s: float) -> bytes | None:
        turns.append(wait_s)
        return babble(block)

    with pytest.raises(CardLost, match=why):
        IsoDep(transceive, ATS).exchange(b"command")
    assert len(turns) <= TURNS_MAX + ANSWER_BYTES_MAX // 250 + 1 and sum(turns) <= WAITS_MAX_S + WAIT_MAX_S


@given(blocks=st.lists(st.binary(max_size=80), max_size=40))
def test_any_blocks_are_answered_by_the_simulated_card_or_not(blocks: list[bytes]) -> None:
    """The simulated card takes any bytes and keeps no endless command."""
    card = SimulatedIsoDep(Applet(b"\x90\x00"), fsdi=0)
    for block in blocks:
        answer = card.receive(block)
        assert answer is None or len(answer) <= 14
