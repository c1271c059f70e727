"""What a technician types to make card keys and write cards."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from portillon_drivers.cards.cipher import FACTORY_KEY
from portillon_drivers.cards.desfire_emulated import DesfireEmulated
from portillon_drivers.cards.emulated import EmulatedCard
from portillon_drivers.cards.keyring import load_card_keys
from portillon_drivers.cards.ntag424_emulated import Ntag424Emulated
from portillon_drivers.nfc.emulated_cards import Ntag215Emulated
from portillon_drivers.nfc.iso_dep import CardLost
from portillon_drivers.nfc.pn532_simulator import Pn532Simulator
from portillon_edge.cli import app
from portillon_edge.technician import card_on_reader
from typer.testing import CliRunner

UID = bytes.fromhex("04DE5F1EACC040")
CREDENTIAL = r"(ntag424:[0-9A-F]{14}|desfire:[0-9A-F]{32})"


def said(*words: str | Path) -> tuple[int, str]:
    """Exit status and all output, line breaks of the terminal undone."""
    result = CliRunner().invoke(app, ["card", *map(str, words)])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, re.sub(r"\s+", " ", result.output)


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """A desk's keyring."""
    file = tmp_path / "card.keys"
    assert said("keys", "new", file)[0] == 0
    return file


@pytest.fixture
def practice(monkeypatch: pytest.MonkeyPatch) -> Callable[[EmulatedCard], None]:
    """Lays the same emulated card down each time."""

    def lay(card: EmulatedCard) -> None:
        monkeypatch.setattr(card_on_reader, "emulated_card", lambda kind: card)

    return lay


@pytest.mark.parametrize(
    "command",
    ["provision", "show", "keys new", "keys rotate", "keys retire", "keys for-gateway"],
)
def test_help_teaches_by_example(command: str) -> None:
    """Each command shows how it is typed."""
    status, output = said(*command.split(), "--help")
    assert status == 0
    assert f"Examples: portillon-edge card {command}" in output


@pytest.mark.parametrize("kind", ["ntag424", "desfire_ev1", "desfire_ev2"])
def test_practice(keys: Path, kind: str) -> None:
    """A blank emulated card is written, its credential told; no key and no memory of it remains."""
    status, output = said("provision", "--keys", keys, "--emulated", kind)
    assert status == 0
    assert re.search(rf"version 1\. Its credential, for the cloud: {CREDENTIAL}", output)
    assert not keys.with_name("card.keys.written").exists()
    version = load_card_keys(keys).current
    assert version.admin_key is not None and version.issuer is not None
    for secret in (version.reader_key, version.admin_key, version.issuer.secret):
        assert secret.hex() not in output.lower()


@pytest.mark.parametrize("make", [Ntag424Emulated, DesfireEmulated])
def test_written_and_shown(
    keys: Path, practice: Callable[[EmulatedCard], None], make: Callable[[bytes], EmulatedCard]
) -> None:
    """What `provision` told is what `show` finds, also with a gateway's part of the keys."""
    practice(make(UID))
    status, output = said("show", "--keys", keys, "--emulated", "ntag424")
    assert status == 1 and ("blank" in output) and "It proves nothing here" in output
    credential = re.search(CREDENTIAL, said("provision", "--keys", keys, "--emulated", "ntag424")[1])
    assert credential is not None
    gateway = keys.with_name("gateway.keys")
    assert said("keys", "for-gateway", keys, gateway)[0] == 0
    status, output = said("show", "--keys", gateway, "--emulated", "ntag424")
    assert status == 0 and f"It proves: {credential[0]}" in output and "keys of version 1" in output


def test_half_written(keys: Path, practice: Callable[[EmulatedCard], None]) -> None:
    """A card that was taken away too early is shown as such, with what to do."""
    tag = Ntag424Emulated(UID)
    practice(tag)
    said("provision", "--keys", keys, "--emulated", "ntag424")
    tag.keys[0].value, tag.keys[0].version = FACTORY_KEY, 0
    assert "half-written: write it again" in said("show", "--keys", keys, "--emulated", "ntag424")[1]
    assert said("provision", "--keys", keys, "--emulated", "ntag424")[0] == 0
    assert "keys of version 1" in said("show", "--keys", keys, "--emulated", "ntag424")[1]


def test_torn(keys: Path, practice: Callable[[EmulatedCard], None]) -> None:
    """A card that leaves in the middle is told so, and the same command finishes it."""

    class Leaving(DesfireEmulated):
        commands_left = 14

        def apdu(self, command: bytes) -> bytes:
            if not self.commands_left:
                raise CardLost("it left before it was read")
            self.commands_left -= 1
            return super().apdu(command)

    card = Leaving(UID)
    practice(card)
    status, output = said("provision", "--keys", keys, "--emulated", "desfire_ev2")
    assert status == 1 and "run the same command again" in output
    card.commands_left = 100
    assert said("provision", "--keys", keys, "--emulated", "desfire_ev2")[0] == 0


