"""Used codes and counts of visits end by lived time too: no clock that is put right again has tidied them away."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from portillon_edge.domain.credential_facts import NS_PER_MS, CodeUsed, CounterSeen
from portillon_edge.domain.events import EventTime
from portillon_edge.domain.visit_facts import VisitReserved, VisitSpent
from portillon_edge.store import credential_memory, credential_tables
from portillon_edge.store.credential_files import SCHEMA, path_of
from portillon_edge.store.credential_memory import TIDY_NS, DurableCredentialMemory
from portillon_edge.store.credential_tables import KEEP_MS, LASTS_MS, STEPS, Age
from portillon_edge.store.schema import migrate
from portillon_rules.decision import TimeQuality
from portillon_rules.visits import Visit

NOW_MS = 1_764_604_800_000
DAY_MS = 86_400_000
YEAR_MS = 365 * DAY_MS
MONTHLY = Visit("8", 1, "2025-12")
PACK = Visit("7", 1)


def at(lived_ms: int, *, ahead_ms: int = 0, quality: TimeQuality = TimeQuality.CERTAIN) -> EventTime:
    """So long after the boot, by a clock that is so much ahead."""
    ms = NOW_MS + lived_ms + ahead_ms
    return EventTime(boot_id="boot", boot_ns=lived_ms * NS_PER_MS, real_ms=ms, business_ms=ms, quality=quality)


def tidied(memory: DurableCredentialMemory, now: EventTime) -> None:
    """A quiet moment after something was written, so that there is something to look at."""
    memory.commit([CounterSeen("card", now.boot_ns)])
    memory.tidy(now)


def counts(memory: DurableCredentialMemory) -> int:
    """Everything here that must not be given again."""
    return sum(memory.visits("m1").values()) + memory.is_used("code", NOW_MS)


@pytest.fixture
def memory(tmp_path: Path) -> DurableCredentialMemory:
    """A visit of a month, one of a pack that runs for a year and a used code, as of day 0."""
    memory = DurableCredentialMemory(tmp_path)
    memory.tidy(at(0))
    for visit, until_ms in ((MONTHLY, NOW_MS + 32 * DAY_MS), (PACK, NOW_MS + YEAR_MS)):
        memory.commit([VisitReserved("m1", visit, until_ms), VisitSpent("m1", visit, until_ms)])
    memory.commit([CodeUsed("code", NOW_MS + DAY_MS)])
    return memory


def test_a_year_that_is_taken_back_tidies_nothing_away(memory: DurableCredentialMemory) -> None:
    """A gateway after a cold boot believed a cloud that was years ahead, for days; then the clock was right again."""
    for hours in range(1, 24 * 20):
        tidied(memory, at(hours * 3_600_000, ahead_ms=3 * YEAR_MS))
    tidied(memory, at(20 * DAY_MS + TIDY_NS // NS_PER_MS))
    assert counts(memory) == 3


def test_nor_does_one_over_a_restart(memory: DurableCredentialMemory, tmp_path: Path) -> None:
    """A process that begins in the wrong year has the age of the one before it, and no more."""
    tidied(memory, at(10 * DAY_MS))
    memory.close()
    again = DurableCredentialMemory(tmp_path)
    tidied(again, at(0, ahead_ms=3 * YEAR_MS))
    assert counts(again) == 3
    again.close()
    with closing(sqlite3.connect(path_of(tmp_path, 1))) as db:
        assert credential_tables.load_lived(db) == 10 * DAY_MS


def test_without_the_lived_time_the_counts_are_gone(
    memory: DurableCredentialMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ablation: by business time alone the month, the pack and the code are there to be had again."""
    monkeypatch.setattr(Age, "at", lambda age, until_ms: -KEEP_MS - 1)
    for visit in (MONTHLY, PACK):
        memory.commit([VisitReserved("m2", visit, NOW_MS), VisitSpent("m2", visit, NOW_MS)])
    memory.tidy(at(DAY_MS, ahead_ms=3 * YEAR_MS))
    assert not memory.visits("m2")


