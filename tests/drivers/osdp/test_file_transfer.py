"""Reader firmware over the bus: fragments, delays, refusals, cuts, and everybody else's cards meanwhile."""

from itertools import pairwise

import pytest
from drivers.osdp.virtual_bus import SECOND, VirtualBus, key_of, secure_bus
from hypothesis import given
from hypothesis import strategies as st
from portillon_drivers.osdp.commands import Abort, Blink, Colour, FileFragment, FileTransfer, Led, decode_command
from portillon_drivers.osdp.file_transfer import FINISHING_NS_MAX, RESUMES_MAX, FileSender, Finished
from portillon_drivers.osdp.frame import FRAME_BYTES_MAX, Frame, encode
from portillon_drivers.osdp.identity import Capabilities, Capability, Function
from portillon_drivers.osdp.panel import PanelReader, Security
from portillon_drivers.osdp.panel_events import (
    CardRead,
    CommandDone,
    Outcome,
    ReaderOffline,
    TransferProgress,
)
from portillon_drivers.osdp.reader_simulator import OsdpReaderSimulator
from portillon_drivers.osdp.replies import Busy, FileStatus
from portillon_drivers.osdp.timing import MS

IMAGE = bytes(number % 251 for number in range(6_000))


class Receiver:
    """The far side of a transfer, with statuses to order; a piece heard twice counts once."""

    def __init__(self) -> None:
        self.content = bytearray()
        self.fragments: list[FileFragment] = []
        self.at_end: list[FileStatus] = [FileStatus(1)]
        self.going_on = FileStatus(0)

    def take(self, fragment: FileFragment) -> FileStatus:
        self.fragments.append(fragment)
        self.content[fragment.offset : fragment.offset + len(fragment.payload)] = fragment.payload
        if fragment.offset + len(fragment.payload) < fragment.total_bytes:
            return self.going_on
        return self.at_end.pop(0) if len(self.at_end) > 1 else self.at_end[0]

    def forget(self) -> None:
        self.content.clear()


def transferring(bus: VirtualBus, address: int = 0, content: bytes = IMAGE) -> tuple[int, Receiver]:
    receiver = Receiver()
    bus.simulators[address].file = receiver  # type: ignore[assignment]
    return bus.panel.command(address, FileTransfer(1, content)), receiver


def outcomes(bus: VirtualBus) -> list[Outcome]:
    return [done.outcome for done in bus.told(CommandDone)]


@pytest.mark.parametrize("baud", [9_600, 38_400, 115_200])
@pytest.mark.parametrize("secure", [True, False])
def test_a_file_arrives_whole_and_its_progress_is_told(baud: int, secure: bool) -> None:
    """Every byte once, in order, with progress that ends at the whole."""
    security = Security.REQUIRED if secure else Security.INSECURE_CLEAR_TEXT
    reader = PanelReader(0, security, scbk=key_of(0) if secure else None)
    bus = VirtualBus([reader], [OsdpReaderSimulator(0, key_of(0), insists_on_channel=secure)], baud=baud)
    bus.run(SECOND)
    handle, receiver = transferring(bus)
    bus.run(30 * SECOND)
    assert outcomes(bus) == [Outcome.DONE]
    assert bytes(receiver.content) == IMAGE
    progress = bus.told(TransferProgress)
    assert [event.sent_bytes for event in progress] == sorted({event.sent_bytes for event in progress})
    assert progress[-1] == TransferProgress(0, handle, len(IMAGE), len(IMAGE))


