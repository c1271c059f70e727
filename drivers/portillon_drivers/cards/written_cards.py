"""The desk's memory of the cards it has written: a blank card with the UID of one of them is a fake, or was erased.

One UID in hex on each line of a file beside the keyring. UIDs are no secret; the file is as private as the keys all the
same, since it names the site's cards.
"""

import os
from pathlib import Path

from portillon_drivers.cards.keyring_file import MODE, CardKeyringError


class WrittenCards:
    """The UIDs in that file; a file that is missing is an empty one."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @classmethod
    def beside(cls, keyring: Path) -> "WrittenCards":
        """The memory that belongs to this keyring file."""
        return cls(keyring.with_name(f"{keyring.name}.written"))

    def __contains__(self, uid: bytes) -> bool:
        """Whether a card with that UID was written; raises CardKeyringError if the file cannot be read."""
        try:
            return uid.hex() in self._path.read_text("ascii").split()
        except FileNotFoundError:
            return False
        except (OSError, UnicodeDecodeError) as error:
            raise CardKeyringError(f"{self._path}: cannot be read ({type(error).__name__}); restore it") from None

    def add(self, uid: bytes) -> None:
        """Remember it before the next card is taken; raises CardKeyringError."""
        if uid in self:
            return
        try:
            handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, MODE)
            with os.fdopen(handle, "a", encoding="ascii") as file:
                file.write(f"{uid.hex()}\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise CardKeyringError(
                f"{self._path}: cannot be written ({error.strerror}); the card is good, but a fake of it would not be"
                " noticed here: write it again when there is room"
            ) from None
