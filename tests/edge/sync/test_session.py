"""The feed is applied in order and whole, doubts end in a snapshot, and nothing unsigned does anything."""

import base64
import json
import random

import pytest
from edge.feed_maker import NOON_MS, FeedMaker, entitled, policy, removed, signed
from edge.sync.desk import MS, Desk, S, acted, only, reasons, reports
from hypothesis import given, settings
from hypothesis import strategies as st
from portillon_edge.domain.position import EMPTY
from portillon_edge.sync.effects import (
    ApplyEntry,
    BuildSnapshot,
    CancelSnapshot,
    EpochBegun,
    SaveLease,
    SendReport,
    SwitchSnapshot,
)
from portillon_edge.sync.feed_buffer import CAPACITY
from portillon_edge.sync.inputs import (
    ApplyFailed,
    Connected,
    Disconnected,
    Received,
    RowDamageFound,
    SnapshotBuilt,
    SnapshotFailed,
    TableLost,
)
from portillon_rules.decision import TimeQuality
from portillon_wire.messages import EventKind
from portillon_wire.signature import SigningKey
from portillon_wire.topics import Down


@pytest.fixture
def feed() -> FeedMaker:
    made = FeedMaker()
    made.entry(policy(), entitled(1))
    return made


@pytest.fixture
def desk(feed: FeedMaker) -> Desk:
    ready = Desk()
    ready.start(feed)
    return ready


def test_an_empty_gateway_asks_for_a_snapshot_until_it_gets_one(feed: FeedMaker) -> None:
    """It says where it stands, again and again at growing intervals, until an offer comes."""
    desk = Desk()
    (first,) = reports(desk.give(Connected()))
    assert (first.epoch, first.revision, first.root, first.want_snapshot) == (0, 0, "", True)
    assert 4 <= len(reports(desk.wait(60))) <= 6
    offer, _ = feed.snapshot()
    assert desk.feed(offer) == [BuildSnapshot(offer)]
    assert not reports(desk.wait(2))[-1:] or not reports(desk.wait(60))[-1].want_snapshot


def test_a_snapshot_in_force_is_reported_and_journals_begin_the_epoch(feed: FeedMaker) -> None:
    """The switch is followed by the new epoch for the journals and by a report of the position."""
    desk = Desk()
    desk.give(Connected())
    offer, _ = feed.snapshot()
    desk.take_snapshot(feed)
    desk.feed(offer)
    done = desk.give(SnapshotBuilt(offer))
    assert [type(effect) for effect in done] == [SwitchSnapshot, EpochBegun, SendReport]
    (report,) = reports(done)
    assert (report.epoch, report.revision, report.root, report.want_snapshot) == (1, 1, feed.digest.root(), False)


def test_an_entry_is_applied_then_reported(desk: Desk, feed: FeedMaker) -> None:
    """First the commit, then the acknowledgement, with the root after it."""
    done = desk.feed(feed.entry(removed(1)))
    assert [type(effect) for effect in done] == [ApplyEntry, SendReport]
    assert reports(done)[0].root == feed.digest.root()


def test_entries_out_of_order_wait_for_their_turn(desk: Desk, feed: FeedMaker) -> None:
    """Whatever order they come in, they are applied in theirs."""
    second, third, fourth = (feed.entry(entitled(n)) for n in (2, 3, 4))
    assert acted(desk.feed(fourth, third)) == []
    applied = only(ApplyEntry, desk.feed(second))
    assert [effect.entry.revision for effect in applied] == [2, 3, 4]
    assert desk.position.root == feed.digest.root()


def test_a_gap_is_asked_for_between_half_a_second_and_one(desk: Desk, feed: FeedMaker) -> None:
    """The missing range is named; while it is missing it is asked for less and less often, and not without end."""
    missing = [feed.entry(entitled(n)) for n in (2, 3)]
    desk.feed(feed.entry(entitled(4)))
    assert not reports(desk.wait(0.49))
    (asked,) = reports(desk.wait(0.52))
    assert (asked.want_from, asked.want_to) == (2, 3)
    again = [report for report in reports(desk.wait(120)) if report.want_from]
    assert 4 <= len(again) <= 9
    desk.feed(*missing)
    assert desk.position.revision == 4
    assert not [report for report in reports(desk.wait(120)) if report.want_from]


