"""A few buckets are put in order in place: what is right stays untouched; what makes another root changes nothing."""

import random
import sqlite3
from pathlib import Path

import pytest
from edge.feed_maker import FeedMaker, credential, entitled, policy, removed
from edge.store.table_files import fill, open_store
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from portillon_edge.domain.position import Position
from portillon_edge.errors import EntryOutOfOrder, RootMismatch, StoreDamaged
from portillon_edge.store import scrub as scrubbing
from portillon_edge.store.entitlement_reader import Damage
from portillon_edge.store.entitlements import EntitlementStore
from portillon_edge.store.scrub import FIRST_NS
from portillon_edge.store.table_repair import _names_in
from portillon_rules.decision import RowDamaged
from portillon_rules.entitlement import Entitlement
from portillon_wire.digest import bucket_of
from portillon_wire.messages import WantedRows
from portillon_wire.repair import BucketRows
from portillon_wire.rows import RowChange, canonical_body

BUCKET = bucket_of("entitlement", credential(1))


def by_hand(path: Path, *statements: str) -> None:
    hand = sqlite3.connect(path)
    for statement in statements:
        hand.execute(statement)
    hand.commit()
    hand.close()


def rows_of(feed: FeedMaker, buckets: frozenset[int]) -> tuple[RowChange, ...]:
    """What the cloud answers."""
    answer = feed.answer(
        WantedRows(epoch=feed.epoch, revision=feed.revision, root=feed.digest.root(), buckets=tuple(sorted(buckets)))
    )
    assert isinstance(answer, BucketRows) and not answer.more
    return answer.rows


def here(feed: FeedMaker) -> Position:
    return Position(feed.epoch, feed.revision, feed.digest.root())


def scrubbed(store: EntitlementStore) -> Damage | None:
    """What a whole walk finds."""
    store.scrub(0)
    found = [damage for number in range(60) if (damage := store.scrub(FIRST_NS + number)) is not None]
    return found[0] if found else None


@pytest.fixture
def feed() -> FeedMaker:
    made = FeedMaker()
    made.entry(policy(), *(entitled(number) for number in range(300)))
    return made


def test_a_damaged_row_is_put_right_and_nothing_else_is_written(tmp_path: Path, feed: FeedMaker) -> None:
    """The row opens again at once, for readers that were open before too; one page of the file has changed, or two."""
    store = open_store(tmp_path)
    path = fill(store, feed, tmp_path)
    reader = store.reader()
    by_hand(path, f"UPDATE feed_row SET body = replace(body, 'm1', 'm9') WHERE key = '{credential(1)}'")
    assert reader.lookup(credential(1)) == RowDamaged(credential(1))
    damage = store.take_damage()
    assert damage is not None and damage.buckets == {BUCKET}
    store.repair(here(feed), damage.buckets, rows_of(feed, damage.buckets))
    found = reader.lookup(credential(1))
    assert isinstance(found, Entitlement) and found.member == "m1"
    assert path.with_name(path.name + "-wal").stat().st_size < 20 * 4_152
    assert scrubbed(store) is None
    store.close()


def test_rows_that_do_not_make_the_root_change_nothing(tmp_path: Path, feed: FeedMaker) -> None:
    """A row left out, one too many, one of before: refused before anything is written, and still in doubt."""
    store = open_store(tmp_path)
    path = fill(store, feed, tmp_path)
    by_hand(path, f"DELETE FROM feed_row WHERE key = '{credential(1)}'")
    damage = scrubbed(store)
    assert damage is not None and damage.out_of_step == {BUCKET}
    right = rows_of(feed, damage.buckets)
    older = (*(row for row in right if row.key != credential(1)), entitled(1, member="before"))
    for wrong in ((), right[:-1], older):
        with pytest.raises(RootMismatch):
            store.repair(here(feed), damage.buckets, wrong)
        assert store.lookup(credential(1)) == RowDamaged(credential(1))
    store.repair(here(feed), damage.buckets, right)
    assert isinstance(store.lookup(credential(1)), Entitlement)
    store.close()


def test_a_repair_leads_on_and_never_back(tmp_path: Path, feed: FeedMaker) -> None:
    """Rows of a later revision may be put in force with all that differs; rows of an earlier one, or of another epoch,
    may not."""
    store = open_store(tmp_path)
    fill(store, feed, tmp_path)
    before, old_rows = here(feed), rows_of(feed, frozenset({BUCKET}))
    ours = feed.digest.copy()
    feed.entry(removed(1), entitled(2, member="other"))
    feed.entry(entitled(900))
    differing = store.differing(feed.digest)
    assert differing == ours.differing(feed.digest) and len(differing) == 3
    assert store.repair(here(feed), differing, rows_of(feed, differing)) == here(feed) == store.position()
    assert store.lookup(credential(1)) is None and isinstance(store.lookup(credential(900)), Entitlement)
    assert store.roots()[feed.revision] == feed.digest.root()
    for target in (before, Position(2, 99, before.root)):
        with pytest.raises(EntryOutOfOrder):
            store.repair(target, {BUCKET}, old_rows)
    store.apply(feed.entry(entitled(901)))
    assert scrubbed(store) is None
    store.close()


