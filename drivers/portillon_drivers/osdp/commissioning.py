"""Gives a reader a key of its own, inside a window that ends; the only place where SCBK-D is ever used.

The new key is on the disk before the reader hears of it, and takes the old one's place once the reader has proved it:
whatever dies in between, the reader has one of the keys in its files.
"""

import os
import secrets
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

from portillon_drivers.errors import PermanentDeviceError, TransientDeviceError
from portillon_drivers.events import ClockNs
from portillon_drivers.options import SerialOptions
from portillon_drivers.osdp.bus_line import BusLine
from portillon_drivers.osdp.commands import KeySet
from portillon_drivers.osdp.identity import Capabilities, Identity
from portillon_drivers.osdp.key_file import ReaderFiles
from portillon_drivers.osdp.keys import KEY_BYTES, weakness
from portillon_drivers.osdp.panel import ControlPanel, PanelReader
from portillon_drivers.osdp.panel_events import (
    CommandDone,
    DefaultKeyUsed,
    KeyUsed,
    Outcome,
    PanelEvent,
    ReaderOffline,
    ReaderOnline,
    SecurityRefused,
)

GRACE_NS = 10_000_000_000
"""A key that is being set when the window ends may still be proved within this."""


class CommissioningRefused(PermanentDeviceError):
    """The reader would not take a key; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Commissioned:
    """Who has the new key now."""

    identity: Identity
    capabilities: Capabilities


def new_key() -> bytes:
    """Sixteen bytes that nobody can predict; the one weak key in 2^100 is drawn again."""
    while weakness(key := secrets.token_bytes(KEY_BYTES)) is not None:
        pass
    return key


class Commissioning:
    """One reader, one window. `tell` hears each step, for the log and the technician; never a key."""

    def __init__(
        self,
        line: SerialOptions,
        *,
        baud: int,
        address: int,
        files: ReaderFiles,
        clock_ns: ClockNs,
        tell: Callable[[str], None],
    ) -> None:
        self._line = line
        self._baud = baud
        self._address = address
        self._files = files
        self._clock_ns = clock_ns
        self._tell = tell
        self._asked = False
        self._done: CommandDone | None = None
        self._online: ReaderOnline | None = None
        self._why = "nobody answers at this address: check path, baud, address, power and the A and B wires"

    def run(self, window_ns: int) -> Commissioned:
        """Open the window, set a key, close it; raises CommissioningRefused, KeyFileError, TransientDeviceError."""
        until_ns = self._clock_ns() + window_ns
        own, other = self._files.candidates()
        reader = PanelReader(self._address, scbk=own, other_scbk=other, commissioning_until_ns=until_ns)
        panel = ControlPanel([reader], baud=self._baud, random=os.urandom)
        key = new_key()
        with closing(BusLine(self._line, baud=self._baud, panel=panel, clock_ns=self._clock_ns)) as bus:
            bus.open()
            while self._done is None and self._clock_ns() < until_ns + (GRACE_NS if self._asked else 0):
                for event in bus.turn():
                    self._hear(event, bus, key)
        return self._settle()

    def _hear(self, event: PanelEvent, bus: BusLine, key: bytes) -> None:
        match event:
            case DefaultKeyUsed():
                self._tell("the default key opened the channel")
            case ReaderOnline():
                self._online = event
                if not self._asked:
                    self._asked = True
                    if event.key is KeyUsed.OTHER_SCBK or (event.key is KeyUsed.SCBK and not self._files.has_key):
                        self._files.promote()  # the key it just proved must not be lost to the next one
                    self._files.prepare(key)
                    bus.ask(self._address, KeySet(key), self._finished)
            case SecurityRefused(detail=detail):
                self._why = detail
                self._tell(f"refused so far: {detail}")
            case ReaderOffline(why=why):
                self._why = why

    def _finished(self, done: CommandDone) -> None:
        self._done = done

    def _settle(self) -> Commissioned:
        if self._done is None or self._online is None:
            raise CommissioningRefused(
                f"the window ended and no key was set: {self._why}. A reader that has a key already must be put into"
                " installation mode first; its manual says how"
            )
        match self._done.outcome:
            case Outcome.DONE:
                self._files.promote()
                self._files.record(self._online.identity, self._online.capabilities)
                return Commissioned(self._online.identity, self._online.capabilities)
            case Outcome.REFUSED:
                self._files.forget_next()
                raise CommissioningRefused(f"the reader refuses a new key: {self._done.detail or self._done.nak}")
            case _:
                raise TransientDeviceError(
                    "it is not certain whether the reader took the new key; both keys are kept: do this once more"
                )
