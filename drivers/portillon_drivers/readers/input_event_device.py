"""A keyboard-like device of the kernel's, held for this process alone. Needs no library: two ioctls and plain reads.

Grabbed, its keys reach nobody else: a scanned code is never typed into the console. A FIFO of the same structs stands
in for it where there is no device; nothing can grab that, so it is locked instead.
"""

import errno
import fcntl
import os
import select
import stat
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from portillon_drivers.errors import PermanentDeviceError, TransientDeviceError
from portillon_drivers.readers.wedge_keys import INPUT_EVENT

EVIOCGRAB = 0x40044590
EVIOCSCLOCKID = 0x400445A0
"""_IOW('E', 0x90, int) and _IOW('E', 0xa0, int) of linux/input.h, on every machine but MIPS, PowerPC and SPARC."""
READ_BYTES_MAX = 64 * INPUT_EVENT.size
"""The kernel keeps about this much for one reader."""

_ADVICE = {
    errno.ENODEV: "it was unplugged",
    errno.EIO: "it was unplugged",
    errno.ENXIO: "it was unplugged",
    errno.ENOENT: "nothing is plugged in there",
    errno.EACCES: "this user may not open it: add the user to the group input",
    errno.EBUSY: "another process has grabbed it: stop that one, or correct the path",
    errno.EAGAIN: "another process holds it: stop that one, or correct the path",
}
_NO_INPUT_DEVICE = (errno.ENOTTY, errno.EINVAL, errno.EISDIR)


class InputEventDevice:
    """One input device: open, read, close. Not thread-safe: one thread owns it."""

    def __init__(self, path: Path, *, read_timeout_s: float) -> None:
        self._path = path
        self._read_timeout_s = read_timeout_s
        self._descriptor: int | None = None

    def open(self) -> None:
        """Take the device for this process alone; raises TransientDeviceError or PermanentDeviceError."""
        self.close()
        with self._failures("cannot be opened"):
            flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
            self._descriptor = os.open(self._path, flags)
            mode = os.fstat(self._descriptor).st_mode
            if stat.S_ISCHR(mode):
                fcntl.ioctl(self._descriptor, EVIOCGRAB, 1)
                # Times by the real-time clock would jump when it is set, and tear the code that is being typed.
                fcntl.ioctl(self._descriptor, EVIOCSCLOCKID, struct.pack("@i", time.CLOCK_MONOTONIC))
            elif stat.S_ISFIFO(mode):
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            else:
                raise OSError(errno.ENOTTY, "neither a device nor a FIFO")

    def read_some(self) -> bytes:
        """The events that have come, waiting up to the read timeout for the first; b"" if none came."""
        if self._descriptor is None:
            raise TransientDeviceError(f"{self._path} is not open")
        with self._failures("was lost while reading"):
            poll = select.poll()
            poll.register(self._descriptor, select.POLLIN)
            if not poll.poll(self._read_timeout_s * 1_000):
                return b""
            try:
                data = os.read(self._descriptor, READ_BYTES_MAX)
            except BlockingIOError:  # woken for nothing
                return b""
            if not data:  # the far end of the FIFO is gone
                raise OSError(errno.ENODEV, "end of file")
            return data

    def close(self) -> None:
        """Let go of the device; never raises."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            with suppress(OSError):  # the device is gone: there is nothing to close properly
                os.close(descriptor)

    @contextmanager
    def _failures(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.close()
            if error.errno in _NO_INPUT_DEVICE:
                raise PermanentDeviceError(
                    f"{self._path} is no input device: take the scanner's name ending in -event-kbd under "
                    "/dev/input/by-id"
                ) from error
            advice = _ADVICE.get(error.errno or 0, str(error))
            raise TransientDeviceError(f"{self._path} {what}: {advice}") from error
