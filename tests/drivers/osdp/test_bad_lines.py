"""The control panel on bad lines: busy readers, lost and late answers, noise, nonsense."""

from itertools import pairwise

import pytest
from drivers.osdp.virtual_bus import SECOND, VirtualBus, secure_bus
from portillon_drivers.events import ReaderFaultKind
from portillon_drivers.osdp.commands import Text
from portillon_drivers.osdp.frame import CRC, Frame, encode
from portillon_drivers.osdp.panel import PanelReader, Security
from portillon_drivers.osdp.panel_events import (
    CardRead,
    ChannelLost,
    CommandDone,
    LineFault,
    Outcome,
    ReaderOffline,
    ReaderOnline,
)
from portillon_drivers.osdp.reader_simulator import OsdpReaderSimulator
from portillon_drivers.osdp.replies import Com, encode_reply
from portillon_drivers.osdp.timing import MS

CARD = "10100001100000011111010001"
CLEAR = Security.INSECURE_CLEAR_TEXT


def test_busy_readers_are_asked_again_while_others_go_on() -> None:
    """BUSY holds the message back, with its sequence number, and nobody else."""
    bus = secure_bus(2).run(SECOND)
    bus.simulators[0].misbehaviour.busy_for = 20
    bus.simulators[1].card(CARD)
    handle = bus.panel.command(0, Text("LATER"))
    bus.run(100 * MS)
    assert bus.told(CardRead)
    bus.run(2 * SECOND)
    assert [done.outcome for done in bus.told(CommandDone) if done.handle == handle] == [Outcome.DONE]
    assert not bus.told(ChannelLost) and not bus.told(LineFault)


def test_a_reader_busy_for_ever_goes_offline() -> None:
    """BUSY proves nothing: it comes without a MAC, so it does not keep a reader in service."""
    bus = secure_bus(1).run(SECOND)
    bus.simulators[0].misbehaviour.busy_for = 1_000_000
    bus.run(10 * SECOND)
    assert len(bus.told(ReaderOffline)) == 1


def test_a_reader_that_only_knows_checksums_is_met() -> None:
    """NAK 1 to the first message: the check is changed; nothing of the channel is."""
    bus = secure_bus(1)
    bus.instead = lambda raw: encode(Frame(0, True, raw[5] & 3, b"\x41\x01", crc=False)) if raw[5] & CRC else None
    bus.run(SECOND)
    assert [event.secure for event in bus.told(ReaderOnline)] == [True]
    assert not bus.sent[-1][1][5] & CRC


def test_lost_count_is_mended_without_going_offline() -> None:
    """NAK 4, even with a number of its own, begins the session anew at once."""
    bus = secure_bus(1).run(SECOND)
    bus.instead = lambda raw: encode(Frame(0, True, 2, b"\x41\x04"))
    bus.run(20 * MS)
    bus.instead = lambda raw: None
    bus.simulators[0].card(CARD)
    bus.run(SECOND)
    assert bus.told(ChannelLost) and bus.told(CardRead)
    assert not bus.told(ReaderOffline)


def test_echo_and_other_readers_answers_are_passed_over() -> None:
    """An adapter that hears itself, and a late answer of somebody else, disturb nothing."""
    bus = secure_bus(2).run(SECOND)
    bus.forget()
    bus.echo = True
    stray = encode(Frame(7, True, 1, b"\x40"))
    bus.to_panel = lambda answer: stray + answer
    bus.simulators[1].card(CARD)
    bus.run(2 * SECOND)
    assert bus.told(CardRead) == [CardRead(1, CARD, wiegand=True)]
    assert not bus.told(LineFault) and not bus.told(ChannelLost)


@pytest.mark.parametrize("baud", [9_600, 115_200])
def test_answers_may_come_byte_by_byte(baud: int) -> None:
    """One byte after the other at the line's speed, or one per millisecond, is one answer."""
    bus = secure_bus(1, baud=baud)
    bus.piece_bytes = 1
    bus.run(2 * SECOND)
    bus.simulators[0].card(CARD)
    bus.run(SECOND)
    assert bus.told(CardRead)
    assert not bus.told(LineFault) and not bus.told(ChannelLost) and not bus.told(ReaderOffline)


