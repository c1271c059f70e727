"""What a bus tells of a reader, in the words of the Reader port."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portillon_drivers.events import (
    CredentialRead,
    Key,
    KeyPressed,
    ReaderDown,
    ReaderFault,
    ReaderFaultKind,
    ReaderUp,
)
from portillon_drivers.osdp import panel_events
from portillon_drivers.osdp.identity import Capabilities, Identity
from portillon_drivers.osdp.panel_events import ChannelLost, KeyUsed, LineFault, Refusal, SecurityRefused, StatusChanged
from portillon_drivers.osdp.reader_voice import ReaderVoice
from portillon_drivers.readers.frame_fault import FrameFault
from portillon_rules.credential import Credential
from portillon_rules.wiegand import STANDARD, WiegandFormat, encode_bits

SECOND = 1_000_000_000
H10301 = STANDARD["h10301"]
BITS = encode_bits(H10301, facility=67, number=1_000)
NAME, PLACE = "lane1-reader", "/dev/bus address 1"
ONLINE = panel_events.ReaderOnline(1, True, KeyUsed.SCBK, Identity(1, 2, 3, 4, (5, 6, 7)), Capabilities())


def voice(*formats: WiegandFormat) -> ReaderVoice:
    return ReaderVoice(NAME, PLACE, formats or (H10301,), hold_off_ns=3 * SECOND)


def told(speaker: ReaderVoice, event: Any, at_ns: int = 0) -> list[Any]:
    return list(speaker.hear(event, at_ns))


def test_raw_bits_are_the_canonical_card() -> None:
    """The same card as from a Wiegand reader: all bits, parity included; not again within the hold-off."""
    speaker = voice()
    card = Credential.parse("wiegand:26.28607D1")
    assert told(speaker, panel_events.CardRead(1, BITS)) == [CredentialRead(NAME, card, 0)]
    assert told(speaker, panel_events.CardRead(1, BITS), SECOND) == []
    assert told(speaker, panel_events.CardRead(1, BITS), 5 * SECOND) == [CredentialRead(NAME, card, 5 * SECOND)]


def test_a_uid_format_gives_the_card_that_an_nfc_reader_tells() -> None:
    """A reader that sends UIDs tells nfca credentials."""
    [read] = told(voice(STANDARD["uid32"]), panel_events.CardRead(1, f"{0x04DE5F1E:032b}"))
    assert read.credential == Credential.parse("nfca:04DE5F1E")


@pytest.mark.parametrize(
    ("bits", "kind"),
    [
        ("0" + BITS[1:], ReaderFaultKind.PARITY),
        (BITS + "0", ReaderFaultKind.UNKNOWN_FORMAT),
        ("1", ReaderFaultKind.UNKNOWN_FORMAT),
    ],
)
def test_what_no_format_fits_is_a_fault(bits: str, kind: ReaderFaultKind) -> None:
    """A wrong parity and an unknown length are told, without the bits, and never taken for a card."""
    [fault] = told(voice(), panel_events.CardRead(1, bits))
    assert isinstance(fault, ReaderFault) and fault.fault is kind
    assert bits[2:] not in fault.detail or len(bits) < 3


def test_a_formatted_card_is_a_number() -> None:
    """Characters become a number credential, less what pads them; anything else is a fault."""
    [read] = told(voice(), panel_events.FormattedCardRead(1, b"0067001000\r\n"))
    assert read.credential == Credential.parse("number:0067001000")
    [fault] = told(voice(), panel_events.FormattedCardRead(1, b"\xff\xfe"))
    assert fault.fault is ReaderFaultKind.MALFORMED


def test_keys_are_those_of_every_pad() -> None:
    """Digits, clear and enter become keys in their order; a key that no pad has is a fault."""
    found = told(voice(), panel_events.KeysPressed(1, b"1\x7f\r"))
    assert found == [KeyPressed(NAME, key, 0) for key in (Key.K1, Key.STAR, Key.HASH)]
    [fault] = told(voice(), panel_events.KeysPressed(1, b"A"))
    assert fault.fault is ReaderFaultKind.MALFORMED


def test_tamper_and_power_are_told_when_they_change() -> None:
    """Each trouble is told once, and once that it is over; a reader that reports good states says nothing."""
    speaker = voice()
    assert told(speaker, StatusChanged(1, tamper=False, power_failure=False)) == []
    [opened] = told(speaker, StatusChanged(1, tamper=True, power_failure=False))
    assert opened.fault is ReaderFaultKind.TAMPER
    [power] = told(speaker, StatusChanged(1, tamper=True, power_failure=True))
    assert power.fault is ReaderFaultKind.POWER
    over = told(speaker, StatusChanged(1, tamper=False, power_failure=False))
    assert [(fault.fault, fault.detail) for fault in over] == [
        (ReaderFaultKind.RESTORED, "tamper is over"),
        (ReaderFaultKind.RESTORED, "power is over"),
    ]


def test_up_and_down_are_told_once_per_cause() -> None:
    """A silent reader is told as down once, with its place, and as up when it is back."""
    speaker = voice()
    assert told(speaker, ONLINE) == [ReaderUp(NAME, 0)]
    gone = panel_events.ReaderOffline(1, "no answer for 8 s")
    assert told(speaker, gone) == [ReaderDown(NAME, f"{PLACE}: no answer for 8 s", 0)]
    assert told(speaker, gone) == []
    assert told(speaker, ONLINE) == [ReaderUp(NAME, 0)]
    assert told(speaker, gone) != []


def test_refusals_and_line_faults_are_faults() -> None:
    """What security forbids is REFUSED; noise keeps its kind; equal ones within a second are counted."""
    speaker = voice()
    [refused] = told(speaker, SecurityRefused(1, Refusal.WRONG_KEY, "it could not prove that it has the key"))
    assert refused.fault is ReaderFaultKind.REFUSED and "/dev/bus address 1: it could not prove" in refused.detail
    [lost] = told(speaker, ChannelLost(1, "a wrong MAC"))
    assert lost.fault is ReaderFaultKind.CHECKSUM
    noise = LineFault(None, FrameFault(ReaderFaultKind.JUNK, "3 bytes outside any frame"))
    assert [fault.fault for fault in told(speaker, noise)] == [ReaderFaultKind.JUNK]
    assert told(speaker, noise) == []
    [counted] = speaker.expire(SECOND)
    assert isinstance(counted, ReaderFault) and counted.detail == "3 bytes outside any frame (1 times)"


@given(st.text("01", min_size=1, max_size=300), st.binary(max_size=80), st.binary(max_size=80))
def test_anything_heard_is_an_event_or_silence(bits: str, text: bytes, keys: bytes) -> None:
    """Whatever a reader says of cards and keys, nothing raises."""
    speaker = voice(*STANDARD.values())
    for event in (panel_events.CardRead(1, bits), panel_events.FormattedCardRead(1, text)):
        assert len(told(speaker, event)) <= 1
    assert len(told(speaker, panel_events.KeysPressed(1, keys))) <= len(keys) + 1
