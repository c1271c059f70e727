"""The secure channel: annex E's bytes, both ends against each other, and everything that must not pass."""

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portillon_drivers.osdp.errors import ChannelError
from portillon_drivers.osdp.frame import Frame, SecurityBlock, encode
from portillon_drivers.osdp.frame_parser import FrameParser
from portillon_drivers.osdp.handshake import (
    SCS_CLIENT,
    SCS_RMAC,
    Handshake,
    OfferedKey,
    OtherKeyError,
    WrongKeyError,
)
from portillon_drivers.osdp.panel_events import KeyUsed
from portillon_drivers.osdp.replies import ClientCryptogram, InitialRmac
from portillon_drivers.osdp.secure_channel import SecureChannel, UnencryptedError, session_keys

ANNEX_E = {
    name: bytes.fromhex(value)
    for name, value in tomllib.loads((Path(__file__).parent / "vectors" / "sia_annex_e.toml").read_text())[
        "session"
    ].items()
}
KEYS = session_keys(ANNEX_E["scbk"], ANNEX_E["panel_nonce"])

bodies = st.binary(min_size=1, max_size=70)


def ends() -> tuple[SecureChannel, SecureChannel]:
    return SecureChannel(KEYS, ANNEX_E["initial_rmac"]), SecureChannel(KEYS, ANNEX_E["initial_rmac"])


def over_the_wire(frame: Frame) -> Frame:
    (found,) = FrameParser().feed(encode(frame))
    assert isinstance(found, Frame)
    return found


def test_session_is_that_of_annex_e() -> None:
    """Session keys, both cryptograms and the first MAC come out as the standard prints them."""
    nonces = (ANNEX_E["panel_nonce"], ANNEX_E["reader_nonce"])
    assert (KEYS.enc, KEYS.mac1, KEYS.mac2) == (ANNEX_E["enc"], ANNEX_E["mac1"], ANNEX_E["mac2"])
    assert KEYS.client_cryptogram(*nonces) == ANNEX_E["client_cryptogram"]
    assert KEYS.server_cryptogram(*nonces) == ANNEX_E["server_cryptogram"]
    assert KEYS.initial_rmac(ANNEX_E["server_cryptogram"]) == ANNEX_E["initial_rmac"]


def annex_e_handshake(used: KeyUsed = KeyUsed.DEFAULT) -> tuple[Handshake, Frame, ClientCryptogram]:
    handshake = Handshake(OfferedKey(used, ANNEX_E["scbk"]), ANNEX_E["panel_nonce"])
    reply = ClientCryptogram(bytes(8), ANNEX_E["reader_nonce"], ANNEX_E["client_cryptogram"])
    marker = handshake.challenge()[1].data
    return handshake, Frame(0, True, 0, b"\x76", block=SecurityBlock(SCS_CLIENT, marker)), reply


def test_handshake_speaks_annex_e() -> None:
    """Given the standard's random numbers, the panel sends the standard's cryptogram and accepts its first MAC."""
    handshake, frame, reply = annex_e_handshake()
    proof, block = handshake.prove(frame, reply)
    assert proof.cryptogram == ANNEX_E["server_cryptogram"]
    assert (block.kind, block.data) == (0x13, b"\0")
    answer = Frame(0, True, 1, b"\x78", block=SecurityBlock(SCS_RMAC, b"\x01"))
    assert isinstance(handshake.finish(answer, InitialRmac(ANNEX_E["initial_rmac"])), SecureChannel)


def test_wrong_proofs_are_refused() -> None:
    """A wrong cryptogram, a wrong first MAC, a refusal and an answer for the other kind of key open no channel."""
    handshake, frame, reply = annex_e_handshake()
    with pytest.raises(WrongKeyError):
        handshake.prove(frame, replace(reply, cryptogram=bytes(16)))
    with pytest.raises(OtherKeyError):
        handshake.prove(replace(frame, block=SecurityBlock(SCS_CLIENT, b"\x01")), reply)
    with pytest.raises(ChannelError):
        handshake.prove(replace(frame, block=None), reply)
    with pytest.raises(ChannelError):
        handshake.finish(replace(frame, block=SecurityBlock(SCS_RMAC, b"\x01")), InitialRmac(ANNEX_E["initial_rmac"]))
    handshake.prove(frame, reply)
    with pytest.raises(WrongKeyError):
        handshake.finish(replace(frame, block=SecurityBlock(SCS_RMAC, b"\0")), InitialRmac(ANNEX_E["initial_rmac"]))
    with pytest.raises(ChannelError):
        handshake.finish(replace(frame, block=SecurityBlock(SCS_RMAC, b"\x01")), InitialRmac(bytes(16)))


