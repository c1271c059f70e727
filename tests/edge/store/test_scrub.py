"""The daily scrub: whatever makes the rows on the disk differ from what was applied is found, and nothing else is."""

import sqlite3
from pathlib import Path

import pytest
from edge.feed_maker import FeedMaker, credential, entitled, policy, removed
from edge.store.table_files import fill, open_store
from portillon_edge.store import scrub as scrubbing
from portillon_edge.store.entitlement_reader import Damage
from portillon_edge.store.entitlements import EntitlementStore
from portillon_edge.store.scrub import EVERY_NS, FIRST_NS
from portillon_rules.decision import RowDamaged
from portillon_rules.entitlement import Entitlement
from portillon_wire.digest import bucket_of
from portillon_wire.rows import RowChange

S = 1_000_000_000
OUT_OF_STEP = {
    "a row removed": "DELETE FROM feed_row WHERE key = '{one}'",
    "a good row put back": "INSERT INTO feed_row SELECT * FROM kept",
    "an older version of a row put back": "UPDATE feed_row SET (body, mac) = (SELECT body, mac FROM older)"
    " WHERE key = '{two}'",
}


def prepared(folder: Path) -> tuple[EntitlementStore, Path, FeedMaker]:
    """A table in force, and aside copies of a row that was withdrawn since and of one that was changed since."""
    feed = FeedMaker()
    feed.entry(policy(), *(entitled(number) for number in range(1, 40)))
    store = open_store(folder)
    path = fill(store, feed, folder)
    by_hand(path, "CREATE TABLE kept AS SELECT * FROM feed_row WHERE key = '{three}'")
    by_hand(path, "CREATE TABLE older AS SELECT * FROM feed_row WHERE key = '{two}'")
    store.apply(feed.entry(removed(3), entitled(2, member="other")))
    return store, path, feed


def by_hand(path: Path, sql: str) -> None:
    hand = sqlite3.connect(path)
    hand.executescript(sql.format(one=credential(1), two=credential(2), three=credential(3)))
    hand.close()


def walk(store: EntitlementStore, now_ns: int) -> list[Damage]:
    """What one whole walk finds."""
    found = [store.scrub(now_ns + number) for number in range(50)]
    return [damage for damage in found if damage is not None]


@pytest.mark.parametrize(("what", "whose"), [*zip(OUT_OF_STEP, (1, 3, 2), strict=True)])
def test_nothing_is_believed_of_a_bucket_that_is_out_of_step(tmp_path: Path, what: str, whose: int) -> None:
    """Rows whose MACs fit, but which are not those of the revision: none of that bucket opens, also after a restart;
    the thousand other buckets stay in force."""
    store, path, _ = prepared(tmp_path)
    by_hand(path, OUT_OF_STEP[what])
    store.scrub(0)
    (damage,) = walk(store, FIRST_NS)
    assert not damage.whole_file and "out of step" in damage.detail
    assert damage.out_of_step == damage.buckets == {bucket_of("entitlement", credential(whose))}
    for before in (None, damage.buckets):
        told = store.take_damage()
        assert (told and told.buckets) == before, "asked for again at once, not when the scrub meets it"
        assert store.lookup(credential(whose)) == RowDamaged(credential(whose))
        assert isinstance(store.lookup(credential(7)), Entitlement)
        store.close()
        store = open_store(tmp_path)
    store.close()


@pytest.mark.parametrize(
    "what",
    [
        "UPDATE position SET digest = zeroblob(16384)",
        "DELETE FROM feed_row WHERE kind = 'entitlement'",
    ],
    ids=["the digest itself changed", "most rows gone"],
)
def test_more_than_a_few_buckets_condemn_the_whole_file(tmp_path: Path, what: str) -> None:
    """A digest that is not that of its revision, or a page of rows after the other: nothing is believed."""
    store, path, feed = prepared(tmp_path)
    store.apply(feed.entry(*(entitled(number) for number in range(100, 400))))
    by_hand(path, what)
    store.scrub(0)
    (damage,) = walk(store, FIRST_NS)
    assert damage.whole_file
    store.close()


