"""Real time from the machine, business time per organisation. Only a test organisation's business time can be moved."""

from portillon_cloud.clock.port import Clock, RealClock
from portillon_cloud.clock.reading import ClockReading, business_now_ms, read_clock

__all__ = ["Clock", "ClockReading", "RealClock", "business_now_ms", "read_clock"]
