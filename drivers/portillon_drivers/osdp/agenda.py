"""What a reader in service is asked next: polls, commands and pieces of a file, none of which may starve another. Pure.

After every command and every fragment comes a poll, so that a card is never further away than one exchange. Commands
and fragments take turns. A command for an output waits for neither: it goes first, once, and a poll follows before the
next one may. Only a reader that allows nothing between fragments (FTSTAT) is not polled until the end.
"""

from portillon_drivers.osdp.command_queue import CommandQueue, Queued
from portillon_drivers.osdp.commands import (
    InputStatusRequest,
    LocalStatusRequest,
    Poll,
    WireCommand,
)
from portillon_drivers.osdp.exchange import Purpose
from portillon_drivers.osdp.file_transfer import FileSender
from portillon_drivers.osdp.identity import Capabilities, Function
from portillon_drivers.osdp.timing import POLL_NS

Task = tuple[Purpose, WireCommand, Queued | None]


class Agenda:
    """The order of one reader's exchanges."""

    def __init__(self) -> None:
        self.queue = CommandQueue()
        self.file: FileSender | None = None
        self.abort: Queued | None = None
        """A file was broken off: the reader is still to be told."""
        self._statuses: list[WireCommand] = []
        self._owes_poll = False
        self._hurried = False
        """An output's command went first, and no poll has followed yet."""
        self._file_last = False
        self._poll_ns = 0

    @property
    def urgent(self) -> bool:
        """Whether an output waits that may go before everything else."""
        exclusive = self.file is not None and self.file.exclusive
        return self.queue.urgent and not self._hurried and self.abort is None and not exclusive

    def begin(self, capabilities: Capabilities) -> None:
        """The reader came into service: find out how things stand there, then poll."""
        self._statuses = [LocalStatusRequest()]
        if capabilities.count(Function.CONTACTS):
            self._statuses.append(InputStatusRequest())
        self._owes_poll = True  # a card may be waiting; how things stand is worth less haste

    def clear(self) -> list[Queued]:
        """Take out every request but the file."""
        gone = self.queue.clear()
        if self.abort is not None:
            gone.append(self.abort)
        self.abort = None
        self._statuses = []
        return gone

    def poll_soon(self) -> None:
        """A reader that had something to say may have more."""
        self._poll_ns = 0

    def due_ns(self) -> int:
        """When the next exchange is wanted; 0: at once."""
        if self.abort or self._statuses:
            return 0
        if self.file is not None and self.file.exclusive:
            return self.file.due_ns
        due_ns = 0 if self.queue else self._poll_ns
        return due_ns if self.file is None else min(due_ns, self.file.due_ns)

    def next(self, now_ns: int, *, secure: bool) -> Task:
        """Take the next exchange off the agenda."""
        if self.abort is not None:
            abort, self.abort = self.abort, None
            return Purpose.ABORT, abort.command, abort
        file = self.file
        if file is not None and file.exclusive:
            return Purpose.FRAGMENT, file.fragment(secure=secure), None
        if self.urgent:
            self._owes_poll = self._hurried = True
            queued = self.queue.pop()
            return Purpose.COMMAND, queued.command, queued
        if self._statuses and not self._owes_poll:
            self._owes_poll = True
            return Purpose.STATUS, self._statuses.pop(0), None
        file_due = file is not None and file.due_ns <= now_ns and not file.poll_now
        if not self._owes_poll:
            if self.queue and not (file_due and not self._file_last):
                self._owes_poll, self._file_last = True, False
                queued = self.queue.pop()
                return Purpose.COMMAND, queued.command, queued
            if file is not None and file_due:
                self._owes_poll = self._file_last = True
                return Purpose.FRAGMENT, file.fragment(secure=secure), None
        self._owes_poll = self._hurried = False
        self._poll_ns = now_ns + POLL_NS
        if file is not None:
            file.poll_now = False
        return Purpose.POLL, Poll(), None
