"""What must not pass: weak keys, SCBK-D, exchanged and downgraded readers, clear text; each with its ablation."""

import secrets
from collections.abc import Callable
from dataclasses import replace

import pytest
from drivers.osdp.secured_bus import bus_of, good, nothing_in_clear, refused
from drivers.osdp.virtual_bus import KEY, OTHER_KEY, SECOND, VirtualBus
from hypothesis import given
from hypothesis import strategies as st
from portillon_drivers.osdp import keys, link
from portillon_drivers.osdp.commands import CapabilitiesRequest, IdRequest, KeySet, Text
from portillon_drivers.osdp.errors import WeakKeyError
from portillon_drivers.osdp.frame import Frame, SecurityBlock, encode
from portillon_drivers.osdp.identity import Capabilities, Capability, Function
from portillon_drivers.osdp.keys import SCBK_D, refuse_weak, weakness
from portillon_drivers.osdp.offered_keys import OfferedKeys
from portillon_drivers.osdp.panel import PanelReader, Security
from portillon_drivers.osdp.panel_events import (
    CardRead,
    ChannelLost,
    DefaultKeyUsed,
    KeyUsed,
    LineFault,
    ReaderOffline,
    ReaderOnline,
    Refusal,
    SecurityRefused,
)
from portillon_drivers.osdp.reader_simulator import CAPABILITIES, IDENTITY, Misbehaviour, OsdpReaderSimulator
from portillon_drivers.osdp.replies import NakReason
from portillon_drivers.osdp.secure_channel import SecureChannel
from portillon_drivers.osdp.timing import MS

CARD = "1011" * 8


@pytest.mark.parametrize(
    ("key", "why"),
    [
        (bytes(16), "equal"),
        (b"\xaa" * 16, "equal"),
        (bytes(range(16)), "count"),
        (bytes(range(0xF8, 0x100)) + bytes(range(8)), "count"),
        (bytes(range(16, 0, -1)), "count"),
        (bytes(range(0, 32, 2)), "count"),
        (SCBK_D, "SCBK-D"),
        (b"short", "16"),
    ],
)
def test_weak_keys_are_known(key: bytes, why: str) -> None:
    """All bytes equal, counting in any step, SCBK-D and wrong lengths are keys that anybody would try."""
    assert why in str(weakness(key))
    with pytest.raises(WeakKeyError, match=why):
        refuse_weak(key, "a test")


def test_real_keys_are_not_weak() -> None:
    """A key from a random source passes."""
    assert not [key for key in (secrets.token_bytes(16) for _ in range(1_000)) if weakness(key)]


def test_a_reader_with_a_weak_key_is_never_spoken_to() -> None:
    """Its key is refused and told; the bus goes on with the others."""
    weak = bytes(range(16))
    bus = VirtualBus(
        [PanelReader(0, scbk=weak), PanelReader(1, scbk=KEY)],
        [OsdpReaderSimulator(0, weak), OsdpReaderSimulator(1, KEY)],
    ).run(10 * SECOND)
    assert refused(bus) == [Refusal.WEAK_KEY]
    assert [event.address for event in bus.told(ReaderOnline)] == [1]
    assert {raw[2] for _, raw in bus.sent} == {1}


def test_it_is_the_test_for_weak_keys_that_refuses_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """With that test off, the same reader comes into service and the weak key can be set."""
    monkeypatch.setattr(keys, "weakness", lambda key: None)
    weak = bytes(range(16))
    bus = bus_of(PanelReader(0, scbk=weak), OsdpReaderSimulator(0, weak)).run(SECOND)
    assert bus.told(ReaderOnline)
    bus.panel.command(0, KeySet(bytes(16)))


def test_a_wrong_key_is_refused_and_reported_once() -> None:
    """An exchanged or re-keyed reader stays out; the report is not repeated with every try."""
    bus = bus_of(PanelReader(0, scbk=KEY), OsdpReaderSimulator(0, OTHER_KEY)).run(20 * SECOND)
    assert refused(bus) == [Refusal.WRONG_KEY]
    assert len(bus.told(ReaderOffline)) == 1
    assert not bus.told(ReaderOnline) and not bus.told(DefaultKeyUsed)
    assert nothing_in_clear(bus)
    assert 5 < len(bus.sent) < 25