@pytest.mark.parametrize(
    "change",
    [
        "body = replace(body, '\"staff\":false', '\"staff\":true ')",
        "body = CAST(replace(CAST(body AS BLOB), x'22', x'ff22') AS TEXT)",
        "key = CAST(x'ff' || substr(key, 2) AS TEXT)",
        "mac = zeroblob(8)",
    ],
    ids=["a body changed", "a body that is no text any more", "a name that is no text any more", "a mac changed"],
)
def test_one_flipped_row_costs_that_row_only(tmp_path: Path, change: str) -> None:
    """Its MAC explains the difference: everybody else's rows stay in force while its bucket is repaired."""
    store, path, _ = prepared(tmp_path)
    by_hand(path, f"UPDATE feed_row SET {change} WHERE key = '{{one}}'")
    store.scrub(0)
    (damage,) = walk(store, FIRST_NS)
    assert not damage.whole_file and "1 damaged rows" in damage.detail
    assert bucket_of("entitlement", credential(1)) in damage.buckets
    assert store.lookup(credential(1)) == RowDamaged(credential(1))
    assert isinstance(store.lookup(credential(7)), Entitlement)
    store.close()


def test_the_scrub_makes_the_same_macs_as_everybody_else(tmp_path: Path) -> None:
    """It spells `row_mac` out over bytes: for any text the two are equal, so good rows are never called damaged."""
    store, _, feed = prepared(tmp_path)
    store.apply(feed.entry(RowChange(kind="later", key='é"\\', body={"name": "Zoë", "n": [1, None, True]})))
    store.scrub(0)
    assert walk(store, FIRST_NS) == []
    store.close()


def test_a_table_in_good_order_is_walked_over_each_day_without_a_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not in the first ten minutes, then once a day; slices, entries and snapshots in between find no false damage."""
    monkeypatch.setattr(scrubbing, "SLICE_ROWS", 5)
    walks: list[Path] = []
    begin = scrubbing.Scrub.__init__
    monkeypatch.setattr(scrubbing.Scrub, "__init__", lambda *args: (walks.append(args[1]), begin(*args))[1])
    store, _, feed = prepared(tmp_path)
    assert walk(store, 0) == [] and walks == []
    for number in range(100, 105):
        assert store.scrub(FIRST_NS + number) is None
        store.apply(feed.entry(entitled(number)))
    assert walk(store, FIRST_NS + S) == [] and len(walks) == 1
    assert walk(store, EVERY_NS) == [] and len(walks) == 1
    assert store.scrub(FIRST_NS + EVERY_NS + 2 * S) is None and len(walks) == 2
    fill(store, feed, tmp_path)
    assert walk(store, FIRST_NS + EVERY_NS + 3 * S) == [] and len(walks) == 3
    store.close()


def test_ablation_the_incremental_digest_alone_notices_nothing(tmp_path: Path) -> None:
    """A withdrawn member's good old row, put back by hand, is found by the scrub and by nothing else."""
    store, path, feed = prepared(tmp_path)
    by_hand(path, OUT_OF_STEP["a good row put back"])
    store.apply(feed.entry(entitled(50)))
    assert store.lookup(credential(3)) is not None and store.take_damage() is None
    store.close()
    again = open_store(tmp_path)
    assert again.take_alarms() == [] and again.lookup(credential(3)) is not None
    again.scrub(0)
    assert [len(damage.out_of_step) for damage in walk(again, FIRST_NS)] == [1]
    assert again.lookup(credential(3)) == RowDamaged(credential(3))
    again.close()


def test_a_damaged_page_met_by_the_scrub_is_damage_of_the_file(tmp_path: Path) -> None:
    """What no badge has met yet is found within the day."""
    feed = FeedMaker()
    feed.entry(policy(), *(entitled(number) for number in range(1, 400)))
    store = open_store(tmp_path)
    path = fill(store, feed, tmp_path)
    with path.open("r+b") as file:
        file.seek(4096 * 12)
        file.write(b"\xff" * 4096 * 8)
    store.scrub(0)
    (damage,) = walk(store, FIRST_NS)
    assert damage.whole_file
    store.close()
