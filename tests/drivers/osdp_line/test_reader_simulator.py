"""The simulated reader's own rules; that others understand it is tested in tests/peers."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portillon_drivers.osdp import commands, replies
from portillon_drivers.osdp.commands import Command, WireCommand
from portillon_drivers.osdp.frame import Frame
from portillon_drivers.osdp.frame_parser import FrameParser
from portillon_drivers.osdp.handshake import DEFAULT_KEY, Handshake, OfferedKey
from portillon_drivers.osdp.link import Link
from portillon_drivers.osdp.panel_events import KeyUsed
from portillon_drivers.osdp.reader_simulator import OsdpReaderSimulator
from portillon_drivers.osdp.received_file import MALFORMED, PROCESSED, ReceivedFile
from portillon_drivers.osdp.replies import FileStatus, Nak, NakReason, Reply, decode_reply

KEY, OTHER = bytes.fromhex("5ac91e0f77d2b4436688aa01f3c2d590"), bytes.fromhex("0b8e62d9f1a347c85d20e6b7941f3ac2")


class Panel:
    """As much of a panel as one reader needs: it sends a command and reads the answer."""

    def __init__(self, reader: OsdpReaderSimulator) -> None:
        self.reader = reader
        self.link = Link(reader.address, crc=True)

    def frame(self, data: bytes) -> Frame:
        [frame] = FrameParser().feed(data)
        assert isinstance(frame, Frame)
        return frame

    def ask(self, command: WireCommand) -> Any:
        answer = self.link.read(self.frame(self.reader.receive(self.link.frame(command))))
        assert answer is not None
        return decode_reply(answer.body)

    def open(self, offered: OfferedKey) -> Reply | None:
        """Try that key; None when the channel stands."""
        shake = Handshake(offered, bytes(8))
        self.link.channel = None
        proved = self.frame(self.reader.receive(self.link.frame(*shake.challenge())))
        reply: Any = decode_reply(proved.body)
        if isinstance(reply, Nak):
            return reply
        finished = self.frame(self.reader.receive(self.link.frame(*shake.prove(proved, reply))))
        last: Any = decode_reply(finished.body)
        self.link.channel = shake.finish(finished, last)
        return None


def panel(scbk: bytes | None = KEY, **what: Any) -> Panel:
    return Panel(OsdpReaderSimulator(1, scbk, **what))


def secure(scbk: bytes = KEY) -> Panel:
    made = panel(scbk)
    assert made.open(OfferedKey(KeyUsed.SCBK, scbk)) is None
    return made


def test_it_insists_on_the_channel() -> None:
    """Without one, it says who it is and what it can do, and nothing else."""
    made = panel()
    assert made.ask(commands.IdRequest()) == replies.PdId(made.reader.identity)
    assert made.ask(commands.CapabilitiesRequest()) == replies.PdCapabilities(made.reader.capabilities)
    assert made.ask(commands.Poll()) == Nak(NakReason.SECURITY_CONDITIONS)
    assert panel(insists_on_channel=False).ask(commands.Poll()) == replies.Ack()


def test_what_happens_at_it_is_told_at_the_next_polls() -> None:
    """Cards, keys and states wait in their order."""
    made = secure()
    made.reader.card("1011")
    made.reader.keys("1*#")
    made.reader.status(tampered=True)
    assert made.ask(commands.Poll()).bits == "1011"
    assert made.ask(commands.Poll()).keys == b"1\x7f\r"
    assert made.ask(commands.Poll()) == replies.LocalStatus(tamper=True, power_failure=False)
    assert made.ask(commands.Poll()) == replies.Ack()


@pytest.mark.parametrize(
    "command",
    [
        commands.Led(permanent=commands.Blink(commands.Colour.GREEN)),
        commands.Buzzer(),
        commands.Text("Bonjour"),
        commands.Output(0, commands.OutputControl.ON_ABORT_TIMER),
    ],
)
def test_commands_show_on_it(command: Command) -> None:
    """The last LED, buzzer, text and output command can be looked at."""
    made = secure()
    answer = made.ask(command)  # type: ignore[arg-type]
    assert answer in (replies.Ack(), replies.OutputStatus((True, False)))
    display = made.reader.display
    assert command in [display.leds.get(0), display.buzzer, display.text, display.outputs.get(0)]
    assert list(made.reader.done) == [command]


def test_a_repeated_message_is_answered_the_same_and_done_once() -> None:
    """A panel that did not hear the answer gets it again, byte for byte; the card is told once."""
    made = secure()
    made.reader.card("1011")
    asked = made.link.frame(commands.Poll())
    answer = made.reader.receive(asked)
    assert made.reader.receive(asked) == answer
    made.link.read(made.frame(answer))
    assert made.ask(commands.Poll()) == replies.Ack()


def test_the_default_key_opens_a_new_reader_only() -> None:
    """SCBK-D works until the reader has a key of its own, and again in installation mode."""
    made = panel(None)
    assert made.open(DEFAULT_KEY) is None
    assert made.ask(commands.KeySet(KEY)) == replies.Ack()
    assert made.reader.scbk == KEY and not made.reader.secure
    made.link.restart()
    with pytest.raises(Exception, match="default key"):
        made.open(DEFAULT_KEY)
    made.reader.install_mode = True
    made.link.restart()
    assert made.open(DEFAULT_KEY) is None


def test_no_key_is_set_in_clear() -> None:
    """KEYSET outside the channel is refused, whatever else the reader allows."""
    made = panel(None, insists_on_channel=False)
    assert made.ask(commands.KeySet(OTHER)) == Nak(NakReason.SECURITY_CONDITIONS)
    assert made.reader.scbk is None


def test_a_wrong_proof_opens_nothing() -> None:
    """A panel that has another key is refused by either side."""
    with pytest.raises(Exception, match="could not prove"):
        panel(OTHER).open(OfferedKey(KeyUsed.SCBK, KEY))


def test_a_new_address_counts_after_the_answer() -> None:
    """COMSET is answered from the old address, then only the new one answers."""
    made = secure()
    assert made.ask(commands.ComSet(7, 38_400)) == replies.Com(7, 38_400)
    assert made.reader.receive(made.link.frame(commands.Poll())) == b""
    assert (made.reader.address, made.reader.baud) == (7, 38_400)
    assert Panel(made.reader).ask(commands.IdRequest()) == replies.PdId(made.reader.identity)


def test_a_file_is_put_together() -> None:
    """Fragments in order make the file; a hole is refused; a refusing reader refuses."""
    flash = ReceivedFile()
    assert flash.take(commands.FileFragment(1, 5, 0, b"abc")) == FileStatus(0)
    assert flash.take(commands.FileFragment(1, 5, 4, b"e")) == FileStatus(MALFORMED)
    assert flash.take(commands.FileFragment(1, 5, 3, b"de")) == FileStatus(PROCESSED)
    assert flash.files == [(1, b"abcde")]
    assert ReceivedFile(refuses=-1).take(commands.FileFragment(1, 1, 0, b"a")) == FileStatus(-1)


def test_it_can_misbehave() -> None:
    """Busy, silent, refusing, and denying that it can encrypt: each as a true reader would show it."""
    made = panel()
    made.reader.misbehaviour.busy_for = 1
    assert made.ask(commands.IdRequest()) == replies.Busy()
    made.reader.misbehaviour.denies_encryption = True
    assert not made.ask(commands.CapabilitiesRequest()).capabilities.secure_channel
    made.reader.misbehaviour.nak = NakReason.UNABLE
    assert made.ask(commands.IdRequest()) == Nak(NakReason.UNABLE)
    made.reader.misbehaviour.silent = True
    assert made.reader.receive(made.link.frame(commands.Poll())) == b""


@given(st.lists(st.binary(max_size=64), max_size=8))
def test_any_bytes_are_answered_or_ignored(pieces: list[bytes]) -> None:
    """Whatever is on the wire, the reader goes on; another reader's address is not its own."""
    reader = OsdpReaderSimulator(1, KEY)
    for piece in pieces:
        reader.receive(piece)
    reader.lose_power()
    assert Panel(reader).ask(commands.IdRequest()) == replies.PdId(reader.identity)
    assert reader.receive(Link(2, crc=True).frame(commands.IdRequest())) == b""
