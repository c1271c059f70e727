"""nfcpy's serial transport, mended for a gateway.

- nfcpy takes only names below /dev, and opens a line that another process holds. Here any path goes, for us alone.
- Its `read` indexes into a frame that may have broken off, and some of pyserial's calls raise termios.error, which is
  no OSError. Here a broken line or frame is always an OSError.
- It hands the path to a shell (`stty`), and knows a Pi's ports by their names under /dev. Here it gets the resolved
  name, quoted.
"""

import errno
import os
import shlex
import termios
from contextlib import suppress
from typing import Any

import serial
from nfc.clf.transport import TTY

FIRST_BAUD = 115_200
READ_TIMEOUT_S = 0.05


class QuotedTty(TTY):  # type: ignore[misc]  # nfcpy has no types
    """A serial line for `nfc.clf.pn532.init`."""

    tty: Any

    def __init__(self, path: str) -> None:
        self._path = os.path.realpath(path)
        super().__init__(path)

    @property
    def port(self) -> str:
        """The name that nfcpy shows to the shell."""
        return shlex.quote(self._path)

    def open(self, port: str, baudrate: int = FIRST_BAUD) -> None:
        """Open our path, at that speed; raises OSError."""
        self.close()
        self.tty = serial.Serial(self._path, baudrate, timeout=READ_TIMEOUT_S, exclusive=True)

    def read(self, timeout: float) -> bytearray:
        """A frame, waiting that many milliseconds for it; raises OSError."""
        try:
            frame: bytearray | None = super().read(timeout)
        except (IndexError, termios.error) as error:
            raise OSError(errno.EIO, "a frame broke off") from error
        if frame is None:
            raise OSError(errno.EBADF, "the line is closed")
        return frame

    def write(self, frame: bytes) -> None:
        """Send a frame and forget what came before; raises OSError."""
        try:
            super().write(frame)
        except termios.error as error:
            raise OSError(errno.EIO, "the line was lost") from error

    def close(self) -> None:
        """Let go of the line; never raises."""
        tty, self.tty = self.tty, None
        if tty is not None:
            with suppress(OSError, termios.error):
                tty.flushOutput()
            with suppress(OSError, termios.error):
                tty.close()
