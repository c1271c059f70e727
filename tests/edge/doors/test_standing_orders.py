"""What locks stays locked through every damage of the table, what was withdrawn is withdrawn, nothing is held open."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portillon_edge.doors.standing_orders import StandingOrders
from portillon_rules.decision import SiteRules
from portillon_rules.door_plan import EVERY_DOOR, DoorOrder, Standing
from portillon_wire.digest import bucket_of
from portillon_wire.rows import RowKind
from portillon_wire.rule_rows import EVERY_BUCKET

LOCKDOWN = DoorOrder(EVERY_DOOR, Standing.LOCKDOWN, "staff:1")
BLOCKED = DoorOrder("sauna", Standing.BLOCKED, "staff:2", until_ms=5_000)
FREE = DoorOrder("lane1", Standing.FREE, "staff:3")
NO_TABLE = SiteRules(None, {})


def table(*orders: DoorOrder, epoch: int = 1, revision: int = 7, anew: bool = False) -> SiteRules:
    """`anew`: the whole table was made at that revision."""
    return SiteRules(
        None,
        {},
        orders={one.door: one for one in orders},
        epoch=epoch,
        revision=revision,
        went={EVERY_BUCKET: revision} if anew else {},
    )


KEPT = StandingOrders().after(table(LOCKDOWN, BLOCKED, FREE))


def stands(rules: SiteRules, kept: StandingOrders = KEPT) -> set[DoorOrder]:
    return set(kept.over(rules).orders.values())


def test_what_locks_is_kept_and_what_frees_is_not() -> None:
    """A table that is gone leaves the doors locked, and none of them held open."""
    assert stands(NO_TABLE) == {LOCKDOWN, BLOCKED}


def test_a_table_that_was_made_anew_is_believed() -> None:
    """An order that it does not have was withdrawn, and is not kept any longer."""
    later = table(FREE, revision=8, anew=True)
    assert stands(later) == {FREE} and KEPT.after(later).orders == {}
    assert stands(NO_TABLE, KEPT.after(later)) == set()


def test_what_else_a_table_says_of_a_door_counts() -> None:
    """It lacks one order, and has another for a door: that one takes the place of what was kept there."""
    other = DoorOrder("sauna", Standing.FREE, "staff:4")
    assert stands(table(other, revision=9)) == {LOCKDOWN, other}


@pytest.mark.parametrize("revision", [7, 8, 900])
def test_a_row_that_is_only_missing_withdraws_nothing(revision: int) -> None:
    """At whatever revision: a table without the order has lost it, unless the feed said that it went."""
    assert stands(table(revision=revision)) == {LOCKDOWN, BLOCKED}


def test_the_feed_says_which_order_went() -> None:
    """An entry that withdraws one withdraws no other, and nothing that was ordered after it."""
    told = {bucket_of(RowKind.DOOR_ORDER, EVERY_DOOR): 8}
    assert stands(replace(table(revision=8), went=told)) == {BLOCKED}
    assert stands(replace(table(revision=8), went=dict.fromkeys(told, 7))) == {LOCKDOWN, BLOCKED}


def test_what_is_in_a_table_made_anew_is_kept_from_that_one_on() -> None:
    """A row that is lost afterwards ends no lockdown either: not after a snapshot, and not in a new epoch."""
    for anew in (table(LOCKDOWN, revision=30, anew=True), table(LOCKDOWN, epoch=2, revision=3, anew=True)):
        kept = KEPT.after(anew)
        assert stands(replace(anew, orders={}), kept) == {LOCKDOWN}
        assert kept.after(replace(anew, revision=50)) is kept


@pytest.mark.parametrize(("epoch", "revision"), [(1, 6), (0, 900)])
def test_an_old_copy_counts_less_than_what_was_kept(epoch: int, revision: int) -> None:
    """An older table neither withdraws an order nor frees a door that was locked down after it."""
    free = DoorOrder(EVERY_DOOR, Standing.FREE, "staff:3")
    assert stands(table(free, epoch=epoch, revision=revision)) == {LOCKDOWN, BLOCKED}


def test_an_order_that_only_an_older_table_has_is_not_kept() -> None:
    """Power went, and with it the table's last commit, the order's withdrawal: it stands until that comes again."""
    after_withdrawal = KEPT.after(table(revision=8, anew=True))
    assert stands(table(LOCKDOWN), after_withdrawal) == {LOCKDOWN}
    once_more = after_withdrawal.after(table(LOCKDOWN)).after(table(revision=8, anew=True))
    assert stands(table(revision=8, anew=True), once_more) == stands(NO_TABLE, once_more) == set()


def test_a_new_epoch_is_a_later_table() -> None:
    """A cloud that began anew is believed, whatever its revisions count."""
    assert stands(table(epoch=2, revision=1)) == set()


def test_nothing_new_is_the_same_object() -> None:
    """So that nothing is written to the disk for each revision of the feed."""
    for rules in (table(LOCKDOWN, BLOCKED, FREE, revision=50), table(LOCKDOWN, BLOCKED, revision=51), NO_TABLE):
        assert KEPT.after(rules) is KEPT


def test_no_orders_no_copy() -> None:
    """A site without orders decides on the table's own rules."""
    rules = table(revision=9)
    assert StandingOrders().over(rules) is rules


