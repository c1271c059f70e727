"""Damage is mended by its buckets, whatever is lost, repeated or late; where that does not help, by a snapshot."""

import random

import pytest
from edge.feed_maker import FeedMaker, entitled, policy, removed
from edge.sync.desk import Desk, acted, only, reasons, reports
from hypothesis import given, settings
from hypothesis import strategies as st
from portillon_edge.sync.effects import RepairTable, SessionEffect
from portillon_edge.sync.inputs import (
    Connected,
    Disconnected,
    RepairFailed,
    RowDamageFound,
    SnapshotBuilt,
)
from portillon_edge.sync.repair_flow import ASKED_MAX, RepairFlow
from portillon_wire.digest import bucket_of
from portillon_wire.messages import EventKind, WantedRows
from portillon_wire.repair import BucketRows

PEOPLE = 60


@pytest.fixture
def feed() -> FeedMaker:
    made = FeedMaker()
    made.entry(policy(), *(entitled(number) for number in range(PEOPLE)))
    return made


@pytest.fixture
def desk(feed: FeedMaker) -> Desk:
    ready = Desk()
    ready.start(feed)
    ready.repairs = True
    return ready


def wishes(done: list[SessionEffect]) -> list[WantedRows]:
    """The questions among what was told."""
    return [report.want_rows for report in reports(done) if report.want_rows is not None]


def whole(desk: Desk, feed: FeedMaker) -> bool:
    """Whether the gateway has the cloud's rows, revision and root, and the sums of those very rows."""
    here = (desk.position.epoch, desk.position.revision, desk.position.root)
    return desk.rows == feed.rows and here == (feed.epoch, feed.revision, feed.digest.root()) and (
        desk.digest.root() == feed.digest.root()
    )  # fmt: skip


def test_a_damaged_row_costs_its_bucket_and_no_snapshot(desk: Desk, feed: FeedMaker) -> None:
    """One question at the position in force, one answer, and the row is right again."""
    damage = desk.rot(3)
    done = desk.give(RowDamageFound("a flipped bit", damage))
    (asked,) = wishes(done)
    assert reasons(done, EventKind.ALARM) == ["row_damaged"] and not reports(done)[0].want_snapshot
    assert asked == WantedRows(epoch=1, revision=1, root=feed.digest.root(), buckets=tuple(damage))
    done = desk.feed(feed.answer(asked))
    assert len(only(RepairTable, done)) == 1 and whole(desk, feed)
    assert not wishes([*done, *desk.wait(120)]), "nothing more is asked for"


def test_a_bucket_comes_in_as_many_parts_as_it_takes(desk: Desk, feed: FeedMaker) -> None:
    """Each part is asked for after the last row of the one before; a part that comes twice counts once."""
    damage = desk.rot(1) | desk.rot(2) | desk.rot(3)
    done, parts = desk.give(RowDamageFound("three", damage)), 0
    while asked := wishes(done):
        answer = feed.answer(asked[-1], most=1)
        done = desk.feed(answer, answer)
        parts += 1
    assert parts == 3 and whole(desk, feed)


def test_an_entry_that_meets_a_damaged_row_is_overtaken_by_the_repair(desk: Desk, feed: FeedMaker) -> None:
    """The root does not fit; the cloud is further and tells its sums; all that differs comes, and the feed goes on."""
    desk.rot(3)
    done = desk.feed(feed.entry(removed(3), entitled(4, member="other")))
    assert reasons(done, EventKind.ALARM) == ["root_differs"] and desk.position.revision == 1
    assert acted(desk.feed(feed.entry(entitled(80)))) == [], "nothing is applied on top of doubt"
    (asked,) = wishes(done)
    (again,) = wishes(desk.feed(feed.answer(asked)))
    assert again.revision == 3 and len(again.buckets) == 3
    desk.feed(feed.answer(again))
    assert whole(desk, feed)
    desk.feed(feed.entry(entitled(81)))
    assert whole(desk, feed)


def test_a_lost_answer_is_asked_for_again(desk: Desk, feed: FeedMaker) -> None:
    """After 1, 2, 4, 8 s; whoever is disconnected asks when they are back."""
    desk.give(RowDamageFound("a flipped bit", desk.rot(3)))
    assert [len(wishes(desk.wait(seconds))) for seconds in (0.9, 0.2, 1.8, 0.2)] == [0, 1, 0, 1]
    desk.give(Disconnected())
    assert not wishes(desk.wait(300))
    (asked,) = wishes(desk.give(Connected()))
    desk.feed(feed.answer(asked))
    assert whole(desk, feed)