@given(exchanges=st.lists(st.tuples(bodies, bodies), min_size=1, max_size=6), crc=st.booleans())
def test_both_ends_stay_in_step(exchanges: list[tuple[bytes, bytes]], crc: bool) -> None:
    """Whatever is said, each end opens what the other sealed, exchange after exchange."""
    panel, reader = ends()
    for number, (command, reply) in enumerate(exchanges):
        sealed = panel.seal(Frame(5, False, number % 4, command, crc))
        assert len(command) == 1 or command[1:] not in sealed.body or len(command) < 6
        assert reader.open(over_the_wire(sealed)) == command
        answer = reader.seal(Frame(5, True, number % 4, reply, crc))
        assert panel.open(over_the_wire(answer)) == reply


@given(command=bodies, reply=bodies, data=st.data())
def test_no_changed_bit_passes_the_mac(command: bytes, reply: bytes, data: st.DataObject) -> None:
    """Any flipped bit of a sealed body is refused, even with a right CRC, and leaves the chain as it was."""
    panel, reader = ends()
    reader.open(panel.seal(Frame(5, False, 1, command)))
    answer = reader.seal(Frame(5, True, 1, reply))
    dirty = bytearray(answer.body)
    dirty[data.draw(st.integers(0, len(dirty) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(ChannelError):
        panel.open(replace(answer, body=bytes(dirty)))
    for other in (replace(answer, address=6), replace(answer, sequence=2), replace(answer, crc=False)):
        with pytest.raises(ChannelError):
            panel.open(other)
    assert panel.open(answer) == reply


def test_a_replayed_reply_is_refused() -> None:
    """A reply that was good once is not good after the next command: the MACs are chained."""
    panel, reader = ends()
    reader.open(panel.seal(Frame(5, False, 1, b"\x60")))
    card = reader.seal(Frame(5, True, 1, b"\x50\x00\x01\x08\x00\xaa"))
    panel.open(card)
    panel.seal(Frame(5, False, 1, b"\x60"))
    with pytest.raises(ChannelError):
        panel.open(card)


def test_clear_and_unencrypted_frames_are_refused() -> None:
    """A frame without a block, of a command's kind, too short, or with readable data is not of the channel."""
    panel, reader = ends()
    with pytest.raises(ChannelError):
        panel.open(Frame(5, True, 1, b"\x40"))
    with pytest.raises(ChannelError):
        panel.open(Frame(5, True, 1, b"\x40\0\0\0\0", block=SecurityBlock(0x15)))
    with pytest.raises(ChannelError):
        panel.open(Frame(5, True, 1, b"\0\0\0\0", block=SecurityBlock(0x16)))
    reader.open(panel.seal(Frame(5, False, 1, b"\x60")))
    readable = Frame(5, True, 1, b"\x50\x00\x01\x08\x00\xaa", block=SecurityBlock(0x16))
    mac = KEYS.mac(readable.covered(len(readable.body) + 4), reader._cmac)
    with pytest.raises(UnencryptedError):
        panel.open(replace(readable, body=readable.body + mac[:4]))


@given(body=st.binary(max_size=80), kind=st.integers(0, 255))
def test_any_frame_is_opened_or_refused(body: bytes, kind: int) -> None:
    """No frame whatever makes the channel raise anything but its own error."""
    panel, _ = ends()
    with pytest.raises(ChannelError):
        panel.open(Frame(5, True, 1, body, block=SecurityBlock(kind)))


def test_no_key_shows_in_a_repr() -> None:
    """Neither session keys nor offered keys nor the channel show their bytes."""
    handshake, _, _ = annex_e_handshake()
    shown = repr([KEYS, *ends(), handshake, handshake.offered])
    assert not [name for name, value in ANNEX_E.items() if repr(value) in shown or value.hex() in shown.lower()]