ORDERS = st.builds(
    DoorOrder, st.sampled_from([EVERY_DOOR, "lane1", "sauna"]), st.sampled_from(Standing), st.sampled_from("ab")
)
CHANGES = st.lists(st.tuples(ORDERS, st.booleans()), min_size=1, max_size=12)


def damaged(rules: SiteRules, old: SiteRules, damage: str) -> SiteRules:
    if damage == "no table":
        return NO_TABLE
    if damage == "a row lost":
        orders = dict(rules.orders)
        orders.pop(next(iter(orders), ""), None)
        return replace(rules, orders=orders)
    if damage == "rows lost":
        return replace(rules, orders={})
    return old if damage == "old copy" else rules


def locks_like_the_feed(changes: list[tuple[DoorOrder, bool]], damage: str) -> bool:
    """Whether every door that locks does so still, once the last change was seen whole and the table then damaged."""
    kept, rules, history = StandingOrders(), table(revision=1), [table(revision=1)]
    for revision, (order, withdrawn) in enumerate(changes, 2):
        orders = {**rules.orders, order.door: order}
        went = dict(rules.went)
        if withdrawn:
            del orders[order.door]
            went[bucket_of(RowKind.DOOR_ORDER, order.door)] = revision
        rules = replace(rules, orders=orders, revision=revision, went=went)
        kept = kept.after(rules)
        history.append(rules)
    stood = kept.over(rules).orders
    if stood != rules.orders:
        return False
    after = kept.over(damaged(rules, history[-2], damage)).orders
    locking = {door: one for door, one in rules.orders.items() if one.standing is not Standing.FREE}
    return all(after.get(door) == one for door, one in locking.items())


@given(CHANGES, st.sampled_from(["none", "no table", "a row lost", "rows lost"]))
def test_no_history_loses_what_locks(changes: list[tuple[DoorOrder, bool]], damage: str) -> None:
    """Whatever was ordered and withdrawn before: the sound table is followed, and its damage unlocks nothing."""
    assert locks_like_the_feed(changes, damage)


@given(CHANGES)
def test_a_revision_that_locked_is_not_undone_by_an_older_one(changes: list[tuple[DoorOrder, bool]]) -> None:
    """If the last change was an order that locks, the copy of before does not undo it."""
    order = replace(changes[-1][0], standing=Standing.LOCKDOWN, by="the last")
    assert locks_like_the_feed([*changes[:-1], (order, False)], "old copy")


def test_ablation_without_what_was_kept_a_damage_ends_the_lockdown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Believing the table alone, the property fails on the simplest history."""
    monkeypatch.setattr(StandingOrders, "over", lambda _, rules: rules)
    assert locks_like_the_feed([(LOCKDOWN, False)], "none")
    assert not locks_like_the_feed([(LOCKDOWN, False)], "no table")
    assert not locks_like_the_feed([(LOCKDOWN, False)], "a row lost")
