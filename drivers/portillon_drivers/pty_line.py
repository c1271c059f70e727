"""The far end of a simulated serial line: a pseudo-terminal under a stable path that can be unplugged and replugged.

What a pty does not model: baud rate, pacing, parity and framing errors.
"""

import os
import pty
import tty
from pathlib import Path

from portillon_drivers.errors import TransientDeviceError


class PtyLine:
    """One serial device as its electronics see it; `link` is the path that a driver opens."""

    def __init__(self, link: Path) -> None:
        self.link = link
        self._master = -1
        self._slave = -1

    @property
    def plugged(self) -> bool:
        """Whether the device is there."""
        return self._master >= 0

    def fileno(self) -> int:
        """For a selector; only while plugged."""
        return self._master

    def plug(self) -> None:
        """Appear under the path."""
        if self.plugged:
            return
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)  # no echo, not even before a driver opens the line
        os.set_blocking(self._master, False)
        self.link.parent.mkdir(parents=True, exist_ok=True)
        self.link.unlink(missing_ok=True)
        self.link.symlink_to(os.ttyname(self._slave))

    def unplug(self) -> None:
        """Vanish: the path goes, and whoever has the line open is told by an error."""
        if not self.plugged:
            return
        self.link.unlink(missing_ok=True)
        os.close(self._master)
        os.close(self._slave)
        self._master = self._slave = -1

    def send(self, data: bytes) -> None:
        """Put bytes on the line; raises TransientDeviceError if unplugged or if nobody has read for long."""
        try:
            sent = os.write(self._master, data)
        except OSError as error:
            raise TransientDeviceError(f"{self.link} takes no bytes: {error}") from error
        if sent != len(data):
            raise TransientDeviceError(f"{self.link} is full: nobody reads it")

    def receive(self) -> bytes:
        """What has arrived; b"" if nothing."""
        try:
            return os.read(self._master, 4_096)
        except BlockingIOError:
            return b""
