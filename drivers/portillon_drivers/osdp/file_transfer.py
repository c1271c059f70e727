"""Sending a file (reader firmware) in fragments as large as the reader takes them. Pure.

osdp_FILETRANSFER and osdp_FTSTAT: SIA OSDP v2.2, clauses 6.26 and 7.25. The reader answers each fragment with a status:
0 go on, 1 processed, 2 it will now restart, 3 it needs longer (it is asked with empty fragments), below 0 refused.
"""

from dataclasses import dataclass

from portillon_drivers.osdp.commands import FileFragment, FileTransfer
from portillon_drivers.osdp.frame import FRAME_BYTES_MAX, HEAD_BYTES
from portillon_drivers.osdp.replies import FileStatus
from portillon_drivers.osdp.timing import MS

BUFFER_BYTES_DEFAULT = 128
"""The least that every reader takes (v2.2, annex B.10)."""
FRAGMENT_WIRE_MS = 150
"""A fragment holds the bus no longer than this, so that the other readers go on working at 9600 Bd."""
PAYLOAD_BYTES_MIN = 16
SEALED_BYTES = 1 + HEAD_BYTES + 2 + 1 + 4 + 2
"""Mark, head, security block, code, MAC, CRC."""
CLEAR_BYTES = 1 + HEAD_BYTES + 1 + 2
FINISHING_MS = 200
"""How often a reader that needs longer is asked, unless it says."""
FINISHING_NS_MAX = 120_000 * MS
EXCLUSIVE_DELAY_MS_MAX = 6_000
"""A reader that allows nothing between fragments cannot ask for a longer pause: it would be called offline."""
RESUMES_MAX = 3
REFUSALS = {
    -1: "it broke off the transfer",
    -2: "it does not recognise the contents",
    -3: "it finds the data malformed",
}


@dataclass(frozen=True, slots=True)
class Finished:
    """The transfer is over; `refused` says why the reader did not want it, None: it took the file."""

    refused: str | None = None


class FileSender:
    """One file on its way to one reader."""

    def __init__(self, handle: int, transfer: FileTransfer, *, baud: int, buffer_bytes: int | None) -> None:
        self.handle = handle
        self._transfer = transfer
        self._wire_bytes = max(BUFFER_BYTES_DEFAULT, baud // 10 * FRAGMENT_WIRE_MS // 1000)
        self._buffer_bytes = buffer_bytes or BUFFER_BYTES_DEFAULT
        self._fragment_bytes = 0
        self._finishing_since_ns: int | None = None
        self._resumes = 0
        self._resumed = False
        self.sent_bytes = 0
        self.due_ns = 0
        self.exclusive = False
        """The reader allows nothing else between fragments."""
        self.poll_now = False
        """The reader has something to say first."""

    @property
    def total_bytes(self) -> int:
        return len(self._transfer.content)

    def fragment(self, *, secure: bool) -> FileFragment:
        """The next piece; empty once everything was sent."""
        piece = self._transfer.content[self.sent_bytes : self.sent_bytes + self._payload_bytes(secure)]
        self._fragment_bytes = len(piece)
        return FileFragment(self._transfer.file_type, self.total_bytes, self.sent_bytes, piece)

    def answered(self, status: FileStatus, now_ns: int) -> Finished | None:
        """The reader's verdict on the last fragment; None: there is more to do, from `due_ns` on."""
        resumed, self._resumed = self._resumed, False
        if status.status < 0 and resumed:
            # It already has the piece whose answer was lost with the session, and takes no piece twice.
            self.sent_bytes = self._fragment_bytes = 0
            return None
        if status.status < 0:
            return Finished(REFUSALS.get(status.status, f"it refused the file (status {status.status})"))
        if status.leave_channel:
            return Finished("it asks for the file in clear text")
        self.sent_bytes += self._fragment_bytes
        self._fragment_bytes = 0
        self.exclusive = not status.interleave
        self.poll_now = status.has_reply
        self._buffer_bytes = status.largest_bytes or self._buffer_bytes
        delay_ms = min(status.delay_ms, EXCLUSIVE_DELAY_MS_MAX) if self.exclusive else status.delay_ms
        if self.sent_bytes >= self.total_bytes:
            if status.status != 3:
                return Finished()
            if self._finishing_since_ns is None:
                self._finishing_since_ns = now_ns
            if now_ns - self._finishing_since_ns > FINISHING_NS_MAX:
                return Finished("it did not come to an end with the file")
            delay_ms = delay_ms or FINISHING_MS
        elif status.status in (1, 2):
            return Finished("it ended the transfer before the file's end")
        self.due_ns = now_ns + delay_ms * MS
        return None

    def interrupted(self) -> bool:
        """The session was lost; whether to go on from the last acknowledged byte when it is back."""
        self._fragment_bytes = 0
        self._resumes += 1
        self._resumed = self.sent_bytes > 0
        return self._resumes <= RESUMES_MAX

    def _payload_bytes(self, secure: bool) -> int:
        room = min(self._buffer_bytes, self._wire_bytes, FRAME_BYTES_MAX)
        if secure:
            # Data are padded to whole blocks of 16, with at least one byte of padding.
            payload = (room - SEALED_BYTES) // 16 * 16 - 1 - FileFragment.HEAD_BYTES
        else:
            payload = room - CLEAR_BYTES - FileFragment.HEAD_BYTES
        return max(payload, PAYLOAD_BYTES_MIN)
