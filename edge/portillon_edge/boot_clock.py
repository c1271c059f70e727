"""The boot clock: never set, never turned back, running on while the machine sleeps. The one place that reads it."""

import time
from pathlib import Path


def boot_ns() -> int:
    """CLOCK_BOOTTIME in nanoseconds."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def boot_id() -> str:
    """The kernel's random name for this boot; readings of the clock compare only within one boot."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