def test_ablation_a_gap_that_is_not_noticed_never_heals(desk: Desk, feed: FeedMaker) -> None:
    """Without the gap's timer nobody would ask: the later entry would wait for ever."""
    feed.entry(entitled(2))
    desk.feed(feed.entry(entitled(3)))
    desk.session._gap_at_ns = None
    assert not [report for report in reports(desk.wait(600)) if report.want_from]
    assert desk.position.revision == 1


def test_what_is_in_force_is_confirmed_again_and_changes_nothing(desk: Desk, feed: FeedMaker) -> None:
    """A repeated entry gets one report per burst, and no second commit."""
    entry = feed.entry(entitled(2))
    desk.feed(entry)
    desk.now_ns += S
    done = desk.feed(entry, entry, entry)
    assert acted(done) == [] and len(reports(done)) == 1


def test_the_buffer_is_bounded(desk: Desk, feed: FeedMaker) -> None:
    """A cloud that runs far ahead costs a bounded number of entries; the rest is asked for again."""
    missing = feed.entry(entitled(2))
    ahead = [feed.entry(entitled(3, member=f"m{n}")) for n in range(CAPACITY + 100)]
    desk.feed(*reversed(ahead))
    desk.feed(missing)
    assert desk.position.revision == 1 + CAPACITY, "the highest gave way to the missing one"
    asked = [report for report in reports(desk.wait(2)) if report.want_from]
    assert (asked[0].want_from, asked[0].want_to) == (desk.position.revision + 1, feed.revision)


def test_a_long_catch_up_reports_now_and_then(desk: Desk, feed: FeedMaker) -> None:
    """A thousand entries are not a thousand reports, but the last position is always told."""
    entries = [feed.entry(entitled(2, member=f"m{n}")) for n in range(300)]
    done = desk.feed(*entries[1:], entries[0])
    assert desk.position.revision == 301
    assert 5 <= len(reports(done)) <= 15 and reports(done)[-1].revision == 301


def test_a_root_that_does_not_fit_stops_the_feed_and_asks_for_a_snapshot(desk: Desk, feed: FeedMaker) -> None:
    """The entry is not in, an alarm says so, nothing is applied on top of it; the snapshot heals."""
    wrong = feed.entry(entitled(2)).model_copy(update={"changes": (entitled(3),)})
    done = desk.feed(wrong)
    assert reasons(done, EventKind.ALARM) == ["root_differs"]
    assert reports(done)[-1].want_snapshot and desk.position.revision == 1
    assert acted(desk.feed(feed.entry(entitled(4)))) == []
    offer, _ = feed.snapshot()
    desk.take_snapshot(feed)
    desk.feed(offer)
    desk.give(SnapshotBuilt(offer))
    assert desk.position.root == feed.digest.root()
    assert only(ApplyEntry, desk.feed(feed.entry(entitled(5))))


def test_deltas_go_on_while_a_snapshot_is_built_and_into_it(desk: Desk, feed: FeedMaker) -> None:
    """What is applied meanwhile is handed to the new table before the switch: no revocation is undone by it."""
    desk.give(RowDamageFound("a flipped bit"))
    offer, _ = feed.snapshot()
    desk.take_snapshot(feed)
    assert desk.feed(offer) == [BuildSnapshot(offer)]
    later = feed.entry(removed(1))
    assert only(ApplyEntry, desk.feed(later))
    (switch,) = only(SwitchSnapshot, desk.give(SnapshotBuilt(offer)))
    assert switch.catch_up == (later,)
    assert desk.position.revision == 2


def test_entries_of_a_new_epoch_wait_for_its_snapshot(desk: Desk, feed: FeedMaker) -> None:
    """A new epoch's entries are not applied to the old table; they follow its snapshot at once."""
    new = FeedMaker(epoch=2)
    new.entry(policy(), entitled(7))
    offer, _ = new.snapshot()
    desk.take_snapshot(new)
    desk.feed(offer)
    entry = new.entry(entitled(8))
    assert acted(desk.feed(entry)) == []
    done = desk.give(SnapshotBuilt(offer))
    assert (desk.position.epoch, desk.position.revision) == (2, 2)
    assert EpochBegun(2) in done


