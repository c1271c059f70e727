"""Every committed event is here exactly once, and only what is here is acknowledged."""

import itertools
import random
from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from portillon_cloud.attendance.content import Sender
from portillon_cloud.attendance.intake import AWAITED_MAX, Taken, acknowledged, stored, take_in
from portillon_cloud.attendance.tables import journal_event
from portillon_cloud.database import Database
from portillon_rules.decision import TimeQuality
from portillon_wire.messages import EventTime, JournalBatch, JournalEvent
from sqlalchemy import select

_NUMBERS = itertools.count()
Make = Callable[..., JournalEvent]


def give(db: Database, sender: Sender, *events: JournalEvent, journal: str = "j1") -> Taken:
    with db.write() as conn:
        return take_in(conn, JournalBatch(journal_id=journal, events=events), sender=sender, now_ms=1)


def test_a_batch_is_stored_and_acknowledged(db: Database, sender: Sender, event: Make) -> None:
    """What is committed is acknowledged, and nothing more."""
    taken = give(db, sender, event(1), event(2))
    assert (taken.ack.through, taken.ack.conflict, taken.new) == (2, False, 2)


def test_a_repeated_batch_changes_nothing(db: Database, sender: Sender, event: Make) -> None:
    """The same event delivered again, alone or with new ones, is one event."""
    give(db, sender, event(1), event(2))
    taken = give(db, sender, event(1), event(2), event(3))
    with db.read() as conn:
        assert (taken.ack.through, taken.new, stored(conn, "front")) == (3, 1, 3)


def test_a_hole_is_not_acknowledged_over(db: Database, sender: Sender, event: Make) -> None:
    """Events beyond a hole are kept, but acknowledged only when it is filled."""
    assert give(db, sender, event(1), event(4), event(5)).ack.through == 1
    assert give(db, sender, event(3)).ack.through == 1
    assert give(db, sender, event(2)).ack.through == 5


def test_what_the_gateway_has_pruned_is_not_waited_for(db: Database, sender: Sender, event: Make) -> None:
    """A restored cloud that misses rows which nobody keeps any more goes on from the oldest one there is."""
    give(db, sender, event(1))
    pruned = JournalBatch(journal_id="j1", oldest=5, events=(event(5), event(6)))
    with db.write() as conn:
        taken = take_in(conn, pruned, sender=sender, now_ms=1)
    assert (taken.ack.through, taken.new) == (6, 2)
    assert give(db, sender, event(7)).ack.through == 7


def test_another_journal_numbers_anew(db: Database, sender: Sender, event: Make) -> None:
    """Two journals of one gateway do not mix."""
    give(db, sender, event(1))
    assert give(db, sender, event(1, kind="denied"), journal="j2").ack.through == 1
    with db.read() as conn:
        assert acknowledged(conn, "front") == {"j1": 1, "j2": 1}


def test_the_same_number_with_other_content_is_a_conflict(db: Database, sender: Sender, event: Make) -> None:
    """A restored journal that numbers anew loses nothing silently: no row is stored, nothing more is acknowledged."""
    give(db, sender, event(1), event(2))
    taken = give(db, sender, event(2, kind="denied"), event(3))
    assert taken.ack.conflict
    assert (taken.ack.through, taken.new, taken.conflicts) == (2, 0, (2,))
    with db.read() as conn:
        assert stored(conn, "front") == 2


def test_a_batch_that_contradicts_itself_is_a_conflict(db: Database, sender: Sender, event: Make) -> None:
    """The same number twice in one batch is one event if equal, a conflict if not."""
    assert give(db, sender, event(1), event(1)).new == 1
    assert give(db, sender, event(2), event(2, kind="denied")).conflicts == (2,)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000), total=st.integers(1, 60))
def test_any_delivery_ends_with_each_event_once(sqlite_db: Database, seed: int, total: int) -> None:
    """Whatever is dropped, repeated and reordered: after all arrived once, all is acknowledged and nothing doubled."""
    dice = random.Random(seed)
    journal = f"j{seed}-{total}"
    with sqlite_db.write() as conn:
        from cloud.attendance.conftest import add_gym

        sender = add_gym(conn, gateway_id=f"g{next(_NUMBERS)}")
    batches = []
    for first in range(1, total + 1, 7):
        batches += [range(first, min(first + 7, total + 1))] * dice.randint(1, 3)
    dice.shuffle(batches)
    through = []
    for numbers in batches:
        events = tuple(_event(number) for number in numbers)
        through.append(give(sqlite_db, sender, *events, journal=journal).ack.through)
    assert through == sorted(through)
    assert through[-1] == total
    with sqlite_db.read() as conn:
        assert stored(conn, sender.gateway_id) == total