def test_rotation(keys: Path, practice: Callable[[EmulatedCard], None]) -> None:
    """A card of the previous version is accepted, can be renewed, and is refused once its version is retired."""
    old = DesfireEmulated(UID)
    practice(old)
    said("provision", "--keys", keys, "--emulated", "desfire_ev2")
    status, output = said("keys", "rotate", keys)
    assert status == 0 and "version 2 is current" in output
    show = ("show", "--keys", keys, "--emulated", "desfire_ev2")
    assert said(*show)[0] == 0
    assert "rotate first" in said("keys", "retire", keys, "2")[1]
    assert said("keys", "retire", keys, "1")[0] == 0
    status, output = said(*show)
    assert status == 1 and "version 1, which the keyring does not" in output


def test_keys_are_kept(keys: Path, tmp_path: Path) -> None:
    """No keyring is overwritten, none that others may read is used, and a gateway's writes no card."""
    before = keys.read_text()
    status, output = said("keys", "new", keys)
    assert status == 78 and "exists already" in output and keys.read_text() == before
    assert said("keys", "for-gateway", keys, keys)[0] == 78 and keys.read_text() == before
    gateway = tmp_path / "gateway.keys"
    said("keys", "for-gateway", keys, gateway)
    status, output = said("provision", "--keys", gateway, "--emulated", "ntag424")
    assert status == 78 and "desk's keyring" in output
    keys.chmod(0o644)
    status, output = said("provision", "--keys", keys, "--emulated", "ntag424")
    assert status == 78 and "chmod 600" in output
    assert said("show", "--keys", tmp_path / "none", "--emulated", "ntag424")[0] == 78


def test_mistakes_on_the_command_line(keys: Path, tmp_path: Path) -> None:
    """Where the card lies must be said once and rightly; an impossible address is told before any card is taken."""
    assert said("provision", "--keys", keys)[0] == 2
    assert said("provision", "--keys", keys, "--emulated", "ntag424", "--usb", "072f:2200")[0] == 2
    assert said("provision", "--keys", keys, "--emulated", "mifare")[0] == 2
    status, output = said("provision", "--keys", keys, "--usb", "nonsense")
    assert status == 2 and "vendor:product" in output
    status, output = said("provision", "--keys", keys, "--emulated", "ntag424", "--url", "gym.example")
    assert status == 2 and "https://" in output
    missing = tmp_path / "gateway.toml"
    assert said("provision", "--keys", keys, "--reader", "lane1-reader", "--config", missing)[0] == 78
    status, output = said("provision", "--keys", keys, "--path", tmp_path / "no-such-tty")
    assert status == 1 and "no-such-tty" in output


@pytest.fixture
def module(tmp_path: Path) -> Iterator[Pn532Simulator]:
    """A PN532 on a pty."""
    simulator = Pn532Simulator(tmp_path / "reader")
    simulator.plug()
    yield simulator
    simulator.close()


def test_a_card_on_a_reader(keys: Path, module: Pn532Simulator) -> None:
    """Through nfcpy, ISO-DEP and the emulated air, a card is written and shown; the desk remembers it."""
    where = ("--keys", keys, "--path", module.line.link)
    card = DesfireEmulated(UID)
    module.put(card)
    status, output = said("provision", *where)
    assert status == 0, output
    credential = re.search(CREDENTIAL, output)
    assert credential is not None and f"It proves: {credential[0]}" in said("show", *where)[1]
    assert keys.with_name("card.keys.written").read_text() == f"{UID.hex()}\n"
    assert said("provision", *where)[0] == 0  # again, the same card
    module.take(card)
    module.put(DesfireEmulated(UID))  # blank, under the same UID
    status, output = said("provision", *where)
    assert status == 1 and "fake" in output


def test_what_cannot_be_written(keys: Path, module: Pn532Simulator) -> None:
    """No card, a card without ISO 14443-4, and two cards: each is told with what to do."""
    where = ("--keys", keys, "--path", module.line.link, "--seconds", "0.3")
    assert "no card came" in said("provision", *where)[1]
    plain = Ntag215Emulated()
    module.put(plain)
    assert "cannot be written" in said("provision", *where)[1]
    module.put(DesfireEmulated(UID))
    status, output = said("provision", *where)
    assert status == 1 and "leave one" in output
