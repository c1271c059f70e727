"""The credential memory on its disk: what it keeps, what it forgets in time, and what a bad disk may cost."""

import sqlite3
from pathlib import Path

import pytest
from edge.store.failing_disk import FailingDisk
from portillon_edge.domain.credential_facts import (
    CodeFreed,
    CodeUsed,
    CounterSeen,
    PassSeen,
    PinTried,
    PinTriesForgotten,
    Tries,
)
from portillon_edge.domain.events import EventTime
from portillon_edge.errors import MemoryUnwritable, StoreTooNew
from portillon_edge.store import credential_memory, credential_tables
from portillon_edge.store.credential_files import OLD_FILES_KEPT, is_spent, numbers, path_of
from portillon_edge.store.credential_memory import RETRY_NS, TIDY_NS, DurableCredentialMemory
from portillon_rules.decision import TimeQuality

NOW_MS = 1_764_604_800_000
DAY_MS = 86_400_000
DAY_NS = DAY_MS * 1_000_000
FACTS = (
    CounterSeen("tag", 7),
    PassSeen("phone", "00ff", NOW_MS, NOW_MS + 40_000),
    CodeUsed("code", NOW_MS + DAY_MS),
    PinTried("reader:lane1", Tries(2)),
)


def now(boot_ns: int = 0, *, ms: int = NOW_MS, quality: TimeQuality = TimeQuality.CERTAIN) -> EventTime:
    return EventTime(boot_id="boot", boot_ns=boot_ns, real_ms=ms, business_ms=ms, quality=quality)


def knows_all(memory: DurableCredentialMemory) -> bool:
    return (
        memory.counter("tag") == 7
        and memory.has_pass("phone", "00ff", NOW_MS)
        and memory.issued_ms("phone") == NOW_MS
        and memory.is_used("code", NOW_MS)
        and memory.tries("reader:lane1") == Tries(2)
    )


def knows_nothing(memory: DurableCredentialMemory) -> bool:
    return (
        memory.counter("tag") is None
        and not memory.has_pass("phone", "00ff", NOW_MS)
        and memory.issued_ms("phone") is None
        and not memory.is_used("code", NOW_MS)
        and memory.tries("reader:lane1") is None
    )


def test_what_is_committed_is_known_for_good(tmp_path: Path) -> None:
    """At once, and to the next process; a technician reads it with sqlite-utils."""
    memory = DurableCredentialMemory(tmp_path)
    assert knows_nothing(memory)
    memory.commit(FACTS)
    assert knows_all(memory)
    memory.close()
    assert knows_all(DurableCredentialMemory(tmp_path))
    assert [path.name for path in tmp_path.glob("*.db")] == ["credential-memory-1.db"]


def test_counters_and_passes_only_rise(tmp_path: Path) -> None:
    """A late or lower number changes nothing, held or committed."""
    memory = DurableCredentialMemory(tmp_path)
    memory.commit([CounterSeen("tag", 7), PassSeen("phone", "01", 2_000, 9_000)])
    memory.hold([CounterSeen("tag", 6), PassSeen("phone", "02", 1_000, 9_000)])
    assert (memory.counter("tag"), memory.issued_ms("phone")) == (7, 2_000)
    memory.commit([])
    assert (memory.counter("tag"), memory.issued_ms("phone")) == (7, 2_000)
    memory.hold([CounterSeen("tag", 9)])
    assert memory.counter("tag") == 9


def test_freed_and_forgotten(tmp_path: Path) -> None:
    """A code that nobody used is free, a right PIN starts the count anew."""
    memory = DurableCredentialMemory(tmp_path)
    memory.commit(FACTS)
    memory.commit([CodeFreed("code"), PinTriesForgotten("reader:lane1")])
    assert not memory.is_used("code", NOW_MS) and memory.tries("reader:lane1") is None


def test_what_has_run_out_is_forgotten(tmp_path: Path) -> None:
    """Nonces after the pass's life, used codes a month after their row, tries after their lock-out; the rest stays."""
    memory = DurableCredentialMemory(tmp_path)
    locked = Tries(5, 60_000, "boot", 60_000_000_000)
    memory.commit([*FACTS, PinTried("reader:lane2", locked)])
    memory.tidy(now(ms=NOW_MS + 39_999))
    assert knows_all(memory) and memory.tries("reader:lane2") == locked
    memory.commit([])
    memory.tidy(now(TIDY_NS, ms=NOW_MS + 40_000))
    assert not memory.has_pass("phone", "00ff", NOW_MS) and memory.tries("reader:lane2") is None
    assert memory.issued_ms("phone") == NOW_MS and memory.counter("tag") == 7
    memory.commit([])
    memory.tidy(now(63 * DAY_NS, ms=NOW_MS + 63 * DAY_MS, quality=TimeQuality.UNCERTAIN))
    assert memory.is_used("code", NOW_MS), "a clock that is not certain forgets no code"
    memory.commit([])
    memory.tidy(now(63 * DAY_NS + TIDY_NS, ms=NOW_MS + 63 * DAY_MS))
    assert not memory.is_used("code", NOW_MS)