def test_a_silently_rekeyed_reader_is_refused_and_taken_back_with_its_own_key() -> None:
    """Somebody else set a key: refused within the next handshake; given its key again, it is back within seconds."""
    bus = good()
    bus.simulators[0].scbk = OTHER_KEY
    bus.simulators[0].lose_power()
    bus.run(5 * SECOND)
    assert refused(bus) == [Refusal.WRONG_KEY] and len(bus.told(ReaderOffline)) == 1
    bus.simulators[0].scbk = KEY
    bus.run(3 * SECOND)
    assert bus.told(ReaderOnline)


def test_a_reader_that_cannot_encrypt_is_refused() -> None:
    """NAK 5 to the challenge is no reason to go on without it."""
    simulator = OsdpReaderSimulator(0, KEY, misbehaviour=Misbehaviour(denies_encryption=True), insists_on_channel=False)
    bus = bus_of(PanelReader(0, scbk=KEY), simulator).run(10 * SECOND)
    assert refused(bus) == [Refusal.NO_SECURE_CHANNEL]
    assert nothing_in_clear(bus) and not bus.told(ReaderOnline)


def test_without_a_key_nothing_is_sent() -> None:
    """No key and no window: refused without a word on the wire."""
    bus = bus_of(PanelReader(0), OsdpReaderSimulator(0)).run(10 * SECOND)
    assert refused(bus) == [Refusal.NO_KEY]
    assert not bus.sent


def test_the_default_key_opens_only_inside_its_window_and_each_use_is_told() -> None:
    """SCBK-D works until the window ends, is told each time, and takes the reader out of service at its end."""
    until_ns = 20 * SECOND
    bus = bus_of(PanelReader(0, commissioning_until_ns=until_ns), OsdpReaderSimulator(0)).run(SECOND)
    assert [event.key for event in bus.told(ReaderOnline)] == [KeyUsed.DEFAULT]
    assert len(bus.told(DefaultKeyUsed)) == 1
    bus.simulators[0].lose_power()
    bus.run(SECOND)
    assert len(bus.told(DefaultKeyUsed)) == 2
    bus.run(until_ns - bus.now_ns + 100 * MS)
    assert refused(bus) == [Refusal.WINDOW_ENDED]
    assert until_ns <= bus.when(ReaderOffline)[0] < until_ns + 100 * MS
    bus.forget()
    bus.run(10 * SECOND)
    assert not bus.sent and not bus.told(ReaderOnline)


def test_the_default_key_is_never_tried_outside_a_window() -> None:
    """A reader that was reset to SCBK-D stays out: no challenge for the default key is sent."""
    bus = bus_of(PanelReader(0, scbk=KEY, commissioning_until_ns=0), OsdpReaderSimulator(0)).run(10 * SECOND)
    assert not bus.told(ReaderOnline)
    assert refused(bus) == [Refusal.KEY_REFUSED]
    markers = {raw[8] for _, raw in bus.sent if raw[7] in (0x11, 0x13)}
    assert markers == {1}


def test_it_is_the_window_that_keeps_the_default_key_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the window never closing, the same reader is let in with SCBK-D."""
    monkeypatch.setattr(OfferedKeys, "window_open", lambda offered, now_ns: True)
    bus = bus_of(PanelReader(0, scbk=KEY, commissioning_until_ns=0), OsdpReaderSimulator(0)).run(SECOND)
    assert [event.key for event in bus.told(ReaderOnline)] == [KeyUsed.DEFAULT]


def test_its_own_key_comes_before_the_default_one() -> None:
    """Inside a window a reader that has its key already is met with it."""
    reader = PanelReader(0, scbk=KEY, commissioning_until_ns=60 * SECOND)
    bus = bus_of(reader, OsdpReaderSimulator(0, KEY, install_mode=False)).run(SECOND)
    assert [event.key for event in bus.told(ReaderOnline)] == [KeyUsed.SCBK]
    assert not bus.told(DefaultKeyUsed)


def test_clear_text_inside_the_channel_is_refused() -> None:
    """A card in clear is not believed, the reader is out of service, and the report names the reason."""
    bus = good()
    bus.simulators[0].misbehaviour.clear_text = True
    bus.simulators[0].card(CARD)
    bus.run(SECOND)
    assert refused(bus) == [Refusal.CLEAR_TEXT]
    assert not bus.told(CardRead)
    assert len(bus.told(ReaderOffline)) == 1
    assert nothing_in_clear(bus)


def test_it_is_the_link_that_refuses_clear_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """With its check off, the card in clear would have been believed."""

    def believing(self: link.Link, frame: Frame) -> link.Answer:
        return link.Answer(frame, frame.body, authentic=True)

    bus = good()
    monkeypatch.setattr(link.Link, "read", believing)
    bus.simulators[0].misbehaviour.clear_text = True
    bus.simulators[0].card(CARD)
    bus.run(100 * MS)
    assert bus.told(CardRead)


def forge(bus: VirtualBus, make: Callable[[bytes], bytes]) -> None:
    """Answer one message in the reader's place."""
    once = [True]
    bus.instead = lambda raw: make(raw) if once and once.pop() else None


