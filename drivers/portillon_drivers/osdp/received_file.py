"""The far side of a file transfer: a simulated reader's flash. Pure."""

from dataclasses import dataclass, field

from portillon_drivers.osdp.commands import FileFragment
from portillon_drivers.osdp.replies import FileStatus

GO_ON, PROCESSED, KEEP_ALIVE = 0, 1, 3
ABORT, UNRECOGNISED, MALFORMED = -1, -2, -3
FILE_BYTES_MAX = 16 * 1024 * 1024


@dataclass(slots=True)
class ReceivedFile:
    """One file at a time; `refuses` answers each fragment with that status."""

    files: list[tuple[int, bytes]] = field(default_factory=list)
    """Type and content of every whole file."""
    refuses: int | None = None
    largest_bytes: int = 0
    """The fragment size that it asks for; 0: it does not say."""
    _content: bytearray = field(default_factory=bytearray)

    def take(self, fragment: FileFragment) -> FileStatus:
        """One fragment came."""
        if self.refuses is not None:
            return FileStatus(self.refuses)
        if fragment.offset == 0:
            self._content.clear()
        if fragment.offset != len(self._content) or not self._fits(fragment):
            return FileStatus(MALFORMED)
        self._content += fragment.payload
        if len(self._content) < fragment.total_bytes:
            return FileStatus(GO_ON, largest_bytes=self.largest_bytes)
        self.files.append((fragment.file_type, bytes(self._content)))
        self._content.clear()
        return FileStatus(PROCESSED)

    def forget(self) -> None:
        """The transfer was broken off."""
        self._content.clear()

    @staticmethod
    def _fits(fragment: FileFragment) -> bool:
        return fragment.offset + len(fragment.payload) <= fragment.total_bytes <= FILE_BYTES_MAX
