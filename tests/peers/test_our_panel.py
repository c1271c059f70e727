"""Our control panel and libosdp's readers, each in its own process, over a wire that is as bad as told."""

import hashlib
import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from peers.our_panel import OurPanel
from peers.process import Peer, missing
from portillon_drivers.options import SerialOptions
from portillon_drivers.osdp.commands import (
    Blink,
    Buzzer,
    Colour,
    ComSet,
    FileTransfer,
    KeySet,
    Led,
    Output,
    OutputControl,
    Text,
)
from portillon_drivers.osdp.commissioning import Commissioning, CommissioningRefused, new_key
from portillon_drivers.osdp.key_file import ReaderFiles
from portillon_drivers.osdp.panel import PanelReader, Security
from portillon_drivers.osdp.panel_events import (
    CardRead,
    DefaultKeyUsed,
    KeysPressed,
    KeyUsed,
    Outcome,
    ReaderOffline,
    ReaderOnline,
    Refusal,
    SecurityRefused,
    StatusChanged,
    TransferProgress,
)
from portillon_drivers.osdp.replies import Com
from portillon_drivers.osdp.wire_simulator import Wire, WireSimulator
from portillon_drivers.pty_line import PtyLine
from portillon_rules.wiegand import STANDARD, encode_bits

pytestmark = [pytest.mark.peers, pytest.mark.skipif(missing() is not None, reason=str(missing()))]

KEY = bytes.fromhex("5ac91e0f77d2b4436688aa01f3c2d590")
SECOND = 1_000_000_000
OUTPUT, LED, BUZZER, TEXT = 1, 2, 3, 4
"""libosdp's numbers of commands."""


def card(number: int) -> str:
    return encode_bits(STANDARD["h10301"], facility=67, number=number)


@dataclass
class Stage:
    """A wire, readers at its far ends, and our panel at its near end."""

    folder: Path
    stack: ExitStack
    near: PtyLine = field(init=False)
    wire: WireSimulator = field(init=False)
    peer: Peer = field(init=False)

    def readers(self, *scbks: bytes | None, wheel: str = "libosdp-built", dead: int = 0, **what: Any) -> None:
        """One reader per key, at addresses 1, 2, …, and so many places where nobody answers behind them."""
        self.near = PtyLine(self.folder / "near")
        far = [PtyLine(self.folder / f"far{number}") for number in range(len(scbks))]
        self.wire = self.stack.enter_context(WireSimulator(self.near, far, time.monotonic_ns, seed=7))
        asked = [
            {
                "path": str(line.link),
                "address": number,
                "scbk": None if key is None else key.hex(),
                "whole_frames": wheel == "libosdp",
                **what,
            }
            for number, (line, key) in enumerate(zip(far, scbks, strict=True), start=1)
        ]
        self.peer = self.stack.enter_context(Peer(wheel, "libosdp_reader.py", {"readers": asked}))

    def panel(self, *readers: PanelReader, baud: int = 115_200) -> OurPanel:
        return self.stack.enter_context(OurPanel(self.near.link, readers, baud=baud))

    def command(self, number: int, after: int) -> dict[str, Any]:
        """The next command of that kind at the reader."""
        told = self.peer.wait_for(lambda told: told.get("command", {}).get("command") == number, after)
        found: dict[str, Any] = told["command"]
        return found


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with ExitStack() as stack:
        yield Stage(tmp_path, stack)


@pytest.mark.parametrize("wheel", ["libosdp", "libosdp-built"])
def test_everything_that_a_reader_says_and_does(stage: Stage, wheel: str) -> None:
    """With a random key of its own: identity, card, keys, tamper; LED, buzzer, text and output arrive as asked."""
    key = new_key()
    stage.readers(key, wheel=wheel, enforce=True)
    panel = stage.panel(PanelReader(1, scbk=key))
    online = panel.wait_for(ReaderOnline)
    assert online.secure and online.key is KeyUsed.SCBK and online.identity.serial == 0x01020304
    stage.peer.do("card", bits=card(1_000))
    assert panel.wait_for(CardRead).bits == card(1_000)
    stage.peer.do("keys", keys="4917#")
    assert panel.wait_for(KeysPressed).keys == b"4917#"
    stage.peer.do("tamper", tamper=1)
    panel.wait_for(StatusChanged, lambda event: event.tamper is True)
    after = len(stage.peer.told)
    for command in (
        Led(permanent=Blink(Colour.GREEN)),
        Buzzer(on_ds=2, off_ds=1, repeats=3),
        Text("Bonjour"),
        Output(2, OutputControl.ON_FOR_TIME, timer_ds=30),
    ):
        assert panel.ask(1, command).outcome is Outcome.DONE
    led = stage.command(LED, after)
    assert (led["on_color"], led["temporary"]) == (Colour.GREEN, False)
    assert stage.command(BUZZER, after)["rep_count"] == 3
    assert stage.command(TEXT, after)["data"] == "Bonjour"
    output = stage.command(OUTPUT, after)
    assert (output["output_no"], output["control_code"], output["timer_count"]) == (2, 5, 30)
    stage.peer.do("state")
    assert stage.peer.wait_for(lambda told: "state" in told)["state"]["secure"] is True


