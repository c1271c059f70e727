"""What was asked of a reader: commands, a file, a new key; each ends with exactly one `CommandDone`. Pure."""

from hmac import compare_digest

from portillon_drivers.osdp.agenda import Agenda
from portillon_drivers.osdp.command_queue import Queued
from portillon_drivers.osdp.commands import Abort, Command, FileTransfer, KeySet
from portillon_drivers.osdp.exchange import Exchange, Purpose
from portillon_drivers.osdp.file_transfer import FileSender, Finished
from portillon_drivers.osdp.handshake import OfferedKey
from portillon_drivers.osdp.offered_keys import OfferedKeys
from portillon_drivers.osdp.panel_events import CommandDone, Outcome, PanelEvent, TransferProgress
from portillon_drivers.osdp.replies import FileStatus, Nak, Reply


class Errands:
    """One reader's open requests; what became of them is appended to `events`."""

    def __init__(self, address: int, keys: OfferedKeys, events: list[PanelEvent]) -> None:
        self.agenda = Agenda()
        self._address = address
        self._keys = keys
        self._events = events
        self._new_key: Queued | None = None
        """A KEYSET whose verdict is which key the reader will prove next."""

    @property
    def key_pending(self) -> bool:
        """Whether a new key was sent, and its proof is still to come."""
        return self._new_key is not None

    def add(self, handle: int, command: Command, now_ns: int, *, secure: bool, baud: int, buffer: int | None) -> None:
        """Take a request to a reader in service; `buffer`: the largest message that it says it takes."""
        if isinstance(command, FileTransfer):
            if self.agenda.file is not None:
                self._done(handle, Outcome.REFUSED, detail="another file is on its way to this reader")
                return
            self.agenda.file = FileSender(handle, command, baud=baud, buffer_bytes=buffer)
        elif isinstance(command, KeySet) and not secure:
            self._done(handle, Outcome.REFUSED, detail="a key is set only inside a secure channel")
        elif isinstance(command, KeySet) and self._new_key is not None:
            self._done(handle, Outcome.REFUSED, detail="another key is being set")
        elif not self.agenda.queue.add(Queued(handle, command, now_ns)):
            self._done(handle, Outcome.QUEUE_FULL)

    def refuse(self, handle: int, outcome: Outcome) -> None:
        """A request that is not taken at all."""
        self._done(handle, outcome)

    def cancel(self, handle: int, now_ns: int) -> None:
        """Take it back if it still waits, or break off the file."""
        if self.agenda.file is not None and self.agenda.file.handle == handle:
            self.agenda.file = None
            if self.agenda.abort is None:
                self.agenda.abort = Queued(handle, Abort(), now_ns)
            else:  # the reader will be told to abort anyway
                self._done(handle, Outcome.CANCELLED)
        elif self.agenda.queue.remove(handle):
            self._done(handle, Outcome.CANCELLED)

    def expire(self, now_ns: int) -> None:
        """Drop what has waited too long."""
        for queued in self.agenda.queue.expired(now_ns):
            self._done(queued.handle, Outcome.TIMED_OUT, detail="it could not be sent in time")

    def began(self, exchange: Exchange, used: OfferedKey | None) -> None:
        """A message was made from the agenda."""
        if exchange.queued is not None and isinstance(exchange.queued.command, KeySet) and used is not None:
            self._new_key = exchange.queued
            self._keys.setting(exchange.queued.command.scbk, used)

    def answered(self, exchange: Exchange, reply: Reply, now_ns: int) -> bool:
        """The reader did what it was asked to; whether it was given a key that it must now prove."""
        queued = exchange.queued
        if exchange.purpose is Purpose.FRAGMENT:
            self._file_answered(reply, now_ns)
        elif exchange.purpose is Purpose.ABORT and queued is not None:
            self._done(queued.handle, Outcome.CANCELLED)
        elif queued is not None and queued is not self._new_key:
            self._done(queued.handle, Outcome.DONE, reply=reply)
        return queued is not None and queued is self._new_key

    def refused(self, exchange: Exchange, nak: Nak, used: OfferedKey | None) -> None:
        """The reader would not."""
        queued = exchange.queued
        if exchange.purpose is Purpose.FRAGMENT:
            self._file_done(Outcome.REFUSED, nak=nak, detail="it refuses the file")
        elif exchange.purpose is Purpose.ABORT and queued is not None:
            self._done(queued.handle, Outcome.CANCELLED)
        elif queued is not None:
            if queued is self._new_key and used is not None:
                self._new_key = None
                self._keys.settled(used)
            self._done(queued.handle, Outcome.REFUSED, nak=nak)

    def unreadable(self, exchange: Exchange) -> None:
        """The reader answered, but nobody can say what."""
        if exchange.purpose is Purpose.FRAGMENT:
            self._file_done(Outcome.REFUSED, detail="its answer could not be read")
        elif exchange.queued is not None and exchange.queued is not self._new_key:
            self._done(exchange.queued.handle, Outcome.TIMED_OUT, detail="its answer could not be read")

    def put_back(self, exchange: Exchange) -> None:
        """The reader said, through the channel, that it is busy."""
        if exchange.purpose is Purpose.COMMAND and exchange.queued is not None:
            self.agenda.queue.put_back(exchange.queued)
        elif exchange.purpose is Purpose.ABORT and self.agenda.abort is None:
            self.agenda.abort = exchange.queued
        elif exchange.purpose is Purpose.ABORT and exchange.queued is not None:
            self._done(exchange.queued.handle, Outcome.CANCELLED)

    def interrupted(self, exchange: Exchange | None, outcome: Outcome = Outcome.TIMED_OUT) -> None:
        """The session is over; what was in flight has no verdict. A file goes on when the reader is back."""
        if exchange is not None and exchange.queued is not None and exchange.queued is not self._new_key:
            aborted = exchange.purpose is Purpose.ABORT
            self._done(exchange.queued.handle, Outcome.CANCELLED if aborted else outcome)
        file = self.agenda.file
        if file is not None and not file.interrupted():
            self._file_done(outcome, detail="the session was lost too often")

    def proved(self, offered: OfferedKey | None) -> OfferedKey | None:
        """The reader opened a channel: the verdict on a new key. Gives the key as it is to be called from now on."""
        queued = self._new_key
        if queued is None or offered is None or not isinstance(queued.command, KeySet):
            return offered
        self._new_key = None
        if compare_digest(offered.key, queued.command.scbk):
            self._done(queued.handle, Outcome.DONE)
        else:
            self._done(queued.handle, Outcome.REFUSED, detail="it kept its old key")
        return self._keys.settled(offered)

    def drop_all(self, exchange: Exchange | None) -> None:
        """The reader is out of service."""
        self.interrupted(exchange, Outcome.READER_OFFLINE)
        for queued in self.agenda.clear():
            self._done(queued.handle, Outcome.READER_OFFLINE)
        if self.agenda.file is not None:
            self._file_done(Outcome.READER_OFFLINE)
        if self._new_key is not None:
            queued, self._new_key = self._new_key, None
            self._done(queued.handle, Outcome.READER_OFFLINE, detail="it may have either key")

    def _file_answered(self, reply: Reply, now_ns: int) -> None:
        file = self.agenda.file
        if file is None:  # it was cancelled meanwhile
            return
        if not isinstance(reply, FileStatus):
            self._file_done(Outcome.REFUSED, detail="it answered a piece of the file with something else")
            return
        finished = file.answered(reply, now_ns)
        if not isinstance(finished, Finished) or finished.refused is None:
            self._events.append(TransferProgress(self._address, file.handle, file.sent_bytes, file.total_bytes))
        if finished is not None:
            outcome = Outcome.DONE if finished.refused is None else Outcome.REFUSED
            self._file_done(outcome, reply=reply, detail=finished.refused or "")

    def _file_done(
        self, outcome: Outcome, *, nak: Nak | None = None, reply: Reply | None = None, detail: str = ""
    ) -> None:
        file, self.agenda.file = self.agenda.file, None
        if file is not None:
            self._done(file.handle, outcome, nak=nak, reply=reply, detail=detail)

    def _done(
        self,
        handle: int,
        outcome: Outcome,
        *,
        nak: Nak | None = None,
        reply: Reply | None = None,
        detail: str = "",
    ) -> None:
        reason = nak.reason if nak else None
        self._events.append(CommandDone(self._address, handle, outcome, reason, reply, detail))