@given(
    buffer=st.integers(0, 0xFFFF),
    baud=st.sampled_from([9_600, 19_200, 115_200, 230_400]),
    secure=st.booleans(),
    content=st.binary(max_size=3_000),
)
def test_no_fragment_is_larger_than_the_reader_takes(buffer: int, baud: int, secure: bool, content: bytes) -> None:
    """Sealed and with its mark, every fragment fits the reader's buffer, the standard, and 150 ms of the bus."""
    sender = FileSender(1, FileTransfer(1, content), baud=baud, buffer_bytes=buffer)
    arrived = b""
    while True:
        fragment = sender.fragment(secure=secure)
        arrived += fragment.payload
        data = len(fragment.data())
        sealed = 5 + 2 + 1 + (data // 16 * 16 + 16) + 4 + 2 if secure else 5 + 1 + data + 2
        if buffer >= 64 or buffer == 0:
            assert 1 + sealed <= min(buffer or 128, FRAME_BYTES_MAX)
        assert sealed * 10 / baud <= max(0.151, 1_290 / baud)
        if sender.answered(FileStatus(1 if sender.sent_bytes + len(fragment.payload) == len(content) else 0), 0):
            break
    assert arrived == content


def test_the_readers_own_limit_is_kept() -> None:
    """A reader that says in a status that it takes less gets less, and one with a large buffer gets more."""
    small = Capabilities((Capability(Function.RECEIVE_BUFFER, 128, 0), Capability(Function.SECURITY, 1, 1)))
    bus = VirtualBus([PanelReader(0, scbk=key_of(0))], [OsdpReaderSimulator(0, key_of(0), capabilities=small)])
    bus.run(SECOND)
    _, receiver = transferring(bus)
    receiver.going_on = FileStatus(0, largest_bytes=80)
    bus.run(20 * SECOND)
    sizes = [len(fragment.payload) for fragment in receiver.fragments]
    assert sizes[0] == 100 and set(sizes[1:-1]) == {52}
    assert max(len(raw) for _, raw in bus.sent) <= 128


def test_cards_and_other_readers_go_on_during_a_transfer() -> None:
    """Polls go between the fragments: cards at the reader itself and at its neighbours come in bounded time."""
    bus = secure_bus(3, baud=9_600).run(2 * SECOND)
    transferring(bus, content=bytes(4_000))
    shown = {}
    for number in range(30):
        bits, at_ns = f"{number:026b}", bus.now_ns + number * 233 * MS
        shown[bits] = at_ns
        bus.at(at_ns, lambda reader=number % 3, bits=bits: bus.simulators[reader].card(bits))
    bus.run(60 * SECOND)
    assert outcomes(bus) == [Outcome.DONE]
    took = [(at_ns - shown[event.bits]) / MS for at_ns, event in bus.events if isinstance(event, CardRead)]
    assert len(took) == 30
    assert max(took) < 900


def test_commands_and_fragments_take_turns() -> None:
    """A flood of commands does not starve the file, nor the file the commands."""
    bus = secure_bus(1).run(SECOND)
    handle, _ = transferring(bus)

    def flood() -> None:
        bus.panel.command(0, Led(permanent=Blink(Colour.BLUE)))
        bus.at(bus.now_ns + 5 * MS, flood)

    flood()
    bus.run(5 * SECOND)
    done = bus.told(CommandDone)
    assert [event.outcome for event in done if event.handle == handle] == [Outcome.DONE]
    assert len([event for event in done if event.handle != handle and event.outcome is Outcome.DONE]) > 50


def test_an_exclusive_reader_is_sent_nothing_else() -> None:
    """A reader that allows nothing between fragments gets fragments only; its neighbour is polled on."""
    bus = secure_bus(2).run(SECOND)
    _, receiver = transferring(bus, content=bytes(2_000))
    receiver.going_on = FileStatus(0, interleave=False, delay_ms=30)
    bus.forget()
    bus.run(300 * MS)
    kinds = [raw[8] for _, raw in bus.sent if raw[2] == 0]
    first = kinds.index(FileFragment.CODE)
    during = kinds[first:][: len(receiver.fragments)]
    assert set(during) == {FileFragment.CODE}
    assert len([raw for _, raw in bus.sent if raw[2] == 1]) > 5


def test_delays_asked_for_are_kept() -> None:
    """Between two fragments there is at least the pause that the reader asked for, filled with polls."""
    bus = secure_bus(1).run(SECOND)
    _, receiver = transferring(bus, content=bytes(2_400))
    receiver.going_on = FileStatus(0, delay_ms=400)
    bus.forget()
    bus.run(5 * SECOND)
    sent = [at_ns for at_ns, raw in bus.sent if raw[8] == FileFragment.CODE]
    assert len(sent) == len(receiver.fragments) >= 4
    assert all(400 * MS <= after - before < 450 * MS for before, after in pairwise(sent))
    assert len(bus.sent) > 40


def test_a_reader_that_needs_longer_is_asked_until_it_is_done() -> None:
    """After the last byte "finishing" is answered with empty fragments, not with more data."""
    bus = secure_bus(1).run(SECOND)
    _, receiver = transferring(bus)
    receiver.at_end = [FileStatus(3), FileStatus(3, delay_ms=500), FileStatus(3), FileStatus(1)]
    bus.run(10 * SECOND)
    assert outcomes(bus) == [Outcome.DONE]
    assert [len(fragment.payload) for fragment in receiver.fragments[-3:]] == [0, 0, 0]


def test_a_reader_that_never_finishes_is_given_up() -> None:
    """Two minutes of "finishing" are enough."""
    bus = secure_bus(1).run(SECOND)
    _, receiver = transferring(bus)
    receiver.at_end = [FileStatus(3, delay_ms=2_000)]
    bus.run(FINISHING_NS_MAX + 20 * SECOND)
    assert outcomes(bus) == [Outcome.REFUSED]


def test_a_reader_that_restarts_with_its_new_firmware_is_done() -> None:
    """Status 2: done, and it is met again when it is back."""
    bus = secure_bus(1).run(SECOND)
    _, receiver = transferring(bus)
    receiver.at_end = [FileStatus(2)]
    bus.run(2 * SECOND)
    assert outcomes(bus) == [Outcome.DONE]
    bus.simulators[0].lose_power()
    bus.run(SECOND)
    bus.simulators[0].card("1" * 26)
    bus.run(SECOND)
    assert bus.told(CardRead) and not bus.told(ReaderOffline)


@pytest.mark.parametrize(("status", "why"), [(-1, "broke off"), (-2, "recognise"), (-3, "malformed"), (-9, "-9")])
def test_a_refused_file_says_why(status: int, why: str) -> None:
    """Each refusal of the standard has its words; the reader stays in service."""
    bus = secure_bus(1).run(SECOND)
    _, receiver = transferring(bus)
    receiver.going_on = FileStatus(status)
    bus.run(SECOND)
    (done,) = bus.told(CommandDone)
    assert done.outcome is Outcome.REFUSED and why in done.detail
    assert not bus.told(ReaderOffline) and len(receiver.fragments) == 1


def test_a_reader_that_asks_for_clear_text_gets_nothing_more() -> None:
    """The rest of the file in clear text is never granted."""
    bus = secure_bus(1).run(SECOND)
    _, receiver = transferring(bus)
    receiver.going_on = FileStatus(0, leave_channel=True)
    bus.run(SECOND)
    (done,) = bus.told(CommandDone)
    assert done.outcome is Outcome.REFUSED and "clear text" in done.detail
    assert len(receiver.fragments) == 1


def test_a_transfer_goes_on_after_a_cut() -> None:
    """A session that was lost in the middle costs the last fragment, not the file."""
    bus = secure_bus(1, baud=38_400).run(SECOND)
    _, receiver = transferring(bus)
    bus.run(300 * MS)
    half = len(receiver.content)
    assert 0 < half < len(IMAGE)
    bus.cut.add(0)
    bus.run(4 * SECOND)
    bus.cut.clear()
    bus.run(10 * SECOND)
    assert outcomes(bus) == [Outcome.DONE]
    assert bytes(receiver.content) == IMAGE
    assert len([fragment for fragment in receiver.fragments if fragment.offset == 0]) == 1


def test_a_reader_that_takes_no_piece_twice_gets_the_file_from_its_beginning() -> None:
    """When the answer to a piece was lost with the session, and the reader refuses the piece again, it starts over."""
    bus = secure_bus(1, baud=38_400).run(SECOND)
    bus.panel.command(0, FileTransfer(1, IMAGE))
    bus.run(300 * MS)
    bus.to_panel = lambda answer: b""
    bus.run(3 * SECOND)
    bus.to_panel = bytes
    bus.run(10 * SECOND)
    assert outcomes(bus) == [Outcome.DONE]
    assert bus.simulators[0].file.files == [(1, IMAGE)]


def test_a_transfer_ends_with_the_reader_offline() -> None:
    """Eight seconds of silence end the file too."""
    bus = secure_bus(1, baud=38_400).run(SECOND)
    transferring(bus)
    bus.run(300 * MS)
    bus.cut.add(0)
    bus.run(10 * SECOND)
    assert outcomes(bus) == [Outcome.READER_OFFLINE]


def test_a_session_lost_too_often_ends_the_transfer() -> None:
    """A line that breaks every time is not tried for ever."""
    sender = FileSender(1, FileTransfer(1, IMAGE), baud=9_600, buffer_bytes=128)
    assert [sender.interrupted() for _ in range(RESUMES_MAX + 1)] == [True] * RESUMES_MAX + [False]


def test_a_transfer_can_be_broken_off() -> None:
    """The reader is told to abort, and the outcome comes once."""
    bus = secure_bus(1).run(SECOND)
    handle, receiver = transferring(bus)
    bus.run(50 * MS)
    bus.panel.cancel(0, handle)
    bus.run(SECOND)
    assert outcomes(bus) == [Outcome.CANCELLED]
    assert Abort() in bus.simulators[0].done and not receiver.content


def test_files_broken_off_in_a_row_each_end_once() -> None:
    """Two transfers begun and broken off between two turns are two outcomes and one abort."""
    bus = secure_bus(1).run(SECOND)
    handles = []
    for _ in range(2):
        handles.append(transferring(bus)[0])
        bus.panel.cancel(0, handles[-1])
    bus.run(SECOND)
    assert sorted(done.handle for done in bus.told(CommandDone)) == handles
    assert set(outcomes(bus)) == {Outcome.CANCELLED}
    assert list(bus.simulators[0].done).count(Abort()) == 1


def test_a_busy_answer_through_the_channel_puts_the_request_back() -> None:
    """A reader that seals its BUSY gets the command again as a new message, once it has time."""
    bus = secure_bus(1).run(SECOND)
    simulator, busy = bus.simulators[0], [Busy()] * 3
    true_reply = type(simulator)._reply

    def reply(self: OsdpReaderSimulator, command: object, *, secure: bool) -> object:
        if isinstance(command, Led | FileFragment) and busy:
            return busy.pop()
        return true_reply(self, command, secure=secure)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(OsdpReaderSimulator, "_reply", reply)
        bus.panel.command(0, Led(permanent=Blink(Colour.BLUE)))
        _, receiver = transferring(bus)
        bus.run(3 * SECOND)
    assert outcomes(bus) == [Outcome.DONE, Outcome.DONE]
    assert bytes(receiver.content) == IMAGE and not bus.told(ReaderOffline)


def test_one_file_at_a_time() -> None:
    """A second file for the same reader is refused; another reader may have its own."""
    bus = secure_bus(2).run(SECOND)
    first, _ = transferring(bus)
    second, _ = transferring(bus)
    other, _ = transferring(bus, address=1)
    bus.run(20 * SECOND)
    assert {done.handle: done.outcome for done in bus.told(CommandDone)} == {
        first: Outcome.DONE,
        second: Outcome.REFUSED,
        other: Outcome.DONE,
    }


@given(status=st.builds(FileStatus, st.integers(-5, 5), st.integers(0, 0xFFFF), largest_bytes=st.integers(0, 0xFFFF)))
def test_no_status_breaks_the_sender(status: FileStatus) -> None:
    """Whatever a reader answers, the transfer goes on within its bounds or ends."""
    sender = FileSender(1, FileTransfer(1, IMAGE), baud=9_600, buffer_bytes=None)
    for at_ns in range(0, 10 * SECOND, SECOND):
        fragment = sender.fragment(secure=True)
        assert len(fragment.payload) <= FRAME_BYTES_MAX
        if isinstance(sender.answered(status, at_ns), Finished):
            break
    assert sender.sent_bytes <= len(IMAGE)


def test_something_other_than_a_status_ends_the_transfer() -> None:
    """A reader that acknowledges a fragment like any command does not know files."""
    reader = PanelReader(0, Security.INSECURE_CLEAR_TEXT)
    bus = VirtualBus([reader], [OsdpReaderSimulator(0, insists_on_channel=False)]).run(SECOND)
    bus.instead = lambda raw: (
        encode(Frame(0, True, raw[5] & 3, b"\x40")) if isinstance(decode_command(raw[6:-2]), FileFragment) else None
    )
    bus.panel.command(0, FileTransfer(1, IMAGE))
    bus.run(SECOND)
    assert outcomes(bus) == [Outcome.REFUSED]