def test_a_key_is_changed_and_then_nothing_else_opens(stage: Stage) -> None:
    """KEYSET is done when the reader has proved the new key; the old one is refused from then on."""
    stage.readers(KEY, enforce=True)
    other = new_key()
    with OurPanel(stage.near.link, [PanelReader(1, scbk=KEY)]) as panel:
        panel.wait_for(ReaderOnline)
        assert panel.ask(1, KeySet(other)).outcome is Outcome.DONE
        stage.peer.do("card", bits=card(1))
        assert panel.wait_for(CardRead).bits == card(1)
    with OurPanel(stage.near.link, [PanelReader(1, scbk=KEY)]) as late:
        assert late.wait_for(SecurityRefused).refusal in (Refusal.WRONG_KEY, Refusal.KEY_REFUSED)
        assert not late.heard(ReaderOnline)
    with OurPanel(stage.near.link, [PanelReader(1, scbk=other)]) as again:
        assert again.wait_for(ReaderOnline).secure


def test_a_reader_moves_to_another_address(stage: Stage) -> None:
    """COMSET is confirmed by the reader, which answers at its new address only."""
    stage.readers(KEY, enforce=True)
    with OurPanel(stage.near.link, [PanelReader(1, scbk=KEY)]) as panel:
        panel.wait_for(ReaderOnline)
        done = panel.ask(1, ComSet(9, 115_200))
        assert done.outcome is Outcome.DONE and done.reply == Com(9, 115_200)
    with OurPanel(stage.near.link, [PanelReader(9, scbk=KEY)]) as panel:
        panel.wait_for(ReaderOnline)


@pytest.mark.parametrize("wheel", ["libosdp", "libosdp-built"])
def test_a_file_arrives_whole(stage: Stage, wheel: str) -> None:
    """Firmware goes over in fragments; progress is told; the reader has the same bytes; cards pass again after it."""
    stage.readers(KEY, wheel=wheel, enforce=True)
    panel, content = stage.panel(PanelReader(1, scbk=KEY)), random.Random(1).randbytes(10_000)
    panel.wait_for(ReaderOnline)
    assert panel.ask(1, FileTransfer(1, content)).outcome is Outcome.DONE
    told = stage.peer.wait_for(lambda told: "file" in told)["file"]
    assert told == {"id": 1, "sha256": hashlib.sha256(content).hexdigest()}
    sent = [event.sent_bytes for event in panel.heard(TransferProgress)]
    assert sent == sorted(sent) and sent[-1] == len(content)
    stage.peer.do("card", bits=card(3))
    panel.wait_for(CardRead)


@pytest.mark.parametrize(
    ("wire", "baud"),
    [(Wire(byte_ns=1_000_000), 115_200), (Wire(byte_ns=Wire.byte_ns_at(9_600)), 9_600)],
    ids=["one byte per ms", "9600 Bd"],
)
def test_a_slow_wire_is_only_slow(stage: Stage, wire: Wire, baud: int) -> None:
    """Byte by byte, the channel comes up, stays up, and cards, LEDs and a file pass."""
    stage.readers(KEY, enforce=True)
    stage.wire.wire = wire
    panel = stage.panel(PanelReader(1, scbk=KEY), baud=baud)
    panel.wait_for(ReaderOnline)
    for number in range(5):
        stage.peer.do("card", bits=card(number))
        panel.wait_for(CardRead, lambda event, number=number: event.bits == card(number))  # type: ignore[misc]
        assert panel.ask(1, Led(permanent=Blink(Colour.RED))).outcome is Outcome.DONE
    if baud == 9_600:  # at any other, nobody could know how long a fragment is on its way
        assert panel.ask(1, FileTransfer(1, bytes(range(256)) * 4)).outcome is Outcome.DONE
    assert not panel.heard(ReaderOffline)


def test_noise_never_makes_a_card(stage: Stage) -> None:
    """With one byte in two hundred disturbed, cards may be lost but none is wrong or doubled; after it all is well."""
    stage.readers(KEY, enforce=True)
    panel = stage.panel(PanelReader(1, scbk=KEY))
    panel.wait_for(ReaderOnline)
    stage.wire.wire = Wire(noise=0.005)
    shown = [card(number) for number in range(40)]
    for bits in shown:
        stage.peer.do("card", bits=bits)
    panel.wait_for(CardRead, lambda event: event.bits in shown[20:])
    stage.wire.wire = Wire()
    stage.peer.do("card", bits=card(9_999))
    panel.wait_for(CardRead, lambda event: event.bits == card(9_999))
    read = [event.bits for event in panel.heard(CardRead)]
    assert set(read) <= {*shown, card(9_999)}
    assert len(set(read)) == len(read)