def test_a_forged_mac_tears_the_channel_down_and_it_is_built_anew() -> None:
    """Never believed, never a step to clear text, and the reader is back without having been offline."""
    bus = good()
    body = b"\x50\x00\x01\x08\x00\xaa" + bytes(4)
    forge(bus, lambda raw: encode(Frame(0, True, raw[5] & 3, body, block=SecurityBlock(0x18))))
    bus.run(SECOND)
    assert len(bus.told(ChannelLost)) == 1 and bus.told(LineFault)
    assert not bus.told(CardRead) and not bus.told(ReaderOffline)
    bus.simulators[0].card(CARD)
    bus.run(100 * MS)
    assert [card.bits for card in bus.told(CardRead)] == [CARD]
    assert nothing_in_clear(bus)


def test_it_is_the_mac_that_refuses_a_forgery(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the comparison always true, a forged card would be read."""
    bus = good()
    monkeypatch.setattr("portillon_drivers.osdp.secure_channel.compare_digest", lambda ours, theirs: True)
    monkeypatch.setattr(SecureChannel, "_decrypt", lambda channel, data, previous: data)
    body = b"\x50\x00\x01\x08\x00\xaa" + bytes(4)
    forge(bus, lambda raw: encode(Frame(0, True, raw[5] & 3, body, block=SecurityBlock(0x18))))
    bus.run(40 * MS)
    assert [card.bits for card in bus.told(CardRead)] == ["10101010"]


@pytest.mark.parametrize("reason", [NakReason.NO_SECURE_CHANNEL, NakReason.SECURITY_CONDITIONS])
def test_a_forged_refusal_leads_to_a_new_channel_not_to_clear_text(reason: NakReason) -> None:
    """A plain NAK 5 or 6 inside the channel costs a handshake and nothing more."""
    bus = good()
    forge(bus, lambda raw: encode(Frame(0, True, raw[5] & 3, bytes([0x41, reason]))))
    bus.run(SECOND)
    assert len(bus.told(ChannelLost)) == 1
    assert not bus.told(SecurityRefused) and not bus.told(ReaderOffline)
    assert nothing_in_clear(bus)


@given(answers=st.lists(st.binary(min_size=1, max_size=40), max_size=12), sealed=st.booleans())
def test_whatever_is_answered_a_secure_reader_hears_nothing_in_clear(answers: list[bytes], sealed: bool) -> None:
    """No sequence of answers from the middle of the wire brings the panel to speak in clear or to believe a card."""
    bus = bus_of(PanelReader(0, scbk=KEY), OsdpReaderSimulator(0, KEY))
    block = SecurityBlock(0x18) if sealed else None
    left = list(answers)
    bus.instead = lambda raw: encode(Frame(0, True, raw[5] & 3, left.pop(), block=block)) if left else None
    bus.run(SECOND)
    assert nothing_in_clear(bus) and not bus.told(CardRead)


@pytest.mark.parametrize(
    "identity",
    [replace(IDENTITY, serial=7), replace(IDENTITY, vendor=7), replace(IDENTITY, model=7)],
    ids=["serial", "vendor", "model"],
)
def test_another_device_with_the_right_key_is_refused(identity: object) -> None:
    """Even knowing the key it is not the reader that was commissioned."""
    simulator = OsdpReaderSimulator(0, KEY, identity=identity)  # type: ignore[arg-type]
    bus = bus_of(PanelReader(0, scbk=KEY, identity=IDENTITY), simulator).run(10 * SECOND)
    assert refused(bus) == [Refusal.OTHER_DEVICE]
    assert not bus.told(ReaderOnline)


def test_new_firmware_is_the_same_device() -> None:
    """An updated reader stays in service, and what it says now is told."""
    simulator = OsdpReaderSimulator(0, KEY, identity=replace(IDENTITY, firmware=(9, 9, 9)))
    bus = bus_of(PanelReader(0, scbk=KEY, identity=IDENTITY), simulator).run(SECOND)
    assert [event.identity.firmware for event in bus.told(ReaderOnline)] == [(9, 9, 9)]
    bus.forget()
    bus.simulators[0].identity = replace(IDENTITY, firmware=(9, 9, 10))
    bus.simulators[0].lose_power()
    bus.run(SECOND)
    assert [event.identity.firmware for event in bus.told(ReaderOnline)] == [(9, 9, 10)]


def test_a_downgrade_is_refused_even_with_the_right_key() -> None:
    """A reader that can suddenly do less than when it was commissioned is not taken into service."""
    fewer = Capabilities(tuple(item for item in CAPABILITIES.items if item.function != Function.SECURITY))
    reader = PanelReader(0, scbk=KEY, capabilities=CAPABILITIES)
    bus = bus_of(reader, OsdpReaderSimulator(0, KEY, capabilities=fewer)).run(10 * SECOND)
    assert refused(bus) == [Refusal.DOWNGRADED]
    more = Capabilities((*CAPABILITIES.items, Capability(Function.BIOMETRICS, 1, 1)))
    bus = bus_of(reader, OsdpReaderSimulator(0, KEY, capabilities=more)).run(SECOND)
    assert bus.told(ReaderOnline)


def test_it_is_the_comparison_that_refuses_a_downgrade(monkeypatch: pytest.MonkeyPatch) -> None:
    """With it off, the same reader is taken."""
    monkeypatch.setattr(Capabilities, "less_than", lambda now, before: ())
    fewer = Capabilities(CAPABILITIES.items[:3])
    reader = PanelReader(0, scbk=KEY, capabilities=CAPABILITIES)
    assert bus_of(reader, OsdpReaderSimulator(0, KEY, capabilities=fewer)).run(SECOND).told(ReaderOnline)


def test_clear_text_only_where_the_settings_say_so() -> None:
    """Such a reader works, and its every state says that it is not secure."""
    reader = PanelReader(0, Security.INSECURE_CLEAR_TEXT)
    bus = bus_of(reader, OsdpReaderSimulator(0, insists_on_channel=False)).run(SECOND)
    assert [(event.secure, event.key) for event in bus.told(ReaderOnline)] == [(False, KeyUsed.NONE)]
    bus.simulators[0].card(CARD)
    bus.run(SECOND)
    assert bus.told(CardRead)


def test_a_reader_that_insists_on_a_channel_is_not_talked_into_clear_text() -> None:
    """Configured for clear text, but it wants better: reported."""
    bus = bus_of(PanelReader(0, Security.INSECURE_CLEAR_TEXT), OsdpReaderSimulator(0, KEY)).run(5 * SECOND)
    assert refused(bus) == [Refusal.SECURITY_DEMANDED]


def test_every_handshake_has_a_random_number_of_its_own() -> None:
    """No challenge is used twice, not by a reader that does not answer either."""
    bus = bus_of(PanelReader(0, scbk=KEY), OsdpReaderSimulator(0, KEY)).run(SECOND)
    for _ in range(5):
        bus.cut.add(0)
        bus.run(12 * SECOND)
        bus.cut.clear()
        bus.run(SECOND)
    challenges = [raw[10:18] for _, raw in bus.sent if raw[7] == 0x11]
    assert len(challenges) > 50
    assert len(set(challenges)) == len(challenges)


def test_identity_is_asked_for_inside_the_channel_after_every_handshake() -> None:
    """Who it is is never taken from an unproved reader, and is checked each time."""
    bus = good()
    bus.simulators[0].lose_power()
    bus.simulators[0].done.clear()
    bus.run(SECOND)
    assert list(bus.simulators[0].done)[:2] == [IdRequest(), CapabilitiesRequest()]
    assert nothing_in_clear(bus)


def test_no_event_shows_a_secret() -> None:
    """Cards, keys pressed and keys set are in no event's repr, whatever happens."""
    bus = good()
    bus.simulators[0].card(CARD)
    bus.simulators[0].keys("4711")
    bus.panel.command(0, KeySet(OTHER_KEY))
    bus.panel.command(0, Text("HELLO"))
    bus.run(2 * SECOND)
    shown = repr([event for _, event in bus.events]) + repr(PanelReader(0, scbk=KEY, other_scbk=OTHER_KEY))
    secret = [CARD, "4711", repr(KEY), repr(OTHER_KEY), KEY.hex(), OTHER_KEY.hex()]
    assert not [word for word in secret if word in shown]
