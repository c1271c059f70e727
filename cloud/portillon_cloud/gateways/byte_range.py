"""HTTP's Range header (RFC 9110 §14) as far as resuming needs it: one range of bytes. Pure."""

import re

_RANGE = re.compile(r"bytes=(\d{0,19})-(\d{0,19})")


class UnsatisfiableRangeError(ValueError):
    """The range begins beyond the end: answer 416."""


def byte_range(header: str | None, size: int) -> tuple[int, int] | None:
    """(start, end) half-open within `size`; None: the whole, also for a header of several ranges or another unit.

    Raises UnsatisfiableRangeError.
    """
    match = _RANGE.fullmatch(header.strip()) if header else None
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:  # the last n bytes
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
        if last and int(last) < int(first):
            return None
    if start >= end:
        raise UnsatisfiableRangeError(f"the range {header!r} lies beyond the {size} bytes there are")
    return start, end
