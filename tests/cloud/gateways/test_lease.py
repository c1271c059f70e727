"""May a gateway go on deciding alone: every condition by itself, so that taking one away turns a test red."""

from dataclasses import replace

import pytest
from portillon_cloud.clock import ClockReading
from portillon_cloud.gateways.lease import NoLease, Standing, grant
from portillon_cloud.gateways.session import STALE_AFTER_MS
from portillon_wire.messages import Lease

ROOT = "a" * 32
NOW_MS = 1_000_000
CLOCK = ClockReading(mode="live", business_ms=NOW_MS, clock_rev=0, rate=1)
GOOD = Standing(
    gateway="front",
    revoked=False,
    table_ready=True,
    epoch=2,
    acked_epoch=2,
    acked_revision=7,
    acked_root=ROOT,
    root_there=ROOT,
    waiting_since_ms=NOW_MS - STALE_AFTER_MS,
    last_counter=41,
)


def test_a_lease_names_what_the_gateway_confirmed() -> None:
    """Its revision and root, not the newest ones; the next counter; business time and whether it runs."""
    given = grant(GOOD, clock=CLOCK, now_ms=NOW_MS, duration_s=3600)
    assert given == Lease(
        gateway="front",
        epoch=2,
        revision=7,
        root=ROOT,
        issued_ms=NOW_MS,
        duration_s=3600,
        counter=42,
        business_ms=NOW_MS,
        clock_rev=0,
        rate=1,
        mode="live",
    )


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"revoked": True}, NoLease.REVOKED),
        ({"table_ready": False}, NoLease.TABLE_NOT_READY),
        ({"acked_epoch": 1}, NoLease.OTHER_EPOCH),
        ({"root_there": "b" * 32}, NoLease.ROOT_DIFFERS),
        ({"root_there": None}, NoLease.ROOT_DIFFERS),
        ({"waiting_since_ms": NOW_MS - STALE_AFTER_MS - 1}, NoLease.BEHIND),
    ],
)
def test_each_condition_alone_refuses(change: dict[str, object], why: NoLease) -> None:
    """One thing wrong is enough."""
    assert grant(replace(GOOD, **change), clock=CLOCK, now_ms=NOW_MS, duration_s=3600) is why  # type: ignore[arg-type]


def test_nothing_waiting_is_never_behind() -> None:
    """A gym in which nothing changes for a year is leased all the same."""
    given = grant(replace(GOOD, waiting_since_ms=None), clock=CLOCK, now_ms=NOW_MS * 10_000, duration_s=3600)
    assert isinstance(given, Lease)