def test_a_cut_wire_is_noticed_and_mended(stage: Stage) -> None:
    """Cut, the reader is told as offline; mended, it is back by itself, secure, and reads cards."""
    stage.readers(KEY, enforce=True)
    panel = stage.panel(PanelReader(1, scbk=KEY))
    panel.wait_for(ReaderOnline)
    stage.wire.wire = Wire(cut=True)
    panel.wait_for(ReaderOffline)
    after = len(panel.events)
    stage.wire.wire = Wire()
    assert panel.wait_for(ReaderOnline, after=after).secure
    stage.peer.do("card", bits=card(5))
    panel.wait_for(CardRead, after=after)


def test_a_wrong_key_stays_refused(stage: Stage) -> None:
    """A reader with another key than ours is refused, and told; it never comes into service."""
    stage.readers(new_key(), enforce=True)
    panel = stage.panel(PanelReader(1, scbk=KEY))
    refused = panel.wait_for(SecurityRefused)
    assert refused.refusal in (Refusal.WRONG_KEY, Refusal.KEY_REFUSED)
    stage.peer.do("card", bits=card(1))
    panel.wait_for(ReaderOffline)
    assert not panel.heard(ReaderOnline) and not panel.heard(CardRead)


def test_the_default_key_is_refused_outside_a_window(stage: Stage) -> None:
    """A reader in installation mode offers SCBK-D in vain."""
    stage.readers(None, install=True)
    panel = stage.panel(PanelReader(1, scbk=KEY))
    panel.wait_for(SecurityRefused)
    panel.wait_for(ReaderOffline)
    assert not panel.heard(ReaderOnline) and not panel.heard(DefaultKeyUsed)


def test_a_reader_that_insists_on_nothing_is_never_spoken_to_in_clear(stage: Stage) -> None:
    """libosdp's reader without enforcement would talk in clear to a panel with the wrong key: ours does not."""
    stage.readers(new_key())
    panel = stage.panel(PanelReader(1, scbk=KEY))
    panel.wait_for(SecurityRefused)
    stage.peer.do("card", bits=card(1))
    panel.wait_for(ReaderOffline)
    assert not panel.heard(ReaderOnline) and not panel.heard(CardRead)


def test_clear_text_only_where_it_was_allowed(stage: Stage) -> None:
    """A reader that may run in clear text does, and says so."""
    stage.readers(KEY)
    panel = stage.panel(PanelReader(1, Security.INSECURE_CLEAR_TEXT))
    online = panel.wait_for(ReaderOnline)
    assert not online.secure and online.key is KeyUsed.NONE
    stage.peer.do("card", bits=card(1))
    assert panel.wait_for(CardRead).bits == card(1)


def commissioning(stage: Stage, tell: Callable[[str], None] = lambda _: None) -> Commissioning:
    return Commissioning(
        SerialOptions(path=stage.near.link),
        baud=115_200,
        address=1,
        files=ReaderFiles(stage.folder / "lane1.key"),
        clock_ns=time.monotonic_ns,
        tell=tell,
    )


def test_commissioning_gives_a_key_that_works(stage: Stage) -> None:
    """In the window SCBK-D opens the reader once; then it has our random key, and SCBK-D opens nothing."""
    stage.readers(None, install=True)
    said: list[str] = []
    done = commissioning(stage, said.append).run(30 * SECOND)
    known = ReaderFiles(stage.folder / "lane1.key").load()
    assert known.identity == done.identity and known.other_scbk is None
    assert said == ["the default key opened the channel"]
    panel = stage.panel(PanelReader(1, scbk=known.scbk, identity=known.identity, capabilities=known.capabilities))
    assert panel.wait_for(ReaderOnline).key is KeyUsed.SCBK


def test_commissioning_ends_with_its_window(stage: Stage) -> None:
    """A reader that has a key already and is in no installation mode takes none; nothing is left behind."""
    stage.readers(new_key(), enforce=True)
    with pytest.raises(CommissioningRefused, match="installation mode"):
        commissioning(stage).run(2 * SECOND)
    assert not list(stage.folder.glob("lane1.key*"))


def test_a_dead_reader_leaves_the_others_in_service(stage: Stage) -> None:
    """Three readers on one bus with a fourth that never answers: each one's cards are read."""
    keys = [new_key() for _ in range(3)]
    stage.readers(*keys, enforce=True)
    readers = [PanelReader(number, scbk=key) for number, key in enumerate(keys, start=1)]
    panel = stage.panel(*readers, PanelReader(99, scbk=new_key()))
    for number in range(3):
        panel.wait_for(ReaderOnline, lambda event, number=number: event.address == number + 1)  # type: ignore[misc]
        stage.peer.do("card", reader=number, bits=card(number))
        read = panel.wait_for(CardRead, lambda event, number=number: event.address == number + 1)  # type: ignore[misc]
        assert read.bits == card(number)