def test_an_entry_that_meets_a_damaged_row_names_its_bucket(tmp_path: Path, feed: FeedMaker) -> None:
    """What was counted in is no longer there to be counted out: the entry is not in, and says where the reason lies."""
    store = open_store(tmp_path)
    path = fill(store, feed, tmp_path)
    by_hand(path, f"UPDATE feed_row SET body = CAST(x'7bff7d' AS TEXT) WHERE key = '{credential(1)}'")
    entry = feed.entry(removed(1), entitled(2, member="other"))
    with pytest.raises(RootMismatch) as met:
        store.apply(entry)
    assert met.value.buckets == {BUCKET} and store.position().revision == 1
    differing = store.differing(feed.digest) | met.value.buckets
    store.repair(here(feed), differing, rows_of(feed, differing))
    assert store.lookup(credential(1)) is None and store.position() == here(feed)
    store.close()


def test_a_row_that_its_own_name_does_not_reach_condemns_the_file(tmp_path: Path, feed: FeedMaker) -> None:
    """A tree out of order hides rows from lookups: a repair that cannot reach what it must change never says it did."""
    store = open_store(tmp_path)
    path = fill(store, feed, tmp_path)
    store.close()
    content = bytearray(path.read_bytes())
    names = sorted(key for kind, key in feed.rows if kind == "entitlement")
    at = content.index(names[150].encode())
    content[at : at + 4] = b"zz.z"
    path.write_bytes(content)
    store = open_store(tmp_path)
    damage = scrubbed(store)
    assert damage is not None and not damage.whole_file and len(damage.buckets) == 2
    with pytest.raises(StoreDamaged):
        store.repair(here(feed), damage.buckets, rows_of(feed, damage.buckets))
    store.close()


def test_a_walk_that_was_overtaken_by_a_repair_says_nothing(
    tmp_path: Path, feed: FeedMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it has seen is not what is there any more: it begins anew instead of doubting what was just put right."""
    monkeypatch.setattr(scrubbing, "SLICE_ROWS", 200)
    store = open_store(tmp_path)
    path = fill(store, feed, tmp_path)
    by_hand(path, f"DELETE FROM feed_row WHERE key = '{credential(1)}'")
    store.scrub(0)
    assert store.scrub(FIRST_NS) is None
    store.repair(here(feed), {BUCKET}, rows_of(feed, frozenset({BUCKET})))
    assert [store.scrub(FIRST_NS + number) for number in range(1, 9)] == [None] * 8
    store.close()


@given(kind=st.from_regex(r"[a-z_]{1,32}", fullmatch=True), key=st.text(st.characters(exclude_categories=["Cs"])))
def test_buckets_are_told_alike_over_bytes(kind: str, key: str) -> None:
    """The walk over a whole table spells `bucket_of` out; both put any name into the same bucket."""
    db = sqlite3.connect(":memory:")
    db.execute("CREATE TABLE feed_row (kind TEXT, key TEXT)")
    db.execute("INSERT INTO feed_row VALUES (?, ?)", (kind, key.replace("\0", "x")))
    name = (kind, key.replace("\0", "x"))
    assert _names_in(db, frozenset({bucket_of(*name)})) == [(name[0].encode(), name[1].encode())]
    assert _names_in(db, frozenset(range(1024)) - {bucket_of(*name)}) == []
    db.close()


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32))
def test_any_damage_that_is_repaired_leaves_the_cloud_s_rows(tmp_path: Path, seed: int) -> None:
    """Rows flipped, removed, added, renamed and put back by hand, in any mix: what the scrub names is enough to put
    the table right, or it condemns the file; and what is in doubt opens nothing meanwhile."""
    chance = random.Random(seed)
    feed = FeedMaker()
    feed.entry(policy(), *(entitled(number) for number in range(120)))
    folder = tmp_path / str(seed)
    folder.mkdir(exist_ok=True)
    store = open_store(folder)
    path = fill(store, feed, folder)
    by_hand(path, "CREATE TABLE IF NOT EXISTS kept AS SELECT * FROM feed_row")
    store.apply(feed.entry(removed(0), *(entitled(number, member="new") for number in range(1, 20))))
    for _ in range(chance.randint(1, 12)):
        where = f"WHERE key = '{credential(chance.randrange(130))}'"
        by_hand(path, chance.choice((
            f"UPDATE feed_row SET body = replace(body, 'gym', 'spa') {where}",
            f"UPDATE feed_row SET mac = zeroblob(8) {where}",
            f"DELETE FROM feed_row {where}",
            f"INSERT OR REPLACE INTO feed_row SELECT * FROM kept {where}",
            f"UPDATE OR IGNORE feed_row SET key = key || 'x' {where}",
            f"INSERT OR IGNORE INTO feed_row SELECT kind, key || 'y', body, mac FROM feed_row {where}",
        )))  # fmt: skip
    damage = scrubbed(store)
    # In a bucket with a damaged row nobody can tell whether another one there is of before.
    explained = damage.buckets - damage.out_of_step if damage is not None else frozenset()
    for number in range(130):
        found = store.lookup(credential(number))
        if isinstance(found, Entitlement) and bucket_of("entitlement", credential(number)) not in explained:
            assert canonical_body(found.to_body()) == feed.rows["entitlement", credential(number)]
    if damage is not None:
        assert not damage.whole_file
        store.repair(here(feed), damage.buckets, rows_of(feed, damage.buckets))
    again = open_rows(path)
    assert again == {(kind, key): body for (kind, key), body in feed.rows.items()}
    store.close()


def open_rows(path: Path) -> dict[tuple[str, str], bytes]:
    db = sqlite3.connect(path)
    rows = {(kind, key): body.encode() for kind, key, body in db.execute("SELECT kind, key, body FROM feed_row")}
    db.close()
    return rows
