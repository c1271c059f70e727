"""Rows that are looked up by member, and the rows of zones, at the gateway's table."""

import sqlite3
from contextlib import closing
from pathlib import Path

from edge.feed_maker import FeedMaker
from edge.store.table_files import fill, open_store
from portillon_rules.decision import RowDamaged
from portillon_rules.presence import Forgiven
from portillon_rules.visits import Allowance, VisitRow
from portillon_rules.zone_rule import EVERY_ZONE, Strictness, ZoneRule
from portillon_wire.rows import RowChange, RowKind

PACK = VisitRow(
    member="m1", home="gw1", turn=1, since_ms=0, allowances=(Allowance(name="7", most=10, until_ms=10**13),)
)
PUT = RowChange(kind=RowKind.VISITS, key="m1", body=PACK.to_body())


def test_visits_are_found_by_member(tmp_path: Path, feed: FeedMaker) -> None:
    """The member's row and nobody else's; a credential of that name is another kind of row."""
    store = open_store(tmp_path)
    fill(store, feed, tmp_path)
    store.apply(feed.entry(PUT))
    assert store.visits("m1") == PACK and store.visits("m2") is None and store.lookup("m1") is None
    store.apply(feed.entry(RowChange(kind=RowKind.VISITS, key="m1", body=None)))
    assert store.visits("m1") is None
    store.close()


def test_a_damaged_row_of_visits_is_not_believed(tmp_path: Path, feed: FeedMaker) -> None:
    """One digit more on the card's disk is no more visits, and it is told."""
    store = open_store(tmp_path)
    path = fill(store, feed, tmp_path)
    store.apply(feed.entry(PUT))
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE feed_row SET body = replace(body, '\"most\":10', '\"most\":99') WHERE kind = 'visits'")
    assert isinstance(store.visits("m1"), RowDamaged)
    damage = store.take_damage()
    assert damage is not None and damage.detail == "visits m1…: its MAC does not fit"
    store.close()


def test_zones_and_forgiveness_are_rules_of_the_site(tmp_path: Path, feed: FeedMaker) -> None:
    """As the feed has them; without such rows there is neither."""
    store = open_store(tmp_path)
    fill(store, feed, tmp_path)
    assert store.site_rules().zones == {} and store.site_rules().forgiven == {}
    gym = ZoneRule(zone="gym", passback=Strictness.HARD, capacity=80)
    everywhere = ZoneRule(zone=EVERY_ZONE, reset_hour=4)
    store.apply(
        feed.entry(
            *(RowChange(kind=RowKind.ZONE_RULE, key=rule.zone, body=rule.to_body()) for rule in (gym, everywhere)),
            RowChange(kind=RowKind.FORGIVEN, key="m1", body=Forgiven("m1", 17).to_body()),
        )
    )
    rules = store.site_rules()
    assert rules.zones == {"gym": gym, EVERY_ZONE: everywhere} and rules.forgiven == {"m1": 17}
    store.close()
