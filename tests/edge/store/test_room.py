"""The journal's quota: what gives way first, what is still written when room is short, and how room comes back."""

from pathlib import Path

import pytest
from edge.store.event_samples import at, event
from hypothesis import given
from hypothesis import strategies as st
from portillon_edge.domain.events import EventKind
from portillon_edge.store.chain import UNKEYED
from portillon_edge.store.chain_look import look_at_chains
from portillon_edge.store.journal_shelf import JournalShelf
from portillon_edge.store.room import LEFT_OUT, Measured, Room, RoomLimits, compact, judge
from portillon_wire.alarm_classes import RULES

KIB = 1024
SMALL = RoomLimits(quota_bytes=3_000 * KIB, tight_bytes=400 * KIB, none_bytes=100 * KIB)


def fill(shelf: JournalShelf, seconds: range) -> None:
    """Groups of 50 events, one a second."""
    for second in seconds:
        shelf.write([event("d" * 200) for _ in range(50)], at(second))


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def last_rows(shelf: JournalShelf, count: int = 400) -> list[tuple[str, str | None]]:
    source = shelf.sources()[-1]
    return [(row.kind, row.detail) for row in source.read(max(1, source.last - count), source.last)]


def test_without_a_cloud_the_quota_is_kept_and_every_event_is_written_or_counted(tmp_path: Path) -> None:
    """Compact mode, then the reserve, then memory, then counting: the files never outgrow the quota by a commit."""
    shelf = JournalShelf(tmp_path, reserve_bytes=200 * KIB, limits=SMALL)
    fill(shelf, range(300))
    assert not shelf.writable
    assert size(tmp_path) < SMALL.quota_bytes + 64 * KIB
    assert not (tmp_path / "journal.reserve").exists()
    kept = sum(source.last - source.oldest + 1 for source in shelf.sources())
    alarms = sum(row.kind == "alarm" for s in shelf.sources() for first in range(1, s.last + 1, 500)
                 for row in s.read(first, first + 499))  # fmt: skip
    assert kept - alarms + shelf.lost >= 15_000
    assert len(list(tmp_path.glob("journal*.db"))) == 1, "a full quota is no broken file"
    assert look_at_chains(tmp_path, (UNKEYED,))[0].well
    shelf.close()


def test_the_same_file_goes_on_when_the_cloud_takes_rows_again(tmp_path: Path) -> None:
    """Acknowledged rows give way, the alarm says how much was left out, and whole events are written again."""
    shelf = JournalShelf(tmp_path, reserve_bytes=0, limits=SMALL)
    fill(shelf, range(300))
    assert not shelf.writable
    for source in shelf.sources():
        shelf.acknowledge(source.journal_id, epoch=0, through=source.last, real_ms=None)
    for second in range(300, 303):
        shelf.write([], at(second))
    assert shelf.writable
    shelf.write([event("whole again")], at(310))
    rows = last_rows(shelf)
    assert rows[-1] == ("granted", "whole again")
    assert any(kind == "alarm" and "room again" in (detail or "") for kind, detail in rows)
    assert [path.name for path in tmp_path.glob("journal*.db")] == ["journal.db"]
    shelf.close()


def test_with_a_cloud_nothing_is_left_out(tmp_path: Path) -> None:
    """However much comes: as long as rows are acknowledged, older ones make room and no event is shortened."""
    shelf = JournalShelf(tmp_path, reserve_bytes=0, limits=SMALL)
    for second in range(300):
        fill(shelf, range(second, second + 1))
        source = shelf.sources()[-1]
        shelf.acknowledge(source.journal_id, epoch=0, through=source.last, real_ms=None)
    assert shelf.writable and shelf.lost == 0
    assert all(detail == "d" * 200 for _, detail in last_rows(shelf))
    assert shelf.sources()[-1].last == 15_000
    shelf.close()


def test_ablation_without_a_quota_the_files_outgrow_it(tmp_path: Path) -> None:
    """The limits are what bounds the files: the same events without them take several times the room."""
    shelf = JournalShelf(tmp_path, reserve_bytes=0)
    fill(shelf, range(300))
    assert size(tmp_path) > 2 * SMALL.quota_bytes
    shelf.close()


def test_compact_mode_keeps_who_came_doors_and_alarms() -> None:
    """What only explains goes; nothing that begins or ends an alarm does; an alarm keeps its words."""
    kept = compact([event("why", kind=kind) for kind in EventKind])
    assert {one.kind for one in kept} == set(EventKind) - LEFT_OUT
    assert [one.kind for one in kept if one.detail] == [EventKind.ALARM]
    standing = {kind for rule in RULES.values() if rule.ended_by for kind in (rule.raised_by, *rule.ended_by)}
    assert not LEFT_OUT & standing


@pytest.mark.parametrize(
    ("measured", "left"),
    [
        (Measured(used=0, reusable=0, disk_free=10**12), SMALL.quota_bytes),
        (Measured(used=0, reusable=0, disk_free=5), 5),
        (Measured(used=10**9, reusable=7, disk_free=5), 7),
    ],
)
def test_what_is_left_is_the_smaller_of_disk_and_quota_and_what_the_file_can_reuse(
    measured: Measured, left: int
) -> None:
    """The disk of others and the own quota both bound it; pages of deleted rows count."""
    assert measured.left(SMALL) == left


@given(st.sampled_from(Room), st.integers(0, 10**6), st.integers(0, 10**6))
def test_more_room_never_makes_it_worse(before: Room, left: int, more: int) -> None:
    """Judged from the same state, more bytes give the same state or a better one; and judging again changes nothing."""
    order = [Room.NONE, Room.TIGHT, Room.AMPLE]
    now = judge(before, left, SMALL)
    assert order.index(judge(before, left + more, SMALL)) >= order.index(now)
    assert judge(now, left, SMALL) is now