def _event(number: int) -> JournalEvent:
    at = EventTime(boot_id="b", boot_ns=number, real_ms=number, business_ms=number, quality=TimeQuality.CERTAIN)
    return JournalEvent(sequence=number, kind="passage", at=at)


def test_uncertain_events_are_dated_by_their_boot(db: Database, sender: Sender, event: Make) -> None:
    """What was written before the gateway knew the time gets its date when the boot's time becomes certain."""

    def at(boot_ns: int, real_ms: int | None, quality: TimeQuality, boot: str = "boot-7") -> EventTime:
        return EventTime(boot_id=boot, boot_ns=boot_ns, real_ms=real_ms, business_ms=real_ms, quality=quality)

    give(db, sender, event(1, at=at(5_000_000_000, None, TimeQuality.UNKNOWN)))
    give(db, sender, event(2, at=at(6_000_000_000, 77, TimeQuality.UNCERTAIN)))
    give(db, sender, event(3, at=at(6_000_000_000, 77, TimeQuality.UNCERTAIN, boot="boot-6")))
    give(db, sender, event(4, at=at(9_000_000_000, 1_000_000, TimeQuality.CERTAIN)))
    give(db, sender, event(5, at=at(4_000_000_000, 1, TimeQuality.UNCERTAIN)))
    column = journal_event.c
    with db.read() as conn:
        dated = conn.execute(
            select(column.real_ms, column.at_ms, column.dated_by, column.quality).order_by(column.sequence)
        ).all()
    assert [tuple(one) for one in dated] == [
        (996_000, 996_000, "anchor", "unknown"),
        (997_000, 997_000, "anchor", "uncertain"),
        (77, 77, "gateway", "uncertain"),
        (1_000_000, 1_000_000, "gateway", "certain"),
        (995_000, 995_000, "anchor", "uncertain"),
    ]


def give_after(db: Database, sender: Sender, before: JournalEvent, *events: JournalEvent) -> Taken:
    batch = JournalBatch(journal_id="j1", events=events, before=before)
    with db.write() as conn:
        return take_in(conn, batch, sender=sender, now_ms=1)


def test_a_batch_that_comes_after_another_event_is_refused(db: Database, sender: Sender, event: Make) -> None:
    """Who shows another event under the number before has another past: nothing of theirs is stored or acknowledged."""
    give(db, sender, event(1), event(2))
    refused = give_after(db, sender, event(2, kind="denied"), event(3))
    assert (refused.ack.through, refused.ack.conflict, refused.conflicts, refused.new) == (2, True, (2,), 0)
    assert give_after(db, sender, event(2), event(3)).ack.through == 3


def test_who_fills_a_hole_must_be_whom_what_is_beyond_came_after(db: Database, sender: Sender, event: Make) -> None:
    """A batch that overtook others says what is to come before it; another event there is refused, also much later."""
    give(db, sender, event(1))
    assert give_after(db, sender, event(3), event(4), event(5)).ack.through == 1
    refused = give_after(db, sender, event(1), event(2), event(3, kind="denied"))
    assert (refused.ack.through, refused.ack.conflict, refused.conflicts) == (1, True, (3,))
    assert give_after(db, sender, event(1), event(2), event(3)).ack.through == 5
    assert give_after(db, sender, event(5), event(6)).ack.through == 6


def test_so_many_batches_may_overtake_others(db: Database, sender: Sender, event: Make) -> None:
    """What is remembered of the holes of one journal is bounded: further batches come again when the first is here."""
    for number in range(4, 4 + 2 * AWAITED_MAX, 2):
        assert give_after(db, sender, event(number - 1), event(number)).new == 1
    number = 4 + 2 * AWAITED_MAX
    assert give_after(db, sender, event(number - 1), event(number)).new == 0
    assert give(db, sender, event(1), event(2), event(3)).ack.through == 4
    assert give_after(db, sender, event(number - 1), event(number)).new == 1