def test_each_goes_when_its_own_life_is_over(memory: DurableCredentialMemory) -> None:
    """A month after the end that it had when it was counted: what is kept is bounded."""
    left = []
    for days in (30, 32, 61, 63, 394, 396):
        tidied(memory, at(days * DAY_MS))
        left.append(counts(memory))
    assert left == [3, 2, 2, 1, 1, 0]


def test_a_clock_that_was_ahead_leaves_nothing_for_ever(memory: DurableCredentialMemory) -> None:
    """What was counted in a wrong year goes like anything else, once that year is there or the clock is that far."""
    wrong = CodeUsed("late", NOW_MS + YEAR_MS + DAY_MS)
    memory.tidy(at(0, ahead_ms=YEAR_MS))
    memory.commit([wrong])
    tidied(memory, at(400 * DAY_MS))
    assert memory.is_used("late", NOW_MS) is False and counts(memory) == 0


def test_without_power_nothing_ages(memory: DurableCredentialMemory, tmp_path: Path) -> None:
    """Nobody can say for how long it was off: what is counted is kept for longer, never for shorter."""
    memory.close()
    again = DurableCredentialMemory(tmp_path)
    tidied(again, at(0, ahead_ms=63 * DAY_MS))
    assert counts(again) == 3
    tidied(again, at(32 * DAY_MS, ahead_ms=63 * DAY_MS))
    assert counts(again) == 2, "the code was lived through"


def test_counted_before_the_time_is_known_lasts_as_long_as_a_quota(tmp_path: Path) -> None:
    """Nobody knows how far its end is: a month's worth, then a month to spare."""
    memory = DurableCredentialMemory(tmp_path)
    memory.commit([CodeUsed("code", NOW_MS)])
    memory.tidy(at(0))
    tidied(memory, at(LASTS_MS + KEEP_MS))
    assert memory.is_used("code", NOW_MS)
    tidied(memory, at(LASTS_MS + KEEP_MS + TIDY_NS // NS_PER_MS))
    assert not memory.is_used("code", NOW_MS)


def test_what_waits_for_the_disk_ages_as_well(memory: DurableCredentialMemory) -> None:
    """Held facts are counted with the others, and no wrong year takes them."""
    memory.hold([VisitReserved("m1", MONTHLY, NOW_MS + 32 * DAY_MS)])
    tidied(memory, at(DAY_MS, ahead_ms=3 * YEAR_MS))
    assert memory.visits("m1")[MONTHLY] == 2


def test_a_file_of_before_is_read_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an earlier version counted has no age of its own: it is as if it had been counted when this one began."""
    with closing(sqlite3.connect(path_of(tmp_path, 1), isolation_level=None)) as db:
        migrate(db, path=tmp_path, name=SCHEMA, steps=STEPS[:2])
        db.execute("INSERT INTO used_code VALUES ('code', ?)", (NOW_MS + DAY_MS,))
        db.execute("INSERT INTO visit VALUES ('m1', '8', 1, '2025-12', ?, 2, 0)", (NOW_MS + 32 * DAY_MS,))
    memory = DurableCredentialMemory(tmp_path)
    tidied(memory, at(0, ahead_ms=3 * YEAR_MS))
    assert memory.is_used("code", NOW_MS) and memory.visits("m1") == {MONTHLY: 2}
    tidied(memory, at(63 * DAY_MS, ahead_ms=3 * YEAR_MS))
    assert not memory.is_used("code", NOW_MS) and not memory.visits("m1")


def test_a_new_file_after_a_loss_keeps_the_age(memory: DurableCredentialMemory, tmp_path: Path) -> None:
    """The process knows how long it has lived, whatever became of the file; a carried file has it in it."""
    tidied(memory, at(5 * DAY_MS))
    memory._note(sqlite3.OperationalError("disk I/O error"))
    memory.tidy(at(5 * DAY_MS + credential_memory.RETRY_NS // NS_PER_MS))
    assert counts(memory) == 3
    memory.close()
    with closing(sqlite3.connect(path_of(tmp_path, 2))) as db:
        assert credential_tables.load_lived(db) >= 5 * DAY_MS
