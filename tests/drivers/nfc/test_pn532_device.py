"""nfcpy's real PN532 driver over a pty: what is found in the field, and every failure as a DriverError."""

import errno
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nfc.tag
import pytest
from nfc.clf import RemoteTarget, pn532
from portillon_drivers.cards.emulated import EmulatedCard
from portillon_drivers.errors import TransientDeviceError
from portillon_drivers.nfc.emulated_cards import (
    FelicaEmulated,
    Ntag215Emulated,
    PlainCard,
    TypeBEmulated,
    mifare_classic,
)
from portillon_drivers.nfc.iso_dep import CardLost
from portillon_drivers.nfc.nfcpy_tty import QuotedTty
from portillon_drivers.nfc.pn532_device import ChipHung, Pn532Device
from portillon_drivers.nfc.pn532_simulator import Pn532Simulator
from portillon_drivers.nfc.simulated_field import CardInField
from portillon_rules.credential import CredentialKind

KINDS = (CredentialKind.NFCA, CredentialKind.NFCB, CredentialKind.FELICA)
FOUR, SEVEN, TEN = (mifare_classic(bytes(range(0, 9 * size, 9))) for size in (4, 7, 10))


class Mirror(PlainCard):
    """An ISO 14443-4 card that answers each command with its bytes in reverse."""

    def __init__(self, uid: bytes = bytes.fromhex("04DE5F1EACC040")) -> None:
        super().__init__(uid, sak=0x20, atqa=b"\x44\x03", ats=bytes.fromhex("067777710280"))

    def apdu(self, command: bytes) -> bytes:
        return command[::-1] + b"\x90\x00"


@pytest.fixture
def device(module: Pn532Simulator) -> Iterator[Pn532Device]:
    device = on(module)
    device.open()
    yield device
    device.close()


def on(module: Pn532Simulator) -> Pn532Device:
    return Pn532Device(path=module.line.link, usb=None, reset=None)


def uids(device: Pn532Device, *kinds: CredentialKind) -> list[str]:
    return [str(card.number) for card in device.look(kinds or KINDS)]