def test_tables_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Past the bound the longest unseen go first; one seen again is a recent one. A lock-out is never among them."""
    monkeypatch.setattr(credential_tables, "CARDS_MAX", 3)
    monkeypatch.setattr(credential_tables, "PINS_MAX", 2)
    memory = DurableCredentialMemory(tmp_path)
    memory.commit([CounterSeen(name, 1) for name in "abcd"])
    memory.commit([CounterSeen("a", 2)])
    memory.commit([PinTried("locked", Tries(5, 60_000, "boot", 60_000_000_000))])
    memory.commit([PinTried(name, Tries(1)) for name in "wxyz"])
    memory.tidy(now())
    assert [name for name in "abcd" if memory.counter(name) is not None] == ["a", "c", "d"]
    assert [name for name in ("locked", *"wxyz") if memory.tries(name)] == ["locked", "y", "z"]


def test_full_disk_refuses_and_tries_again(tmp_path: Path) -> None:
    """Nothing of the commit is in; it is an alarm once; with room again what was held is saved."""
    memory = DurableCredentialMemory(tmp_path, page_limit=14)
    with pytest.raises(MemoryUnwritable):
        memory.commit([CodeUsed(f"{n:060}", NOW_MS) for n in range(500)])
    with pytest.raises(MemoryUnwritable):
        memory.commit([CodeUsed(f"{n:060}", NOW_MS) for n in range(500)])
    assert len(memory.take_alarms()) == 1
    assert not memory.is_used(f"{0:060}", NOW_MS)
    memory.hold(FACTS)
    assert knows_all(memory)
    memory.tidy(now(RETRY_NS))
    memory.close()
    assert knows_all(DurableCredentialMemory(tmp_path))


def test_failed_flush_is_not_tried_again_on_that_file(tmp_path: Path, failing_disk: type[FailingDisk]) -> None:
    """Nobody knows what is on the disk then: its content goes on in a new file, and what was held with it."""
    memory = DurableCredentialMemory(tmp_path, factory=failing_disk)
    memory.commit(FACTS)
    failing_disk.broken = True
    for _ in range(3):
        with pytest.raises(MemoryUnwritable):
            memory.commit([CounterSeen("tag", 8)])
    assert failing_disk.attempts == 1
    memory.hold([CounterSeen("tag", 8)])
    memory.tidy(now())
    assert numbers(tmp_path) == [1], "the disk is still bad"
    failing_disk.broken = False
    memory.tidy(now(RETRY_NS - 1))
    assert numbers(tmp_path) == [1], "and is not asked all the time"
    memory.tidy(now(RETRY_NS))
    assert numbers(tmp_path) == [1, 2]
    assert "nothing of it is lost" in memory.take_alarms()[-1]
    memory.close()
    again = DurableCredentialMemory(tmp_path)
    assert again.counter("tag") == 8 and again.is_used("code", NOW_MS) and again.tries("reader:lane1") == Tries(2)


@pytest.mark.parametrize(
    "damage", [b"", b"this was a database once" * 400, None], ids=["empty", "overwritten", "middle"]
)
def test_corrupt_file_is_held_against_whoever_could_gain(tmp_path: Path, damage: bytes | None) -> None:
    """It stays where it is; passes and single-use rows from before the loss count as used, counters start anew."""
    memory = DurableCredentialMemory(tmp_path)
    memory.commit([*FACTS, *(CounterSeen(f"{n:064}", n) for n in range(2_000))])
    memory.close()
    path = path_of(tmp_path, 1)
    content = path.read_bytes()
    path.write_bytes(content[:8192] + b"\xaa" * (len(content) - 12_288) + content[-4096:] if damage is None else damage)
    memory = DurableCredentialMemory(tmp_path)
    assert path.exists() and numbers(tmp_path) == [1, 2]
    assert "counts as used" in memory.take_alarms()[-1]
    assert memory.counter("tag") is None
    assert memory.is_used("any", NOW_MS + DAY_MS), "when it was lost is not known yet"
    memory.tidy(now(ms=NOW_MS + 1_000, quality=TimeQuality.UNCERTAIN))
    assert memory.is_used("any", NOW_MS + DAY_MS), "a lagging clock cannot say"
    memory.tidy(now(TIDY_NS, ms=NOW_MS + 1_000))
    assert memory.is_used("code", NOW_MS) and memory.has_pass("phone", "00ff", NOW_MS)
    assert not memory.is_used("new", NOW_MS + 1_001) and not memory.has_pass("phone", "aa", NOW_MS + 1_001)
    memory.close()
    assert DurableCredentialMemory(tmp_path).is_used("code", NOW_MS), "the next process knows of the loss too"


def test_loss_while_running_forgets_no_wrong_pin(tmp_path: Path) -> None:
    """Counts of wrong PINs are in the process: they go into the new file."""
    memory = DurableCredentialMemory(tmp_path)
    memory.commit(FACTS)
    memory._note(sqlite3.DatabaseError("x"))
    memory._corrupt = True
    with pytest.raises(MemoryUnwritable):
        memory.counter("tag")
    memory.tidy(now())
    memory.close()
    assert DurableCredentialMemory(tmp_path).tries("reader:lane1") == Tries(2)


def test_unreadable_file_still_knows_what_is_held(tmp_path: Path) -> None:
    """A copy that this process has seen is refused whatever the disk does; of others nobody can tell."""
    memory = DurableCredentialMemory(tmp_path)
    memory._corrupt, memory._bad = True, "x"
    memory.hold([CounterSeen("tag", 3)])
    assert memory.counter("tag") == 3
    with pytest.raises(MemoryUnwritable):
        memory.counter("other")


def test_disk_that_takes_nothing_at_first(tmp_path: Path) -> None:
    """The gateway starts without a memory, says so, and makes one as soon as it can."""
    folder = tmp_path / "data"
    folder.write_text("a file is in the way")
    memory = DurableCredentialMemory(folder)
    with pytest.raises(MemoryUnwritable):
        memory.commit(FACTS)
    assert memory.take_alarms()
    memory.hold(FACTS)
    folder.unlink()
    memory.tidy(now())
    memory.close()
    assert knows_all(DurableCredentialMemory(folder))


def test_old_files_do_not_pile_up(tmp_path: Path) -> None:
    """The last ones stay for whoever looks into it."""
    for _ in range(OLD_FILES_KEPT + 3):
        memory = DurableCredentialMemory(tmp_path)
        memory.close()
        path_of(tmp_path, numbers(tmp_path)[-1]).write_bytes(b"")
    assert len(numbers(tmp_path)) == OLD_FILES_KEPT + 1


def test_half_made_file_is_in_nobodys_way(tmp_path: Path) -> None:
    """A power cut while it was made leaves a name that counts for nothing."""
    (tmp_path / "credential-memory-1.db.making").write_bytes(b"half")
    memory = DurableCredentialMemory(tmp_path)
    memory.commit(FACTS)
    memory.close()
    assert [path.name for path in tmp_path.iterdir()] == ["credential-memory-1.db"]


def test_newer_file_is_refused(tmp_path: Path) -> None:
    """An older version would not know what it must not forget."""
    DurableCredentialMemory(tmp_path).close()
    with sqlite3.connect(path_of(tmp_path, 1)) as db:
        db.execute("UPDATE _sqlite_migrations SET name = 'm999_later' WHERE name = 'm002_visits'")
    db.close()
    with pytest.raises(StoreTooNew, match="m999_later"):
        DurableCredentialMemory(tmp_path)


def test_held_facts_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full for weeks costs no endless memory; that something will be lost is an alarm."""
    monkeypatch.setattr(credential_memory, "HELD_MAX", 10)
    memory = DurableCredentialMemory(tmp_path)
    memory.hold([CounterSeen(str(n), n) for n in range(11)])
    assert len(memory._held) == 10 and "wait for the disk" in memory.take_alarms()[0]


def test_anybody_may_look_whether_a_code_is_used(tmp_path: Path) -> None:
    """`explain` reads beside a running gateway, and before there is any file."""
    assert not is_spent(tmp_path, ["code"])
    memory = DurableCredentialMemory(tmp_path)
    memory.commit(FACTS)
    assert is_spent(tmp_path, ["old-key", "code"]) and not is_spent(tmp_path, ["other"])
    memory.close()
    assert is_spent(tmp_path, ["code"])


def test_no_commit_checkpoints(tmp_path: Path) -> None:
    """Within one commit there is one flush: the log grows, the file itself waits for a quiet moment."""
    memory = DurableCredentialMemory(tmp_path)
    before = path_of(tmp_path, 1).stat().st_size
    for n in range(300):
        memory.commit([CounterSeen(f"{n:064}", n)])
    assert path_of(tmp_path, 1).stat().st_size == before
    memory.tidy(now())
    assert path_of(tmp_path, 1).stat().st_size > before