def test_ablation_without_its_timer_a_lost_answer_is_never_asked_for_again(
    desk: Desk, feed: FeedMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reports that go out anyway ask for no rows: only the timer does."""
    monkeypatch.setattr(RepairFlow, "wait", lambda *_: None)
    desk.give(RowDamageFound("a flipped bit", desk.rot(3)))
    assert not wishes(desk.wait(3_600)) and not whole(desk, feed)


def test_a_cloud_that_knows_no_repair_is_asked_for_a_snapshot(desk: Desk, feed: FeedMaker) -> None:
    """After five unanswered questions, within a minute."""
    done = desk.give(RowDamageFound("a flipped bit", desk.rot(3)))
    done += desk.wait(45)
    assert len(wishes(done)) == ASKED_MAX and reports(done)[-1].want_snapshot
    offer, _ = feed.snapshot()
    desk.take_snapshot(feed)
    desk.feed(offer)
    desk.give(SnapshotBuilt(offer))
    assert whole(desk, feed) and not wishes(desk.wait(300))


def test_rows_that_do_not_help_are_tried_twice(desk: Desk, feed: FeedMaker) -> None:
    """Another root is no accident of the line: the second time a snapshot is asked for."""
    desk.unrepairable = RepairFailed("another root", transient=False)
    (first,) = wishes(desk.give(RowDamageFound("a flipped bit", desk.rot(3))))
    done = desk.feed(feed.answer(first))
    (second,) = wishes(done)
    assert reasons(done, EventKind.ALARM) == ["repair_failed"]
    done = desk.feed(feed.answer(second))
    assert reports(done)[-1].want_snapshot and not wishes(done)


def test_a_full_disk_is_not_asked_for_rows_in_a_loop(desk: Desk, feed: FeedMaker) -> None:
    """What cannot be written is asked for again after ten seconds, until it can."""
    desk.unrepairable = RepairFailed("disk full", transient=True)
    (asked,) = wishes(desk.give(RowDamageFound("a flipped bit", desk.rot(3))))
    for _ in range(4):
        assert not wishes(desk.feed(feed.answer(asked)))
        assert not wishes(desk.wait(9))
        (asked,) = wishes(desk.wait(1.5))
    desk.unrepairable = None
    desk.feed(feed.answer(asked))
    assert whole(desk, feed)


def test_too_much_doubt_is_a_matter_for_a_snapshot(desk: Desk) -> None:
    """With more than 64 buckets, or if nobody knows which, rows by bucket cost more than all of them packed."""
    assert reports(desk.give(RowDamageFound("half of it", frozenset(range(65)))))[-1].want_snapshot
    other = Desk()
    made = FeedMaker()
    made.entry(policy())
    other.start(made)
    assert reports(other.give(RowDamageFound("somewhere")))[-1].want_snapshot


def test_the_feed_goes_on_while_a_row_is_mended(desk: Desk, feed: FeedMaker) -> None:
    """A revocation does not wait for the repair; what was asked for at the old position is asked for at the new one."""
    (asked,) = wishes(desk.give(RowDamageFound("a flipped bit", desk.rot(3))))
    late = feed.answer(asked)
    done = desk.feed(feed.entry(removed(9)))
    assert desk.position.revision == 2
    assert not only(RepairTable, desk.feed(late)), "it answers another question"
    desk.feed(feed.answer(asked))
    done += desk.wait(2)
    desk.feed(feed.answer(wishes(done)[-1]))
    assert whole(desk, feed)


def test_late_sums_start_nothing(desk: Desk, feed: FeedMaker) -> None:
    """Sums of a position that is in force already, or that nobody asked for, change nothing."""
    asked = WantedRows(epoch=1, revision=0, root="", buckets=(1,))
    assert desk.feed(feed.answer(asked)) == []
    desk.give(RowDamageFound("a flipped bit", desk.rot(3)))
    assert desk.feed(feed.answer(asked)) == []


@settings(deadline=None, max_examples=80)
@given(seed=st.integers(0, 2**32))
def test_any_damage_and_any_loss_end_at_the_cloud_s_rows(seed: int) -> None:
    """Rows rot at any time, entries and answers are lost, doubled and shuffled: what is asked for is enough, and of
    small damage no snapshot is needed unless answers were lost many times over."""
    chance = random.Random(seed)
    feed = FeedMaker()
    feed.entry(policy(), *(entitled(number) for number in range(PEOPLE)))
    desk = Desk()
    desk.start(feed)
    desk.repairs = True
    answered = 0
    late: list[BucketRows] = []

    def answer(loss: float) -> None:
        nonlocal answered
        for report in reports(desk.done[answered:]):
            if report.want_snapshot:
                offer, _ = feed.snapshot()
                desk.take_snapshot(feed)
                desk.feed(offer)
                desk.give(SnapshotBuilt(offer))
            elif report.want_rows is not None and chance.random() > loss:
                rows = feed.answer(report.want_rows, most=chance.choice((1, 2, 1000)))
                late.extend([rows] if isinstance(rows, BucketRows) else [])
                desk.feed(*[rows] * chance.choice((1, 1, 2)))
            elif report.revision < feed.revision and chance.random() > loss:
                last = min(report.want_to or feed.revision, feed.revision)
                desk.feed(*(feed.entries[n] for n in range(report.revision + 1, last + 1)))
            if late and chance.random() < loss:
                desk.feed(chance.choice(late))
        answered = len(desk.done)

    for _ in range(chance.randint(1, 20)):
        if chance.random() < 0.4:
            number = chance.randrange(PEOPLE)
            if ("entitlement", entitled(number).key) in feed.rows:
                damage = desk.rot(number)
                if chance.random() < 0.7:
                    desk.give(RowDamageFound("met at the door", damage))
        entry = feed.entry(chance.choice((entitled, removed))(chance.randrange(PEOPLE)))
        if chance.random() < 0.7:
            desk.feed(entry)
        desk.wait(chance.random() * 3)
        answer(0.4)
        if chance.random() < 0.1:
            desk.give(Disconnected(), Connected())
    for _ in range(40):
        # The walk of the day: what is not what was applied is found, sooner or later.
        wrong = {name for name in desk.rows if desk.rows[name] == b'{"rotten":1}'}
        if wrong:
            desk.give(RowDamageFound("scrubbed", frozenset(bucket_of(*name) for name in wrong)))
        desk.wait(2)
        answer(0.0)
    assert whole(desk, feed)
