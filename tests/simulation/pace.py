"""How fast hearts beat: with the shipped intervals most of a simulated year is leases and reports that say nothing new.

A slow life stretches the intervals below, and nothing else, so that years pass in minutes. Beside it lives at the
shipped pace are played, for what happens within seconds.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from unittest.mock import patch

from portillon_cloud.gateways import leasing, presence, set_back
from portillon_cloud.gateways import session as cloud_session
from portillon_edge.doors import part_drive, plan_watch, stepping
from portillon_edge.guard import core as guard_core
from portillon_edge.guard.protocol import HOLD_MS
from portillon_edge.health import reported
from portillon_edge.sync import lease_desk, presence_flow, reporter

MINUTE_MS = 60_000
NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long leases and holds last; how often leases, positions and plans come up; the mean time between two acts."""

    lease_s: int
    lease_every_ms: int
    report_every_ms: int
    save_lease_every_ms: int
    hold_ms: int
    plans_every_ms: int
    wait_ms: int
    settling_ms: int
    """How long after everything was mended both sides must agree: some reports later."""
    time_heals: bool
    """Whether to wait until wrong time has healed too, for which leases must agree for six hours."""


SHIPPED = Pace(
    lease_s=90 * 60,
    lease_every_ms=cloud_session.LEASE_INTERVAL_MS,
    report_every_ms=reporter.REPORT_NS_MAX // NS_PER_MS,
    save_lease_every_ms=MINUTE_MS,
    hold_ms=HOLD_MS,
    plans_every_ms=plan_watch.MINUTE_MS,
    wait_ms=4_000,
    settling_ms=5 * MINUTE_MS,
    time_heals=False,
)
"""The lease alone is shorter than the shipped one, so that it does run out."""
SLOW = Pace(
    lease_s=24 * 3_600,
    lease_every_ms=60 * MINUTE_MS,
    report_every_ms=60 * MINUTE_MS,
    save_lease_every_ms=30 * MINUTE_MS,  # less than a cold boot is charged
    hold_ms=60 * MINUTE_MS,
    plans_every_ms=5 * MINUTE_MS,  # the hours are whole multiples of it
    wait_ms=12 * MINUTE_MS,
    settling_ms=150 * MINUTE_MS,
    time_heals=True,
)


@contextmanager
def at(pace: Pace) -> Iterator[None]:
    """Until the end of the block the shipped code goes at that pace."""
    if pace is SHIPPED:
        yield
        return
    lease_ms, report_ns = pace.lease_every_ms, pace.report_every_ms * NS_PER_MS
    with ExitStack() as stack:
        for module, name, value in (
            (cloud_session, "LEASE_INTERVAL_MS", lease_ms),
            (leasing, "LEASE_INTERVAL_MS", lease_ms),
            (set_back, "LATER_MS_MAX", 2 * lease_ms),
            (presence, "SILENT_AFTER_MS", 3 * lease_ms),
            (reporter, "REPORT_NS_MAX", report_ns),
            (reported, "BEAT_NS", report_ns),
            (reported, "OPENED_NS_MIN", report_ns),
            (guard_core, "HOLD_NS", pace.hold_ms * NS_PER_MS),
            (stepping, "HOLD_MS", pace.hold_ms),
            (part_drive, "RENEW_NS", pace.hold_ms * NS_PER_MS * 2 // 5),
            (plan_watch, "MINUTE_MS", pace.plans_every_ms),
            (lease_desk, "SAVE_NS", pace.save_lease_every_ms * NS_PER_MS),
            (presence_flow, "BEAT_NS", report_ns),
            (presence_flow, "FRESH_MS", 4 * pace.report_every_ms),
        ):
            stack.enter_context(patch.object(module, name, value))
        yield
