"""The hours of the simulated gym by the clock on its wall, reckoned here apart from the shipped schedules.

They change often, and differ from one hour to the next: so that a life of minutes sees them open and shut, and a clock
that was not put forward or back shows at once.
"""

import datetime
from zoneinfo import ZoneInfo

from portillon_rules.schedule import Schedule, Window

TIME_ZONE = ZoneInfo("America/Toronto")
NAME = "odd hours"
MINUTE_MS = 60_000
SPANS = (
    (0, 5), (15, 20), (40, 55), (60, 65), (75, 80), (90, 110), (130, 145), (160, 175), (180, 185), (195, 200),
    (210, 230), (300, 420), (570, 615), (660, 780), (960, 1_200), (1_410, 1_440),
)  # fmt: skip
"""Local minutes of every day, half-open; whole multiples of five (a slow life looks no oftener)."""
CLOCKS_CHANGE_MS = (1_793_512_800_000, 1_805_007_600_000)
"""1 November 2026 back to 01:00, 14 March 2027 on to 03:00."""


def build_schedule() -> Schedule:
    """The same hours as the cloud is given them."""
    return Schedule(NAME, tuple(Window(day, begin, end) for day in range(7) for begin, end in SPANS))


def is_open(at_ms: int) -> bool:
    """Whether they are open at that instant."""
    wall = datetime.datetime.fromtimestamp(at_ms / 1000, TIME_ZONE)
    return any(begin <= wall.hour * 60 + wall.minute < end for begin, end in SPANS)


def open_all_along(at_ms: int, *, slack_ms: int) -> bool | None:
    """Whether they are open, or shut (False), for so long before and after; None: they change within."""
    seen = {is_open(at_ms + off_ms) for off_ms in range(-slack_ms, slack_ms + 1, MINUTE_MS)}
    return seen.pop() if len(seen) == 1 else None
