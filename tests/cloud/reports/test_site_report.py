"""Lanes, gateways and the feed as the live page shows them."""

from types import SimpleNamespace

import pytest
from portillon_cloud.reports.site_report import feed_view, gateway_view, lanes
from portillon_cloud.reports.site_view import LaneCondition

HOUR_MS = 3_600_000


def row(**changes):
    known = {
        "id": "gw-1", "name": "Desk", "revoked_at_ms": None, "epoch": 2, "revision": 10, "acked_epoch": 2,
        "acked_revision": 10, "root": "r", "acked_root": "r",
        "ready": True, "sweep_after": None, "lease_until_ms": 72 * HOUR_MS, "online": True,
        "seen_at_ms": HOUR_MS - 5_000, "software": "p",
        "reported": {"doors": [{"name": "lane-1", "state": "idle"}], "devices": [], "journal_pending": 0},
    }  # fmt: skip
    return SimpleNamespace(**{**known, **changes})


def view(waiting=0, **changes):
    return gateway_view(row(**changes), waiting=waiting, real_ms=HOUR_MS)


def test_all_confirmed_is_in_force():
    """Every gateway has confirmed the newest revision and nothing waits for a number."""
    found = feed_view((view(), view()), policy={})
    assert (found.in_force, found.gateways, found.bound_ms) == (2, 2, None)


@pytest.mark.parametrize(
    "late",
    [
        {"acked_revision": 9},
        {"waiting": 1},
        {"acked_epoch": 1},
        {"acked_root": "other"},
        {"ready": False},
        {"sweep_after": 7},
        {"epoch": None, "revision": None},
    ],
)
def test_anything_unconfirmed_is_pending_with_its_bound(late):
    """Unsent, unconfirmed, of another epoch or root: pending, until the end of the lease at the latest."""
    found = feed_view((view(**late), view()), policy={})
    assert (found.in_force, found.bound_ms) == (1, 71 * HOUR_MS)


def test_the_bound_follows_the_sites_policy():
    """Deny at the end of the lease; some hours later; or no bound at all."""
    late = (view(acked_revision=9),)
    hours = {"after_lease": "pass_for_hours", "after_lease_hours": 5}
    assert feed_view(late, policy={"after_lease": "deny"}).bound_ms == 71 * HOUR_MS
    assert feed_view(late, policy=hours).bound_ms == 76 * HOUR_MS
    assert feed_view(late, policy={"after_lease": "pass_and_flag"}).bound_ms is None


def test_a_lease_that_ran_out_bounds_at_once():
    """A gateway without a lease has already stopped."""
    assert feed_view((view(acked_revision=9, lease_until_ms=0),), policy={}).bound_ms == 0
    assert feed_view((view(acked_revision=9, lease_until_ms=None),), policy={}).bound_ms == 0


def test_a_revoked_gateway_is_not_waited_for():
    """It will never confirm anything."""
    found = feed_view((view(), view(revoked_at_ms=1, acked_revision=1)), policy={})
    assert (found.in_force, found.gateways) == (1, 1)


@pytest.mark.parametrize(
    ("state", "device", "online", "condition"),
    [
        ("idle", "up", True, LaneCondition.READY),
        ("granted", "up", True, LaneCondition.READY),
        ("idle", "up", False, LaneCondition.OFFLINE),
        ("idle", "fault", True, LaneCondition.FAULT),
        ("door_forced", "up", True, LaneCondition.FORCED),
        ("door_held", "up", True, LaneCondition.HELD),
    ],
)
def test_a_lane_is_as_its_gateway_last_said(state, device, online, condition):
    """Ready, in fault, forced or held open, or cut off with its gateway; another lane's device is not its own."""
    reported = {
        "doors": [{"name": "lane-1", "state": state}, {"name": "lane-10", "state": "idle"}],
        "devices": [{"name": "lane-1-relay", "state": device, "detail": "gone"}],
    }
    first, other = lanes(reported, (), online=online)
    assert (first.name, first.condition) == ("lane-1", condition)
    assert first.detail == ("lane-1-relay: gone" if device != "up" else None)
    assert other.condition is (LaneCondition.READY if online else LaneCondition.OFFLINE)


def test_a_silent_gateway_is_not_shown_online():
    """Broker and gateway may die together, and no will arrives."""
    assert view().online
    assert not view(seen_at_ms=0).online


def test_a_gateway_that_never_reported_has_no_lanes():
    """Nothing is invented."""
    assert lanes({}, (), online=False) == []


def test_remarks_of_devices_are_passed_on():
    """What a device says of itself although it is well; a gateway of before says nothing."""
    devices = [
        {"name": "lane-1-reader", "state": "up", "remarks": ["copyable:em4100"]},
        {"name": "lane-1-relay", "state": "up", "remarks": []},
        {"name": "old", "state": "up"},
    ]
    found = view(reported={"doors": [], "devices": devices, "journal_pending": 0})
    assert found.remarks == (("lane-1-reader", ("copyable:em4100",)),)
