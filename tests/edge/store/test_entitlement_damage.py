"""Damage to the table is noticed row by row or file by file, denies nobody else, and heals by itself."""

import sqlite3
from pathlib import Path

import pytest
from edge.feed_maker import FeedMaker, credential, entitled
from edge.store.table_files import fill, open_store
from portillon_edge.domain.position import EMPTY
from portillon_edge.store.pointer import Pointer
from portillon_rules.decision import RowDamaged
from portillon_rules.entitlement import Entitlement


def test_a_flipped_bit_denies_that_one_member(tmp_path: Path, feed: FeedMaker) -> None:
    """A row changed by hand is damaged, every other row is not, and the damage is told once."""
    store = open_store(tmp_path)
    path = fill(store, feed, tmp_path)
    hand = sqlite3.connect(path)
    hand.execute(
        "UPDATE feed_row SET body = replace(body, '\"staff\":false', '\"staff\":true ') WHERE key = ?", (credential(1),)
    )
    hand.commit()
    hand.close()
    assert store.lookup(credential(1)) == RowDamaged(credential(1))
    assert isinstance(store.lookup(credential(2)), Entitlement)
    damage = store.take_damage()
    assert damage is not None and not damage.whole_file and "MAC" in damage.detail
    assert store.take_damage() is None
    store.close()


def test_a_row_moved_to_another_card_is_damaged(tmp_path: Path, feed: FeedMaker) -> None:
    """The MAC covers the credential: a good row under another card's name opens nothing."""
    store = open_store(tmp_path)
    path = fill(store, feed, tmp_path)
    hand = sqlite3.connect(path)
    hand.execute("UPDATE feed_row SET key = ? WHERE key = ?", (credential(77), credential(1)))
    hand.commit()
    hand.close()
    assert store.lookup(credential(77)) == RowDamaged(credential(77))
    store.close()


def test_a_damaged_policy_is_no_policy(tmp_path: Path, feed: FeedMaker) -> None:
    """Nobody can loosen the site's rules by hand: a policy that was touched is not followed."""
    store = open_store(tmp_path)
    path = fill(store, feed, tmp_path)
    hand = sqlite3.connect(path)
    hand.execute("UPDATE feed_row SET body = replace(body, 'deny', 'pass') WHERE kind = 'policy'")
    hand.commit()
    hand.close()
    assert store.site_rules().policy is None
    assert store.take_damage() is not None
    store.close()


@pytest.mark.parametrize("damage", ["header", "middle", "short", "empty"])
def test_a_corrupt_file_is_quarantined_and_an_empty_one_takes_its_place(
    tmp_path: Path, feed: FeedMaker, damage: str
) -> None:
    """Whatever happened to the file: the gateway starts, says so, keeps the bad file, and can be filled again."""
    store = open_store(tmp_path)
    path = fill(store, feed, tmp_path)
    store.close()
    content = bytearray(path.read_bytes())
    if damage == "header":
        content[:100] = b"\xff" * 100
    elif damage == "middle":
        content[4096:] = b"\xa5" * (len(content) - 4096)
    elif damage == "short":
        del content[len(content) // 2 :]
    else:
        content[:] = b"no database at all, just some text"
    path.write_bytes(content)
    again = open_store(tmp_path)
    if damage == "middle" and again.position() != EMPTY:
        again.quarantine("met later")
    assert again.position() == EMPTY
    assert again.lookup(credential(1)) is None
    assert any("quarantined" in alarm for alarm in again.take_alarms())
    assert list(tmp_path.glob("*.quarantined"))
    fill(again, feed, tmp_path)
    assert isinstance(again.lookup(credential(1)), Entitlement)
    again.close()


def test_damage_met_while_running_is_told_and_healed(tmp_path: Path, feed: FeedMaker) -> None:
    """A reader that meets a corrupt page denies, tells; after quarantine and snapshot it finds rows again."""
    for number in range(10, 400):
        feed.entry(entitled(number))
    store = open_store(tmp_path)
    path = fill(store, feed, tmp_path)
    with path.open("r+b") as file:
        file.seek(4096 * 3)
        file.write(b"\x00" * 4096 * 40)
    reader = store.reader()
    results = [reader.lookup(credential(number)) for number in range(10, 400)]
    assert any(isinstance(result, RowDamaged) for result in results)
    damage = store.take_damage()
    assert damage is not None
    store.quarantine(damage.detail)
    assert store.lookup(credential(10)) is None
    fill(store, feed, tmp_path)
    assert isinstance(reader.lookup(credential(10)), Entitlement)
    reader.close()
    store.close()


def test_quarantined_files_do_not_pile_up(tmp_path: Path, feed: FeedMaker) -> None:
    """A card that keeps failing fills the disk with at most two of them."""
    store = open_store(tmp_path)
    for _ in range(5):
        fill(store, feed, tmp_path)
        store.quarantine("again")
    assert len(list(tmp_path.glob("*.quarantined"))) <= 2
    store.close()


def test_a_pointer_that_was_scribbled_on_opens_no_other_file(tmp_path: Path) -> None:
    """Whatever the pointer says, only entitlement files are opened as such."""
    (tmp_path / "journal.db").write_bytes(b"precious")
    for content in (b"journal.db", b"../../etc/passwd", b"\xff\xfe", b"\x00\x00", b""):
        (tmp_path / "entitlements.current").write_bytes(content)
        assert Pointer(tmp_path / "entitlements.db").current == tmp_path / "entitlements.db"
