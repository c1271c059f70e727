"""A lease counts only for what is in force here, once, and a wrong one is an event."""

import pytest
from edge.feed_maker import NOON_MS, FeedMaker, entitled
from edge.sync.desk import Desk, acted, only, reasons, reports
from portillon_edge.sync.effects import (
    Record,
    SaveLease,
    SendReport,
)
from portillon_rules.decision import TimeQuality
from portillon_wire.messages import EventKind


def test_a_lease_is_adopted_saved_and_reported(desk: Desk, feed: FeedMaker) -> None:
    """Saved before it is confirmed; the report carries its counter and clock."""
    done = desk.feed(feed.lease())
    assert [type(effect) for effect in done] == [SaveLease, SendReport]
    assert reports(done)[0].lease_counter == 1
    assert desk.keeper.at(desk.now_ns).quality is TimeQuality.CERTAIN


def test_a_lease_is_saved_every_minute(desk: Desk, feed: FeedMaker) -> None:
    """What was spent is on the disk within a minute, whatever happens then."""
    desk.feed(feed.lease())
    desk.done.clear()
    saved = only(SaveLease, desk.wait(600))
    assert len(saved) == 10
    assert saved[-1].saved.spent_ms >= 540_000


def test_a_lease_for_a_revision_passed_by_counts_if_its_root_was_in_force(desk: Desk, feed: FeedMaker) -> None:
    """Two entries later the lease for the earlier revision is still good; one with another root never is."""
    lease = feed.lease()
    wrong = feed.lease(root="f" * 32)
    desk.feed(feed.entry(entitled(2)), feed.entry(entitled(3)))
    done = desk.feed(wrong)
    assert not only(SaveLease, done) and reasons(done, EventKind.ALARM) == ["root_differs"]
    assert reports(done)[-1].want_snapshot
    assert only(SaveLease, desk.feed(lease))


def test_a_lease_for_what_is_not_here_yet_is_no_lease(desk: Desk, feed: FeedMaker) -> None:
    """It tells that entries are missing, which are asked for; it is not adopted."""
    feed.entry(entitled(2))
    done = desk.feed(feed.lease())
    assert not only(SaveLease, done)
    assert [report.want_from for report in reports(desk.wait(1.1))] == [2]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"epoch": 0}, "old_epoch"),
        ({"mode": "test"}, "wrong_mode"),
        ({"rate": 0}, "live_clock_turned"),
        ({"business_ms": NOON_MS + 9_000_000}, "live_clock_turned"),
        ({"issued_ms": NOON_MS + 200_000, "business_ms": NOON_MS + 200_000}, "clock_step"),
        ({"counter": 0}, "old_counter"),
    ],
)
def test_a_lease_that_must_not_count_is_recorded(
    desk: Desk, feed: FeedMaker, changes: dict[str, object], reason: str
) -> None:
    """Each wrong lease is an event with its reason, and changes neither time nor what is left."""
    desk.feed(feed.lease())
    before = desk.keeper.at(desk.now_ns)
    done = desk.feed(feed.lease(**changes))
    assert reasons(done) == [reason] and acted(done) == []
    assert desk.keeper.at(desk.now_ns) == before
    assert bool(reasons(done, EventKind.ALARM)) is (reason == "clock_step")


def test_a_gateway_a_year_ahead_follows_the_mended_cloud_and_says_so(desk: Desk, feed: FeedMaker) -> None:
    """Refused while the wrong lease lasts; when it has run out, set right, saved, and an alarm tells by how much."""
    year_ms = 365 * 86_400_000
    desk.feed(feed.lease(issued_ms=NOON_MS + year_ms, business_ms=NOON_MS + year_ms))
    done, began_ns = [], desk.now_ns
    for _ in range(80):
        desk.wait(3_600)
        now_ms = NOON_MS + (desk.now_ns - began_ns) // 1_000_000
        done += desk.feed(feed.lease(issued_ms=now_ms, business_ms=now_ms))
    assert desk.keeper.real_ms(desk.now_ns) == now_ms
    assert desk.keeper.at(desk.now_ns).lease_remaining_ms == 72 * 3_600_000
    assert any("525600 minutes ahead" in effect.detail for effect in only(Record, done))


def test_a_turned_clock_counts_only_with_its_revision_and_in_test(feed: FeedMaker) -> None:
    """A test gateway follows a turned clock once the revision that belongs to it is in force, not before."""
    desk = Desk("test")
    desk.start(feed)
    desk.feed(feed.lease(mode="test"))
    entry = feed.entry(entitled(2))
    turned = feed.lease(mode="test", clock_rev=1, business_ms=NOON_MS + 10**9)
    desk.feed(turned)
    assert desk.keeper.clock_rev == 0
    desk.feed(entry, turned)
    assert desk.keeper.clock_rev == 1
    assert desk.keeper.at(desk.now_ns).business_ms == NOON_MS + 10**9
