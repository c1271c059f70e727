"""Carries a control panel's bytes over a serial line: the thin shell around the pure panel.

A reader has 200 ms from the moment at which the panel's last bit has left (SIA OSDP v2.2, clause 5.7), so that moment
is waited for (drain) and never believed to be earlier than the line's speed allows: adapters with a buffer of their own
say "drained" as soon as they have taken the bytes. The line is read when something has come, never for a fixed time.
"""

import os
import queue
from collections.abc import Callable
from contextlib import suppress

from portillon_drivers.errors import TransientDeviceError
from portillon_drivers.events import ClockNs
from portillon_drivers.options import SerialOptions
from portillon_drivers.osdp.commands import Command
from portillon_drivers.osdp.errors import CommandError, WeakKeyError
from portillon_drivers.osdp.panel import ControlPanel
from portillon_drivers.osdp.panel_events import CommandDone, Outcome, PanelEvent
from portillon_drivers.serial_port import SerialPort

BIT_PER_BYTE_NS = 10 * 1_000_000_000
"""8N1: ten bits for each byte."""
WAIT_NS_MAX = 100_000_000
"""The longest wait in one turn, so that whoever drives the line sees that it should stop."""
ASKED_MAX = 64
NO_HANDLE = -1
"""Of a command that never came to the panel."""

Done = Callable[[CommandDone], None]


class BusLine:
    """One bus under one panel, driven turn by turn by one thread; only `ask` may be called by others."""

    def __init__(self, line: SerialOptions, *, baud: int, panel: ControlPanel, clock_ns: ClockNs) -> None:
        self._port = SerialPort(line, baud=baud, read_timeout_s=0)
        self._byte_ns = BIT_PER_BYTE_NS // baud
        self._panel = panel
        self._clock_ns = clock_ns
        self._asked: queue.Queue[tuple[int, Command, Done]] = queue.Queue(ASKED_MAX)
        self._pending: dict[tuple[int, int], Done] = {}
        self._woken, self._waker = os.pipe()
        for end in (self._woken, self._waker):
            os.set_blocking(end, False)

    def open(self) -> None:
        """Take the line; raises TransientDeviceError or PermanentDeviceError."""
        self._port.open()

    def ask(self, address: int, command: Command, done: Done = lambda _: None) -> None:
        """Send a command when its reader's turn comes; `done` is called on the thread that drives the line.

        Raises TransientDeviceError when too many wait already.
        """
        try:
            self._asked.put_nowait((address, command, done))
        except queue.Full:
            raise TransientDeviceError("too many commands wait for this bus: is its line open?") from None
        with suppress(BlockingIOError):  # it is awake already
            os.write(self._waker, b"!")

    def turn(self) -> list[PanelEvent]:
        """One thing sent, or one wait for something to come; raises TransientDeviceError when the line is lost."""
        while not self._asked.empty():
            self._accept(*self._asked.get_nowait())
        turn = self._panel.turn(self._clock_ns())
        events = list(turn.events)
        if turn.send is not None:
            began_ns = self._clock_ns()
            self._port.write_out(turn.send)
            self._panel.written(max(self._clock_ns(), began_ns + len(turn.send) * self._byte_ns))
        elif not events:
            wait_ns = min(turn.wake_ns - self._clock_ns(), WAIT_NS_MAX)
            data = self._port.read_within(max(0, wait_ns) / 1e9, self._woken)
            if data:
                events = self._panel.receive(data, self._clock_ns())
            else:
                self._fall_asleep()
        return self._told(events)

    def lost(self) -> list[PanelEvent]:
        """Let go of a line that failed: every reader on it is offline."""
        self._port.close()
        return self._told(self._panel.line_lost(self._clock_ns()))

    def close(self) -> None:
        """Let go of the line for good."""
        self._port.close()
        for end in (self._woken, self._waker):
            os.close(end)

    def _accept(self, address: int, command: Command, done: Done) -> None:
        try:
            self._pending[address, self._panel.command(address, command)] = done
        except (CommandError, WeakKeyError) as error:
            done(CommandDone(address, NO_HANDLE, Outcome.REFUSED, detail=str(error)))
        except KeyError:
            done(CommandDone(address, NO_HANDLE, Outcome.READER_OFFLINE, detail="it is not in service on this bus"))

    def _fall_asleep(self) -> None:
        with suppress(BlockingIOError):  # nobody woke it: the time had come
            os.read(self._woken, ASKED_MAX)

    def _told(self, events: list[PanelEvent]) -> list[PanelEvent]:
        for event in events:
            if isinstance(event, CommandDone):
                done = self._pending.pop((event.address, event.handle), None)
                if done is not None:
                    done(event)
        return events
