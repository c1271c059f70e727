"""A serial line held for this process alone, whose every failure is a DriverError.

pyserial reports a vanished device as SerialException, but from some calls (`in_waiting`) as a plain OSError and from
others (the flushes) as termios.error, which is no OSError: all three are caught.
"""

import errno
import os
import select
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import serial
import serial.rs485

from portillon_drivers.errors import PermanentDeviceError, TransientDeviceError
from portillon_drivers.options import SerialOptions

_LOST = (OSError, termios.error)  # SerialException is an OSError
_ADVICE = {
    errno.ENOBUFS: "it takes no more bytes: the adapter hangs, unplug it for a moment",
    errno.EIO: "it was unplugged",
    errno.ENXIO: "it was unplugged",
    errno.ENODEV: "it was unplugged",
    errno.ENOENT: "nothing is plugged in there",
    errno.EACCES: "this user may not open it: add the user to the group dialout",
    errno.EAGAIN: "another process holds it: stop that one, or correct the path",
    errno.EBUSY: "another process holds it: stop that one, or correct the path",
}


class SerialPort:
    """One serial line: open, read, write, close. Not thread-safe: one thread owns it."""

    def __init__(self, options: SerialOptions, *, baud: int, read_timeout_s: float, parity: str = "N") -> None:
        self._options = options
        self._baud = baud
        self._parity = parity
        self._read_timeout_s = read_timeout_s
        self._port: serial.Serial | None = None

    @property
    def is_open(self) -> bool:
        """Whether the line was opened and has not failed since."""
        return self._port is not None

    def open(self) -> None:
        """Open the line for this process alone; raises TransientDeviceError or PermanentDeviceError."""
        self.close()
        with self._failures("cannot be opened"):
            self._port = serial.Serial(
                str(self._options.path),
                self._baud,
                parity=self._parity,
                timeout=self._read_timeout_s,
                exclusive=True,
            )
        if self._options.rs485_mode:
            self._switch_to_rs485()

    def read_some(self) -> bytes:
        """Whatever has arrived, waiting up to the read timeout for the first byte; b"" if none came."""
        port = self._opened()
        with self._failures("was lost while reading"):
            first = port.read(1)
            return first + port.read(port.in_waiting) if first else b""

    def read_within(self, timeout_s: float, wake: int) -> bytes:
        """Whatever arrives within that time; b"" if nothing did, or if the descriptor `wake` became readable first.

        May return b"" up to a millisecond early, never late: poll() counts in whole ones, so the rest is slept.
        """
        port = self._opened()
        wait_ms = int(timeout_s * 1_000)
        if wait_ms == 0:
            time.sleep(timeout_s)
        with self._failures("was lost while reading"):
            waiting = select.poll()
            waiting.register(port.fileno(), select.POLLIN)
            waiting.register(wake, select.POLLIN)
            ready = {descriptor for descriptor, _ in waiting.poll(wait_ms)}
            return port.read(max(1, port.in_waiting)) if port.fileno() in ready else b""

    def read_exactly(self, count: int) -> bytes:
        """That many bytes, or fewer if the read timeout passes first."""
        port = self._opened()
        with self._failures("was lost while reading"):
            return port.read(count)

    def discard_input(self) -> None:
        """Forget what has arrived and was not read: the late rest of an older answer."""
        port = self._opened()
        with self._failures("was lost while reading"):
            port.reset_input_buffer()

    def write(self, data: bytes) -> None:
        """Hand all bytes to the kernel, without waiting for them to leave; raises TransientDeviceError."""
        port = self._opened()
        with self._failures("was lost while writing"):
            _hand_over(port, data)

    def write_out(self, data: bytes) -> None:
        """Write, and return once the bytes have left (an adapter with a buffer of its own may say so too early)."""
        port = self._opened()
        with self._failures("was lost while writing"):
            _hand_over(port, data)
            port.flush()

    def close(self) -> None:
        """Let go of the line; never raises. What was written still leaves: it may be the command that locks a door."""
        port, self._port = self._port, None
        if port is not None:
            with suppress(*_LOST):  # the device is gone: there is nothing to close properly
                port.close()

    def _abandon(self) -> None:
        """Let go of a line that failed and discard what has not left: a late release is worse than none."""
        if self._port is not None:
            with suppress(*_LOST):
                self._port.reset_output_buffer()
        self.close()

    def _opened(self) -> serial.Serial:
        if self._port is None:
            raise TransientDeviceError(f"{self._options.path} is not open")
        return self._port

    def _switch_to_rs485(self) -> None:
        try:
            self._opened().rs485_mode = serial.rs485.RS485Settings()
        except (*_LOST, ValueError) as error:
            self.close()
            raise PermanentDeviceError(
                f"{self._options.path} has no RS-485 mode ({error}); adapters that switch by themselves need none: "
                "remove rs485_mode"
            ) from error

    @contextmanager
    def _failures(self, what: str) -> Iterator[None]:
        try:
            yield
        except _LOST as error:
            self._abandon()
            number = error.errno if isinstance(error, OSError) else error.args[0]
            advice = _ADVICE.get(number or 0, str(error))
            raise TransientDeviceError(f"{self._options.path} {what}: {advice}") from error


def _hand_over(port: serial.Serial, data: bytes) -> None:
    """All bytes to the kernel, at once; a frame always fits its buffer, or the adapter hangs. Raises OSError.

    pyserial looks at its clock after it wrote: a process that was held up just then would take a good line for dead.
    """
    try:
        taken = os.write(port.fileno(), data)
    except BlockingIOError:
        taken = 0
    if taken < len(data):
        raise OSError(errno.ENOBUFS, f"{len(data) - taken} bytes more than fit")