def test_a_snapshot_that_would_lead_back_is_not_put_in_force(desk: Desk, feed: FeedMaker) -> None:
    """If entries in force are missing for the new table, it is given up and another one is asked for."""
    desk.give(RowDamageFound("a flipped bit"))
    offer, _ = feed.snapshot()
    desk.feed(offer)
    desk.feed(feed.entry(removed(1)))
    desk.session._flow._since.clear()
    done = desk.give(SnapshotBuilt(offer))
    assert not only(SwitchSnapshot, done) and desk.position.revision == 2
    assert reports(desk.wait(60))[-1].want_snapshot


def test_an_older_snapshot_is_refused(desk: Desk, feed: FeedMaker) -> None:
    """A lower revision in the same epoch, or an older epoch: recorded, and nothing is fetched."""
    old, _ = feed.snapshot()
    desk.feed(feed.entry(entitled(2)), feed.entry(entitled(3)))
    done = desk.feed(old, old.model_copy(update={"epoch": 0, "revision": 9}))
    assert acted(done) == [] and reasons(done) == ["old_revision", "old_epoch"]


def test_a_better_offer_replaces_the_one_under_way(desk: Desk, feed: FeedMaker) -> None:
    """A newer snapshot cancels the older download; the same or an older offer changes nothing."""
    new = FeedMaker(epoch=2)
    new.entry(policy())
    first, _ = new.snapshot()
    desk.feed(first)
    new.entry(entitled(1))
    second, _ = new.snapshot()
    assert desk.feed(second) == [CancelSnapshot(), BuildSnapshot(second)]
    assert desk.feed(first, second) == []
    assert desk.give(SnapshotBuilt(first)) == []


def test_a_download_that_stops_is_tried_again_and_a_bad_snapshot_is_not(desk: Desk) -> None:
    """Transient failures retry the same offer with growing pauses; a refused one is reported and asked for anew."""
    new = FeedMaker(epoch=2)
    new.entry(policy())
    offer, _ = new.snapshot()
    desk.feed(offer)
    for _ in range(3):
        assert desk.give(SnapshotFailed(offer, "cut", transient=True)) == []
        assert only(BuildSnapshot, desk.wait(10)) == [BuildSnapshot(offer)]
    done = desk.give(SnapshotFailed(offer, "another root", transient=False))
    assert reasons(done, EventKind.ALARM) == ["snapshot_refused"]
    assert reports(desk.wait(60))[-1].want_snapshot
    assert desk.feed(offer) == [BuildSnapshot(offer)]


def test_a_lost_table_is_asked_for_again(desk: Desk, feed: FeedMaker) -> None:
    """After quarantine the gateway stands at nothing, says so, and comes back through a snapshot of the same epoch."""
    desk.position = EMPTY
    done = desk.give(TableLost("malformed"))
    assert reasons(done, EventKind.ALARM) == ["table_lost"]
    (report,) = reports(done)
    assert (report.epoch, report.want_snapshot) == (0, True)
    offer, _ = feed.snapshot()
    desk.take_snapshot(feed)
    desk.feed(offer)
    desk.give(SnapshotBuilt(offer))
    assert desk.position.root == feed.digest.root()


def test_a_full_disk_is_tried_again_later(desk: Desk, feed: FeedMaker) -> None:
    """An entry that could not be committed is not reported; it is tried again until there is room."""
    desk.broken = ApplyFailed("disk full", transient=True)
    done = desk.feed(feed.entry(entitled(2)))
    assert not reports(done) and reasons(done, EventKind.ALARM) == ["store_fails"]
    assert only(ApplyEntry, desk.wait(10))
    desk.broken = None
    desk.wait(60)
    assert desk.position.revision == 2 and reports(desk.done)[-1].revision == 2


def test_nothing_is_said_while_disconnected(desk: Desk, feed: FeedMaker) -> None:
    """Without a connection no report is made; with a new one the position is told at once."""
    desk.give(Disconnected())
    assert not reports([*desk.feed(feed.entry(entitled(2))), *desk.wait(300)])
    assert reports(desk.give(Connected()))[0].revision == 2


# Leases ----------------------------------------------------------------------------------------------------------


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


# What must do nothing --------------------------------------------------------------------------------------------