@pytest.mark.parametrize(
    ("card", "credential"),
    [
        (FOUR, "nfca:0009121B"),
        (SEVEN, "nfca:0009121B242D36"),
        (TEN, "nfca:0009121B242D363F4851"),
        (Ntag215Emulated(), "nfca:04A1B2C3D4E580"),
        (Mirror(), "nfca:04DE5F1EACC040"),
        (TypeBEmulated(b"\x00\x01\x02\x03"), "nfcb:00010203"),
        (FelicaEmulated(bytes.fromhex("0012031200000001")), "felica:0012031200000001"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_number_of_each_family(
    module: Pn532Simulator, device: Pn532Device, card: EmulatedCard, credential: str
) -> None:
    """Every length of number is told whole, with its leading zeros, and again while it lies there."""
    assert uids(device) == []
    module.put(card)
    assert uids(device) == [credential] == uids(device)
    module.take(card)
    assert uids(device) == []


def test_only_the_families_asked_for_are_found(module: Pn532Simulator, device: Pn532Device) -> None:
    """A card of another family stays unseen, so a hybrid card is one card where one family is asked for."""
    module.put(FOUR, FelicaEmulated())
    assert uids(device, CredentialKind.FELICA) == ["felica:01120312AB4C5D6E"]
    assert len(uids(device)) == 2


@pytest.mark.parametrize(
    "pair", [(FOUR, SEVEN), (Mirror(), TEN), (FOUR, TypeBEmulated()), (TypeBEmulated(), FelicaEmulated())]
)
def test_two_cards_are_two_whole_numbers(
    module: Pn532Simulator, device: Pn532Device, pair: tuple[EmulatedCard, EmulatedCard]
) -> None:
    """Two cards at once give both their numbers, never a mixture, at every look."""
    module.put(*pair)
    for _ in range(2):
        assert sorted(card.uid for card in device.look(KINDS)) == sorted(card.uid for card in pair)


def test_nfcpy_alone_would_tell_one_of_two(module: Pn532Simulator, device: Pn532Device) -> None:
    """Why the chip is asked a second time: nfcpy's own search tells one card of two as if it were alone."""
    module.put(SEVEN, FOUR)
    target = frontend(device).sense(RemoteTarget("106A"))
    assert target is not None and bytes(target.sdd_res) == FOUR.uid


@pytest.mark.parametrize(
    "pair", [(FelicaEmulated(), FelicaEmulated(bytes(8))), (TypeBEmulated(), TypeBEmulated(b"abcd"))]
)
def test_two_of_type_b_or_felica_spoil_each_other(
    module: Pn532Simulator, device: Pn532Device, pair: tuple[EmulatedCard, EmulatedCard]
) -> None:
    """Both answer at the same time, so none is found; the one that stays is."""
    module.put(*pair)
    assert uids(device) == []
    module.take(pair[0])
    assert len(uids(device)) == 1


@pytest.mark.parametrize("size", [1, 61, 200, 262, 700])
def test_conversation_of_any_length(module: Pn532Simulator, device: Pn532Device, size: int) -> None:
    """Commands and answers longer than a frame, or than a frame of the chip, arrive whole."""
    module.put(CardInField(Mirror(), wtx=1))
    [card] = device.look(KINDS)
    with device.talk(card) as talk:
        for number in range(3):
            command = bytes((number + at) % 256 for at in range(size))
            assert talk.exchange(command) == command[::-1] + b"\x90\x00"
    assert uids(device) == ["nfca:04DE5F1EACC040"]


def test_card_that_left_before_the_conversation(module: Pn532Simulator, device: Pn532Device) -> None:
    """It is lost; another card in its place is not taken for it."""
    card = Mirror()
    module.put(card)
    [seen] = device.look(KINDS)
    module.take(card)
    module.put(Mirror(bytes(range(7))))
    with pytest.raises(CardLost, match="left before"), device.talk(seen):
        raise AssertionError("there is nobody to talk with")


@pytest.mark.parametrize("frames", range(1, 5))
def test_card_torn_out_of_a_conversation(module: Pn532Simulator, device: Pn532Device, frames: int) -> None:
    """Wherever it is torn out, the card is lost, and the chip goes on."""
    card = Mirror()
    module.put(card)
    [seen] = device.look(KINDS)
    module.take(card)
    module.put(CardInField(card, leaves_after=frames - 1))
    with pytest.raises(CardLost), device.talk(seen) as talk:
        for _ in range(frames):
            talk.exchange(b"command")
    assert uids(device) == []


def test_nothing_there(tmp_path: Path) -> None:
    """A missing device is a passing failure that names the path."""
    with pytest.raises(TransientDeviceError, match=r"none cannot be opened: nothing is plugged in there"):
        Pn532Device(path=tmp_path / "none", usb=None, reset=None).open()


def test_no_such_usb_reader() -> None:
    """A USB reader that is not there is a passing failure that names it."""
    with pytest.raises(TransientDeviceError, match="usb:ffff:fffe"):
        Pn532Device(path=None, usb="ffff:fffe", reset=None).open()


@pytest.mark.parametrize(
    ("number", "advice"), [(errno.ENODEV, "unplugged"), (errno.EACCES, "udev"), (errno.EBUSY, "pcscd")]
)
def test_usb_trouble_says_what_to_do(monkeypatch: pytest.MonkeyPatch, number: int, advice: str) -> None:
    """What libusb reports is told in words, and is no hung chip."""

    def fail(path: str) -> None:
        raise OSError(number, "libusb")

    monkeypatch.setattr("nfc.clf.device.connect", fail)
    with pytest.raises(TransientDeviceError, match=advice) as failure:
        Pn532Device(path=None, usb="072f:2200", reset=None).open()
    assert not isinstance(failure.value, ChipHung)


def test_held_for_one_process_alone(module: Pn532Simulator, device: Pn532Device) -> None:
    """A second opener is refused, and the first is not disturbed."""
    with pytest.raises(TransientDeviceError, match="another process holds it"):
        on(module).open()
    assert uids(device) == []


def test_another_device_at_that_path(module: Pn532Simulator) -> None:
    """A line on which no PN532 answers says what to check."""
    module.hang()
    with pytest.raises(ChipHung, match=r"reader: no PN532 answers there; check its power and wiring"):
        on(module).open()


def test_unplugged(module: Pn532Simulator, device: Pn532Device) -> None:
    """Losing the line names the path; replugged, it opens again."""
    module.unplug()
    with pytest.raises(TransientDeviceError, match=r"reader .*nothing is plugged in") as failure:
        device.look(KINDS)
    assert not isinstance(failure.value, ChipHung)
    module.plug()
    device.open()
    assert uids(device) == []


def test_hung_chip_is_told_from_a_lost_line(module: Pn532Simulator, device: Pn532Device) -> None:
    """A chip that does not answer on a line that is there is hung; reset, it opens again."""
    module.hang()
    with pytest.raises(ChipHung):
        device.look(KINDS)
    module.wake()
    device.open()
    assert uids(device) == []


def test_chip_hangs_in_a_conversation(module: Pn532Simulator, device: Pn532Device) -> None:
    """It is hung, not torn."""
    module.put(Mirror())
    [card] = device.look(KINDS)
    with pytest.raises(ChipHung), device.talk(card) as talk:
        module.hang()
        talk.exchange(b"command")


def test_chip_left_at_high_speed_is_called_back(module: Pn532Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that was killed leaves the chip at 921600 Bd; the next run opens it, and without that could not."""
    killed = on(module)
    killed.open()
    killed._abandon()
    with monkeypatch.context() as ablation:
        ablation.setattr("portillon_drivers.nfc.pn532_device.LEFT_AT_BAUDS", ())
        with pytest.raises(ChipHung):
            on(module).open()
    device = on(module)
    device.open()
    assert uids(device) == []
    device.close()


@pytest.mark.parametrize("answer", [b"", b"\x00", b"\x01\x01", b"\x01\x01\x00\x04", b"\xff" * 40])
def test_nonsense_from_the_chip_is_a_hung_chip(
    device: Pn532Device, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    """Answers that nfcpy takes apart without looking end in a DriverError, whatever they hold."""
    monkeypatch.setattr(pn532.Chipset, "command", lambda *_, **__: bytearray(answer))
    with pytest.raises(ChipHung):
        for kind in KINDS:
            device.look([kind])
        raise ChipHung("this answer can be read")


@pytest.mark.parametrize("size", [1, 5, 6, 8])
def test_frame_that_breaks_off_is_an_os_error(module: Pn532Simulator, size: int) -> None:
    """nfcpy would index past its end."""
    tty = QuotedTty(str(module.line.link))
    module.line.send(b"\x00\x00\xff\xff\xff\x01\x00\x00"[:size])
    with pytest.raises(OSError):
        tty.read(50)
        raise OSError("six bytes and more are nfcpy's to judge")
    tty.close()


def test_nfcpy_shows_no_name_to_the_shell_unquoted(tmp_path: Path) -> None:
    """A path with blanks or worse works, and does nothing."""
    witness = tmp_path / "witness"
    module = Pn532Simulator(tmp_path / f"a b; touch {witness.name}")
    module.plug()
    device = on(module)
    device.open()
    assert isinstance(QuotedTty.port, property) and not witness.exists() and not Path(witness.name).exists()
    device.close()
    module.close()


def test_quotes_only_where_needed(module: Pn532Simulator) -> None:
    """nfcpy knows a Pi's ports by their names under /dev, so a link is resolved and a plain name stays plain."""
    tty = QuotedTty(str(module.line.link))
    assert tty.port == os.path.realpath(module.line.link)
    tty.close()


def test_no_number_is_logged(module: Pn532Simulator, device: Pn532Device, caplog: pytest.LogCaptureFixture) -> None:
    """Not even where everything is logged: nfcpy's log quotes numbers and commands."""
    caplog.set_level(logging.DEBUG - 1)
    module.put(Mirror())
    [card] = device.look(KINDS)
    with device.talk(card) as talk:
        talk.exchange(b"secret")
    assert "04de5f1e" not in (caplog.text + repr(card)).lower() and b"secret".hex() not in caplog.text.lower()
    assert not [record for record in caplog.records if record.name.startswith("nfc")]


def frontend(device: Pn532Device) -> Any:
    clf = nfc.ContactlessFrontend()
    clf.device = device._device
    return clf


def test_nfcpy_knows_the_ntag215(module: Pn532Simulator, device: Pn532Device) -> None:
    """An independent reader finds in the emulated card what it finds in a true one."""
    module.put(Ntag215Emulated())
    clf = frontend(device)
    tag = nfc.tag.activate(clf, clf.sense(RemoteTarget("106A")))
    assert str(tag).startswith("Type2Tag 'NXP NTAG215'") and tag.identifier.hex() == "04a1b2c3d4e580"


@pytest.mark.parametrize("card", [Mirror(), TypeBEmulated()], ids=["106A", "106B"])
def test_nfcpys_own_iso_dep_talks_with_emulated_cards(
    module: Pn532Simulator, device: Pn532Device, card: EmulatedCard
) -> None:
    """An independent initiator chains with the emulated card in both directions."""
    module.put(CardInField(card, piece_bytes=100))
    clf = frontend(device)
    tag = nfc.tag.activate(clf, clf.sense(RemoteTarget("106B" if card.technology == "nfcb" else "106A")))
    command = bytes(range(1, 251)) * 2
    assert bytes(tag.transceive(command)) == card.apdu(command)


def test_nfcpys_own_iso_dep_would_spoil_a_slow_chained_answer(module: Pn532Simulator, device: Pn532Device) -> None:
    """Why ours is used: a waiting-time request inside a chained answer ends nfcpy's, or becomes data."""
    module.put(CardInField(Mirror(), wtx=1, piece_bytes=100))
    command = bytes(range(1, 251))
    [card] = device.look(KINDS)
    with device.talk(card) as talk:
        assert talk.exchange(command) == command[::-1] + b"\x90\x00"
    clf = frontend(device)
    tag = nfc.tag.activate(clf, clf.sense(RemoteTarget("106A")))
    try:
        spoilt = bytes(tag.transceive(command))
    except nfc.tag.TagCommandError:
        return
    assert spoilt != command[::-1] + b"\x90\x00"