def test_an_answer_just_within_its_limit_counts() -> None:
    """A reader that takes 150 ms for every answer is slow, not dead."""
    bus = secure_bus(1, answer_ms=150).run(5 * SECOND)
    bus.simulators[0].card(CARD)
    bus.run(SECOND)
    assert bus.told(CardRead) and not bus.told(ReaderOffline) and not bus.told(ChannelLost)


def test_an_answer_that_came_late_is_taken_once() -> None:
    """The message is sent again, both answers come, and the card in them is told once."""
    bus = secure_bus(1).run(SECOND)
    bus.forget()
    bus.simulators[0].card(CARD)
    bus.answer_ms[0] = 204
    bus.run(190 * MS)
    bus.answer_ms[0] = 2
    bus.run(2 * SECOND)
    assert bus.told(CardRead) == [CardRead(0, CARD, wiegand=True)]
    assert not bus.told(ChannelLost)


def test_a_lost_answer_is_not_a_lost_card() -> None:
    """The same sequence number is sent again, and the reader repeats the answer with the card."""
    bus = secure_bus(1).run(SECOND)
    bus.simulators[0].card(CARD)
    lost = [True]
    bus.to_panel = lambda answer: b"" if lost and lost.pop() else answer
    bus.run(SECOND)
    assert bus.told(CardRead) == [CardRead(0, CARD, wiegand=True)]
    assert not bus.told(ChannelLost)
    again = [raw for _, raw in bus.sent]
    assert any(first == second for first, second in pairwise(again))


@pytest.mark.parametrize("seed", range(5))
def test_noise_costs_time_but_no_card(seed: int) -> None:
    """With one frame in twelve damaged in each direction every card is told exactly once, in order."""
    bus = secure_bus(2, seed=seed).run(SECOND)
    bus.forget()

    def dirty(raw: bytes) -> bytes:
        if bus.chance.random() > 1 / 12:
            return raw
        at = bus.chance.randrange(len(raw))
        return raw[:at] + bus.chance.randbytes(bus.chance.randrange(3)) + raw[at + 1 :]

    bus.to_panel = bus.to_reader = dirty
    cards = [f"{number:026b}" for number in range(40)]
    for number, card in enumerate(cards):
        bus.at(bus.now_ns + number * SECOND // 2, lambda card=card: bus.simulators[0].card(card))
    bus.run(21 * SECOND)
    bus.to_panel = bus.to_reader = bytes
    bus.run(2 * SECOND)
    assert [card.bits for card in bus.told(CardRead)] == cards
    assert bus.told(LineFault) and not bus.told(ReaderOffline)


def test_a_damaged_answer_is_asked_for_again_without_waiting() -> None:
    """A wrong check is known at once: the answer is asked for again long before 200 ms have passed."""
    bus = secure_bus(1).run(SECOND)
    bus.forget()
    bus.simulators[0].card(CARD)
    dirty = [True]
    bus.to_panel = lambda answer: answer[:-1] + bytes([answer[-1] ^ 1]) if dirty and dirty.pop() else answer
    began_ns = bus.now_ns
    bus.run(SECOND)
    assert (bus.when(CardRead)[0] - began_ns) / MS < 80
    assert [event.fault.kind for event in bus.told(LineFault)] == [ReaderFaultKind.CHECKSUM]


def test_nonsense_from_a_reader_is_a_fault_and_nothing_else() -> None:
    """Answers that cannot be read, or that nobody asked for, are told and leave the reader in service."""
    bus = VirtualBus([PanelReader(0, CLEAR)], [OsdpReaderSimulator(0, insists_on_channel=False)]).run(SECOND)
    bus.forget()
    bodies = [b"\x50\x00", b"\xb1\x00", b"\x46" + bytes(4), b"\x76" + bytes(32), encode_reply(Com(1, 9_600))]
    for body in bodies:
        bus.instead = lambda raw, body=body: encode(Frame(0, True, raw[5] & 3, body))
        bus.run(19 * MS)
    bus.instead = lambda raw: None
    bus.simulators[0]._sequence = None
    bus.run(SECOND)
    assert len([event for event in bus.told(LineFault) if event.fault.kind is ReaderFaultKind.MALFORMED]) >= 5
    assert not bus.told(ReaderOffline)
