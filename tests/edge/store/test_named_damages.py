"""Each named damage to `entitlements.db` ends the same way: found, put aside, asked for anew, and nobody let in by it.

Asked at the door: the shipped decision over the shipped store, by somebody whose right was withdrawn (who must never
get in) and by members in good standing (who pass again after the snapshot).
"""

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from edge.feed_maker import NOON_MS, FeedMaker, credential, entitled, policy, removed
from edge.store.table_files import fill, open_store
from portillon_edge.domain.position import EMPTY
from portillon_edge.domain.timekeeping import TimeKeeper
from portillon_edge.store.entitlements import EntitlementStore
from portillon_edge.store.scrub import FIRST_NS
from portillon_rules.decision import DecisionTime, DoorView, Granted, TimeQuality, decide
from portillon_wire.messages import WantedRows
from portillon_wire.repair import BucketRows

WITHDRAWN, FLIPPED, GOOD = 1, 2, 3
TIME = DecisionTime(business_ms=NOON_MS, quality=TimeQuality.CERTAIN, lease_remaining_ms=3_600_000)
DOOR = DoorView(name="lane1", zone="gym", busy=False, journal_writable=True, output_available=True)


def passes(store: EntitlementStore, number: int) -> bool:
    found = decide(lookup=store.lookup(credential(number)), door=DOOR, site=store.site_rules(), time=TIME)
    return isinstance(found, Granted)


def corrupt(path: Path, old: Path) -> None:
    content = bytearray(path.read_bytes())
    content[:100] = b"\xff" * 100
    path.write_bytes(content)


def truncated(path: Path, old: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def swapped_for_an_old_copy(path: Path, old: Path) -> None:
    shutil.copy(old, path)


def half_migrated(path: Path, old: Path) -> None:
    """The step is noted, and half of what it made is not there."""
    by_hand(path, "DROP VIEW entitlement; DROP TABLE applied; DROP TABLE position")


def migrated_but_for_a_table(path: Path, old: Path) -> None:
    by_hand(path, "DROP TABLE applied")


def migrated_without_a_note(path: Path, old: Path) -> None:
    """All tables are there, and the step that makes them is to be made again."""
    by_hand(path, "DELETE FROM _sqlite_migrations")


def of_a_newer_version(path: Path, old: Path) -> None:
    by_hand(path, "INSERT INTO _sqlite_migrations (migration_set, name, applied_at)"
                  " VALUES ('entitlements', 'm999_later', 'later')")  # fmt: skip


def one_row_flipped(path: Path, old: Path) -> None:
    """The member's row is turned into one that outlasts everything."""
    by_hand(
        path,
        f"UPDATE feed_row SET body = replace(body, '\"staff\":false', '\"staff\":true ') WHERE key = '{credential(2)}'",
    )


def withdrawn_row_put_back(path: Path, old: Path) -> None:
    by_hand(path, f"ATTACH '{old}' AS old; INSERT INTO feed_row SELECT * FROM old.feed_row"
                  f" WHERE key = '{credential(WITHDRAWN)}'")  # fmt: skip


def by_hand(path: Path, sql: str) -> None:
    hand = sqlite3.connect(path)
    hand.executescript(sql)
    hand.close()


def damaged_site(folder: Path, damage: Callable[[Path, Path], None]) -> FeedMaker:
    """A gateway that ran, withdrew somebody's right, got a lease for that and stopped; then the damage was done."""
    feed = FeedMaker()
    feed.entry(policy(), *(entitled(number) for number in range(1, 200)))
    store = open_store(folder)
    path = fill(store, feed, folder)
    store.close()
    old = folder / "kept.copy"
    shutil.copy(path, old)
    store = open_store(folder)
    store.apply(feed.entry(removed(WITHDRAWN)))
    keeper = TimeKeeper(mode="live", boot_id="b", boot_ns=0)
    assert keeper.adopt(feed.lease(), 0) is None
    saved = keeper.saved(0)
    assert saved is not None
    store.save_lease(saved)
    assert passes(store, GOOD) and passes(store, FLIPPED) and not passes(store, WITHDRAWN)
    store.close()
    damage(path, old)
    return feed


@pytest.mark.parametrize(
    "damage",
    [
        corrupt,
        truncated,
        swapped_for_an_old_copy,
        half_migrated,
        migrated_but_for_a_table,
        migrated_without_a_note,
        of_a_newer_version,
    ],
    ids=lambda damage: damage.__name__,
)
def test_a_damaged_file_is_found_at_the_start_and_lets_nobody_in(
    tmp_path: Path, damage: Callable[[Path, Path], None]
) -> None:
    """Put aside before the first card, told, empty meanwhile; after the snapshot members pass again."""
    feed = damaged_site(tmp_path, damage)
    store = open_store(tmp_path)
    assert store.position() == EMPTY, "the session asks for a snapshot for an empty table"
    assert [alarm for alarm in store.take_alarms() if "quarantined" in alarm]
    assert list(tmp_path.glob("*.quarantined"))
    assert not any(passes(store, number) for number in range(1, 200))
    fill(store, feed, tmp_path)
    assert passes(store, GOOD) and passes(store, FLIPPED) and not passes(store, WITHDRAWN)
    store.close()
    assert open_store(tmp_path).take_alarms() == [], "the snapshot is no old copy"


def test_a_flipped_row_lets_nobody_in_and_shuts_nobody_else_out(tmp_path: Path) -> None:
    """Found at the first badge or by the scrub; the other members pass meanwhile."""
    feed = damaged_site(tmp_path, one_row_flipped)
    store = open_store(tmp_path)
    assert not passes(store, FLIPPED) and passes(store, GOOD)
    damage = store.take_damage()
    assert damage is not None and not damage.whole_file, "the session asks for a snapshot, the table stays"
    fill(store, feed, tmp_path)
    assert passes(store, FLIPPED) and passes(store, GOOD)
    store.close()


def test_a_withdrawn_row_put_back_is_found_within_the_day(tmp_path: Path) -> None:
    """Its MAC fits, so it opens until the scrub; from then on it does not, and nobody else is kept out."""
    feed = damaged_site(tmp_path, withdrawn_row_put_back)
    store = open_store(tmp_path)
    store.scrub(0)
    (damage,) = [found for number in range(20) if (found := store.scrub(FIRST_NS + number)) is not None]
    assert not passes(store, WITHDRAWN) and passes(store, GOOD), "also while nobody is there to repair it"
    answer = feed.answer(
        WantedRows(epoch=1, revision=feed.revision, root=feed.digest.root(), buckets=tuple(damage.buckets))
    )
    assert isinstance(answer, BucketRows)
    store.repair(store.position(), damage.buckets, answer.rows)
    assert store.lookup(credential(WITHDRAWN)) is None and passes(store, GOOD)
    store.close()


def test_ablation_without_the_saved_lease_an_old_copy_lets_the_withdrawn_member_in(tmp_path: Path) -> None:
    """The lease file is what gives the old copy away: it is whole, signed for and rightly keyed."""
    damaged_site(tmp_path, swapped_for_an_old_copy)
    (tmp_path / "entitlements.lease").unlink()
    store = open_store(tmp_path)
    assert passes(store, WITHDRAWN)
    store.close()
