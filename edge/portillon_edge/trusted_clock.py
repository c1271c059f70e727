"""What another clock than the cloud says at the start of a boot, if there is one worth asking (DESIGN §4, Time).

1. A declared real-time clock with a battery is asked itself, not the system's clock, which anything may have set.
2. Otherwise the system's clock counts while the kernel holds it for synchronised (NTP, PTP). A gateway without either
   has none: what fake-hwclock or a build date put there is no time.
3. Neither makes time certain. It moves the saved time forward by no more than the lease that remains (timekeeping.py).
"""

import ctypes
import logging
import time
from pathlib import Path

log = logging.getLogger(__name__)

_TIME_ERROR = 5
"""What adjtimex(2) returns while the clock is not synchronised."""
_TIMEX_BYTES = 256
"""`struct timex` has 208 bytes on 64-bit Linux and fewer on 32-bit; all zero it asks and changes nothing."""


def trusted_real_ms(rtc: Path | None) -> int | None:
    """Milliseconds since the epoch; None: nobody here knows. `rtc` is a folder like /sys/class/rtc/rtc0."""
    if rtc is not None:
        return _of_rtc(rtc)
    return time.time_ns() // 1_000_000 if _is_synchronised() else None


def _of_rtc(rtc: Path) -> int | None:
    try:
        return int((rtc / "since_epoch").read_text(encoding="ascii")) * 1000
    except (OSError, ValueError) as error:
        log.warning("%s: the declared real-time clock cannot be read: %s; an hour is charged instead", rtc, error)
        return None


def _is_synchronised() -> bool:
    try:
        adjtimex = ctypes.CDLL(None, use_errno=True).adjtimex
    except (OSError, AttributeError):
        return False
    state: int = adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    return 0 <= state < _TIME_ERROR
