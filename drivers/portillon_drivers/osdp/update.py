"""Sends a file to a reader, usually its firmware. The line carries nothing else meanwhile.

Its doors are in maintenance: with libosdp's reader cards do not pass during a transfer, they come up to 5 s late.
"""

import os
from collections.abc import Callable
from contextlib import closing

from portillon_drivers.errors import PermanentDeviceError, TransientDeviceError
from portillon_drivers.events import ClockNs
from portillon_drivers.options import SerialOptions
from portillon_drivers.osdp.bus_line import BusLine
from portillon_drivers.osdp.commands import FileTransfer
from portillon_drivers.osdp.panel import ControlPanel, PanelReader
from portillon_drivers.osdp.panel_events import (
    CommandDone,
    Outcome,
    PanelEvent,
    ReaderOffline,
    ReaderOnline,
    SecurityRefused,
    TransferProgress,
)

ONLINE_WAIT_NS = 15_000_000_000
FIRMWARE = 1
"""The file type that vendors use for firmware (SIA OSDP v2.2, clause 6.26)."""


class UpdateRefused(PermanentDeviceError):
    """The reader would not take the file; the message says why."""


class Update:
    """One file for one reader; `progress` hears how many bytes have been acknowledged."""

    def __init__(
        self,
        line: SerialOptions,
        *,
        baud: int,
        reader: PanelReader,
        clock_ns: ClockNs,
        progress: Callable[[int], None],
    ) -> None:
        self._line = line
        self._baud = baud
        self._reader = reader
        self._clock_ns = clock_ns
        self._progress = progress
        self._begun = False
        self._done: CommandDone | None = None
        self._why = "nobody answers at this address: check power and the A and B wires"

    def run(self, content: bytes, file_type: int = FIRMWARE) -> None:
        """Send it; raises UpdateRefused or TransientDeviceError."""
        panel = ControlPanel([self._reader], baud=self._baud, random=os.urandom)
        give_up_ns = self._clock_ns() + ONLINE_WAIT_NS
        with closing(BusLine(self._line, baud=self._baud, panel=panel, clock_ns=self._clock_ns)) as bus:
            bus.open()
            while self._done is None and (self._begun or self._clock_ns() < give_up_ns):
                for event in bus.turn():
                    self._hear(event, bus, FileTransfer(file_type, content))
        if self._done is None:
            raise TransientDeviceError(f"the reader did not come into service: {self._why}")
        match self._done.outcome:
            case Outcome.DONE:
                return
            case Outcome.REFUSED:
                raise UpdateRefused(f"the reader refuses the file: {self._done.detail or self._done.nak}")
            case outcome:
                raise TransientDeviceError(f"the transfer broke off ({outcome}): {self._done.detail or self._why}")

    def _hear(self, event: PanelEvent, bus: BusLine, transfer: FileTransfer) -> None:
        match event:
            case ReaderOnline() if not self._begun:
                self._begun = True
                bus.ask(self._reader.address, transfer, self._finished)
            case TransferProgress(sent_bytes=sent_bytes):
                self._progress(sent_bytes)
            case ReaderOffline(why=why):
                self._why = why
            case SecurityRefused(detail=detail):
                self._why = detail

    def _finished(self, done: CommandDone) -> None:
        self._done = done
