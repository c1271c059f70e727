"""What the kernel answers when a GPIO chip cannot be used, in words for a technician."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from portillon_drivers.errors import PermanentDeviceError, TransientDeviceError
from portillon_drivers.readers.wiegand.edges import ChipLines

_GONE = "it was unplugged, or is no GPIO chip: gpiodetect lists the chips"
_SOON = {
    errno.ENOENT: "there is no such GPIO chip: gpiodetect lists those there are",
    errno.ECONNREFUSED: "there is no such GPIO chip: gpiodetect lists those there are",
    errno.ENODEV: _GONE,
    errno.ENXIO: _GONE,
    errno.EIO: _GONE,
    errno.EBUSY: "another process holds a line of it: gpioinfo tells which; stop that one, or correct d0, d1 or tamper",
    errno.EACCES: "this user may not open it: add the user to the group gpio",
    errno.EPERM: "this user may not open it: add the user to the group gpio",
}
_NEVER = {
    errno.ENOTTY: "it is no GPIO chip: gpiodetect lists the chips",
    errno.EINVAL: "it has no such line, or cannot watch it: gpioinfo lists its lines; correct d0, d1 or tamper",
}


@contextmanager
def chip_failures(lines: ChipLines, what: str) -> Iterator[None]:
    """Tell an OSError as TransientDeviceError or PermanentDeviceError, naming chip and lines."""
    try:
        yield
    except OSError as error:
        number = error.errno or 0
        place = f"{lines.chip} (lines {', '.join(map(str, lines.by_offset))})"
        if number in _NEVER:
            raise PermanentDeviceError(f"{place} {what}: {_NEVER[number]}") from error
        raise TransientDeviceError(f"{place} {what}: {_SOON.get(number, str(error))}") from error
