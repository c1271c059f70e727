"""The feed is applied in order and whole, and every doubt ends in a snapshot."""

import random

from edge.feed_maker import FeedMaker, entitled, policy, removed
from edge.sync.desk import MS, Desk, S, acted, only, reasons, reports
from hypothesis import given, settings
from hypothesis import strategies as st
from portillon_edge.domain.position import EMPTY
from portillon_edge.sync.effects import (
    ApplyEntry,
    BuildSnapshot,
    CancelSnapshot,
    EpochBegun,
    SendReport,
    SwitchSnapshot,
)
from portillon_edge.sync.feed_buffer import CAPACITY
from portillon_edge.sync.inputs import (
    ApplyFailed,
    Connected,
    Disconnected,
    RowDamageFound,
    SnapshotBuilt,
    SnapshotFailed,
    TableLost,
)
from portillon_wire.messages import EventKind


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
    desk.session._gap.put_off()
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
