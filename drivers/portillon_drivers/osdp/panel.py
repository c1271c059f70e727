"""The OSDP control panel: many readers on one bus, one exchange at a time. Pure.

The shell's loop: `turn`; if it gives bytes, write them, wait until they have left (drain), call `written`; then read
until `wake_ns` and hand every piece to `receive`. One thread only.
"""

from collections.abc import Callable, Sequence

from portillon_drivers.events import ReaderFaultKind
from portillon_drivers.osdp.bus_order import BusOrder
from portillon_drivers.osdp.commands import Command, FileTransfer, KeySet, encode_command
from portillon_drivers.osdp.frame import BROADCAST, FRAME_BYTES_MAX, Frame, encode
from portillon_drivers.osdp.frame_parser import FrameParser
from portillon_drivers.osdp.keys import refuse_weak
from portillon_drivers.osdp.panel_events import LineFault, PanelEvent
from portillon_drivers.osdp.panel_reader import PanelReader, Security, Turn
from portillon_drivers.osdp.reader_session import ReaderSession
from portillon_drivers.osdp.timing import GAP_NS, IDLE_WAKE_NS, QUIET_NS, wire_ns

__all__ = ["ControlPanel", "PanelReader", "Security", "Turn"]

TURN_BYTES = 2
"""The line is given so many characters of peace before it is driven the other way (v2.2, clause 5.7)."""


class ControlPanel:
    """Polls every reader, carries commands and files, keeps the secure channels."""

    def __init__(self, readers: Sequence[PanelReader], *, baud: int, random: Callable[[int], bytes]) -> None:
        """`random(n)` gives n bytes nobody can predict (`os.urandom`). Raises `ValueError` for addresses that clash."""
        addresses = [reader.address for reader in readers]
        if len(set(addresses)) < len(addresses) or not all(0 <= address <= BROADCAST for address in addresses):
            raise ValueError("every reader on a bus needs an address of its own, from 0 to 126")
        self._baud = baud
        self._sessions = {reader.address: ReaderSession(reader, baud=baud, random=random) for reader in readers}
        self._order = BusOrder(list(self._sessions.values()))
        self._parser = FrameParser()
        self._awaited: ReaderSession | None = None
        self._sent_ns = 0
        self._written_ns = 0
        self._deadline_ns = 0
        self._last_byte_ns = 0
        self._free_ns = 0
        self._corrupt = False
        self._handles = 0
        self._now_ns = 0
        self._events: list[PanelEvent] = []

    def turn(self, now_ns: int) -> Turn:
        """Let time pass."""
        self._now_ns = now_ns
        if self._awaited is not None and now_ns >= self._deadline():
            self._give_up(self._awaited, now_ns)
        for session in self._sessions.values():
            session.tick(now_ns)
        send = self._send(now_ns) if self._awaited is None and now_ns >= self._free_ns else None
        return Turn(send, tuple(self._collect()), self._wake_ns(now_ns))

    def written(self, now_ns: int) -> None:
        """The bytes of the last turn have left the port: the reader's 200 ms begin."""
        if self._awaited is not None:
            self._written_ns = now_ns
            self._deadline_ns = now_ns + self._awaited.wait_ns()

    def receive(self, data: bytes, now_ns: int) -> list[PanelEvent]:
        """Bytes came in."""
        self._now_ns = now_ns
        if data:
            self._last_byte_ns = now_ns
            self._free_ns = max(self._free_ns, now_ns + wire_ns(TURN_BYTES, self._baud))
        for thing in self._parser.feed(data):
            if not isinstance(thing, Frame):
                self._events.append(LineFault(self._address(), thing))
                self._corrupt |= thing.kind is ReaderFaultKind.CHECKSUM
            elif thing.reply and self._awaited is not None:
                self._answer(self._awaited, thing, now_ns)
        return self._collect()

    def line_lost(self, now_ns: int) -> list[PanelEvent]:
        """The port is gone: every reader is offline at once. Go on with `turn` when it is open again."""
        self._now_ns = now_ns
        self._awaited = None
        self._parser = FrameParser()
        for session in self._sessions.values():
            session.line_lost(now_ns)
        return self._collect()

    def command(self, address: int, command: Command) -> int:
        """Queue a command; its handle comes back in exactly one `CommandDone`.

        Raises `CommandError` if it cannot be put on the wire, `WeakKeyError` for a weak key, `KeyError` for an address
        that is not on this bus.
        """
        session = self._sessions[address]
        if not isinstance(command, FileTransfer):
            encode_command(command)
        if isinstance(command, KeySet):
            refuse_weak(command.scbk, f"the reader at address {address}")
        self._handles += 1
        session.command(self._handles, command, self._now_ns)
        return self._handles

    def cancel(self, address: int, handle: int) -> None:
        """Take a command out of the queue, or break off a file transfer that runs; anything else is left as it is."""
        self._sessions[address].cancel(handle, self._now_ns)

    def _send(self, now_ns: int) -> bytes | None:
        session = self._order.choose(now_ns)
        if session is None:
            return None
        for fault in self._parser.break_off():
            self._events.append(LineFault(None, fault))
        raw = session.transmit(now_ns)
        self._awaited, self._corrupt = session, False
        self._sent_ns = now_ns
        self._written_ns = now_ns + wire_ns(len(raw), self._baud)
        self._deadline_ns = self._written_ns + session.wait_ns()
        return raw

    def _answer(self, session: ReaderSession, frame: Frame, now_ns: int) -> None:
        if session.reader.address not in (frame.address, BROADCAST):
            return  # a late answer of another reader
        alone = all(other.silence.probing for other in self._sessions.values())
        turn_round_ns = now_ns - self._written_ns - wire_ns(len(encode(frame)), self._baud)
        if session.received(frame, now_ns, turn_round_ns):
            self._awaited = None
            if alone:
                for other in self._sessions.values():
                    other.probe_now(now_ns)

    def _give_up(self, session: ReaderSession, now_ns: int) -> None:
        self._awaited = None
        for fault in self._parser.break_off():
            self._events.append(LineFault(session.reader.address, fault))
        if session.silence.probing:
            self._order.probed(now_ns - self._sent_ns, now_ns)
        session.failed(now_ns, corrupt=self._corrupt)

    def _deadline(self) -> int:
        """When the answer can no longer be expected: later while it is coming in, sooner once it was damaged."""
        longest_ns = self._deadline_ns + wire_ns(FRAME_BYTES_MAX, self._baud)
        if self._parser.under_way:
            return min(max(self._deadline_ns, self._last_byte_ns + GAP_NS), longest_ns)
        if self._corrupt:
            return min(self._deadline_ns, self._last_byte_ns + QUIET_NS)
        return self._deadline_ns

    def _wake_ns(self, now_ns: int) -> int:
        wake_ns = min([now_ns + IDLE_WAKE_NS, *(session.deadline_ns() for session in self._sessions.values())])
        if self._awaited is not None:
            return min(wake_ns, self._deadline())
        return min(wake_ns, max(self._order.wake_ns(), self._free_ns))

    def _address(self) -> int | None:
        return self._awaited.reader.address if self._awaited is not None else None

    def _collect(self) -> list[PanelEvent]:
        events, self._events = self._events, []
        for session in self._sessions.values():
            events += session.events
            session.events.clear()
        return events