def test_forged_foreign_retained_and_malformed_messages_do_nothing_but_get_recorded(
    desk: Desk, feed: FeedMaker
) -> None:
    """Feed and lease alike: nothing but one event each."""
    stranger = SigningKey.generate("k1")
    entry, lease = feed.entry(removed(1)), feed.lease(revision=1)
    foreign = entry.model_copy(update={"gateway": "gw2"})
    header, _, signature = signed(entry).split(b".")
    other = base64.urlsafe_b64encode(json.dumps({"v": 1}).encode()).rstrip(b"=")
    tries = [
        (Received(Down.FEED, signed(entry, stranger)), "forged"),
        (Received(Down.LEASE, signed(lease, stranger)), "forged"),
        (Received(Down.FEED, b".".join((header, other, signature))), "forged"),
        (Received(Down.FEED, signed(foreign)), "foreign"),
        (Received(Down.LEASE, signed(lease.model_copy(update={"gateway": "gw2"}))), "foreign"),
        (Received(Down.FEED, signed(entry), retained=True), "retained"),
        (Received(Down.LEASE, signed(lease), retained=True), "retained"),
        (Received(Down.FEED, signed(lease)), "malformed"),
        (Received(Down.LEASE, signed(entry)), "malformed"),
        (Received(Down.FEED, b"\x00\xff junk"), "malformed"),
        (Received(Down.LEASE, b""), "malformed"),
        (Received(Down.FEED, signed(entry.model_copy(update={"v": 2}))), "unknown_version"),
    ]
    for received, reason in tries:
        done = desk.give(received)
        assert reasons(done) == [reason], received
        assert len(done) == 1
    assert desk.position.revision == 1 and desk.keeper.lease_counter == 0


def test_a_flood_of_forged_messages_does_not_flood_the_journal(desk: Desk) -> None:
    """A thousand of them are a few events; the count of the rest is told later."""
    done = desk.give(*[Received(Down.FEED, b"junk")] * 1_000)
    assert len(done) == 20
    desk.now_ns += 60 * S
    (late,) = desk.give(Received(Down.FEED, b"junk"))
    assert "980 more" in late.detail  # type: ignore[union-attr]


@given(st.binary(max_size=200))
def test_no_bytes_make_the_session_fail(junk: bytes) -> None:
    """Whatever arrives under whichever name: an event, no exception, no action."""
    desk = Desk()
    desk.give(Connected())
    for name in Down:
        assert acted(desk.give(Received(name, junk))) == []


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 2**32))
def test_any_loss_repetition_and_order_ends_at_the_cloud_s_root(seed: int) -> None:
    """Entries lost, doubled and shuffled, snapshots in between, connections lost: what is asked for is enough to heal,
    and no entry is ever applied out of order (the desk checks)."""
    chance = random.Random(seed)
    feed = FeedMaker()
    feed.entry(policy(), entitled(1))
    desk = Desk()
    desk.start(feed)
    asked = 0

    def answer() -> None:
        nonlocal asked
        for report in reports(desk.done[asked:]):
            if report.want_snapshot:
                offer, _ = feed.snapshot()
                desk.take_snapshot(feed)
                desk.feed(offer)
                desk.give(SnapshotBuilt(offer))
            elif report.epoch == feed.epoch and report.revision < feed.revision and chance.random() < 0.7:
                last = min(report.want_to or feed.revision, feed.revision)
                desk.feed(*(feed.entries[n] for n in range(report.revision + 1, last + 1)))
        asked = len(desk.done)

    for step in range(chance.randint(1, 25)):
        batch = [feed.entry(entitled(chance.randint(1, 5), member=f"m{step}.{n}")) for n in range(chance.randint(1, 4))]
        arriving = [entry for entry in batch * 2 if chance.random() < 0.6]
        chance.shuffle(arriving)
        desk.feed(*arriving)
        if chance.random() < 0.1:
            desk.give(Disconnected(), Connected())
        if chance.random() < 0.1:
            desk.give(RowDamageFound("a flipped bit"))
        desk.now_ns += chance.randint(0, 3_000) * MS
        desk.wait(0)
        if chance.random() < 0.5:
            answer()
    for _ in range(40):
        desk.wait(2)
        answer()
    assert desk.position.revision == feed.revision
    assert desk.position.root == desk.digest.root() == feed.digest.root()
