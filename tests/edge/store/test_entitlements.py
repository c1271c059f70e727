"""Who may pass, on disk: applied whole or not at all, put in force whole or not at all."""

import threading
from pathlib import Path

import pytest
from edge.feed_maker import SECRET, FeedMaker, credential, entitled, policy, removed
from edge.store.failing_disk import FailingDisk
from edge.store.table_files import fill, open_store
from hypothesis import given, settings
from hypothesis import strategies as st
from portillon_edge.domain.position import EMPTY, Position
from portillon_edge.domain.timekeeping import TimeKeeper
from portillon_edge.errors import EntryOutOfOrder, EntryRefused, RootMismatch, StoreBusy
from portillon_edge.store.connection import sqlite_report
from portillon_edge.store.entitlement_reader import EntitlementReader
from portillon_edge.store.pointer import Pointer
from portillon_edge.store.snapshot_build import build_snapshot
from portillon_rules.decision import SiteRules
from portillon_rules.door_plan import EVERY_DOOR, DoorOrder, DoorPlan, Standing
from portillon_rules.door_rule import DoorRule
from portillon_rules.entitlement import Entitlement
from portillon_rules.holidays import HolidayCalendar
from portillon_rules.reason import DenyReason
from portillon_wire.rows import RowChange


def test_an_empty_store_knows_nobody(tmp_path: Path) -> None:
    """Before the first snapshot: no row, no policy, the empty position."""
    store = open_store(tmp_path)
    assert store.lookup(credential(1)) is None
    assert store.site_rules() == SiteRules(None, {})
    assert store.position() == EMPTY
    store.close()


def test_a_snapshot_and_its_deltas_are_found_again(tmp_path: Path, feed: FeedMaker) -> None:
    """Rows put and deleted by entries are what a lookup says, at once and after reopening."""
    store = open_store(tmp_path)
    fill(store, feed, tmp_path)
    assert isinstance(store.lookup(credential(1)), Entitlement)
    store.apply(feed.entry(removed(1), entitled(3), entitled(2, refusal=DenyReason.DUES_UNPAID)))
    assert store.lookup(credential(1)) is None
    found = store.lookup(credential(2))
    assert isinstance(found, Entitlement) and found.refusal is DenyReason.DUES_UNPAID
    position = store.position()
    store.close()
    again = open_store(tmp_path)
    assert again.position() == position == Position(1, 2, feed.digest.root())
    assert isinstance(again.lookup(credential(3)), Entitlement)
    assert again.roots()[2] == feed.digest.root()
    again.close()


def test_site_rules_follow_every_change(tmp_path: Path, feed: FeedMaker) -> None:
    """Policy and schedules are read anew when, and only when, the table has changed."""
    store = open_store(tmp_path)
    fill(store, feed, tmp_path)
    first = store.site_rules()
    assert first.policy is not None and first.policy.time_zone == "America/Toronto"
    assert store.site_rules() is first
    windows = RowChange(kind="schedule", key="mornings", body={"windows": [[0, 360, 720]], "closed_on": []})
    holidays = RowChange(kind="holidays", key="france", body={"days": ["07-14"]})
    door = DoorRule(door="vault", two_people=True)
    rule = RowChange(kind="door_rule", key="vault", body=door.to_body())
    store.apply(feed.entry(policy("Europe/Paris"), windows, holidays, rule))
    second = store.site_rules()
    assert (first.revision, second.revision) == (1, 2)
    assert second.doors == {"vault": door}
    assert second.holidays == {"france": HolidayCalendar("france", frozenset({"07-14"}))}
    assert second.policy is not None and second.policy.time_zone == "Europe/Paris"
    assert list(second.schedules) == ["mornings"]
    store.close()


def test_only_the_next_revision_is_applied(tmp_path: Path, feed: FeedMaker) -> None:
    """A gap, a repetition and another epoch raise, and nothing of them is in."""
    store = open_store(tmp_path)
    fill(store, feed, tmp_path)
    second = feed.entry(entitled(3))
    third = feed.entry(entitled(4))
    with pytest.raises(EntryOutOfOrder):
        store.apply(third)
    store.apply(second)
    for wrong in (second, third.model_copy(update={"epoch": 2})):
        with pytest.raises(EntryOutOfOrder):
            store.apply(wrong)
    assert store.position().revision == 2
    store.close()


def test_an_entry_that_makes_another_root_is_rolled_back(tmp_path: Path, feed: FeedMaker) -> None:
    """Nothing of it stays, neither in the rows nor in the digest: the right entry still fits afterwards."""
    store = open_store(tmp_path)
    fill(store, feed, tmp_path)
    right = feed.entry(entitled(9))
    with pytest.raises(RootMismatch, match="makes root"):
        store.apply(right.model_copy(update={"changes": (entitled(8), removed(1))}))
    assert store.lookup(credential(8)) is None and store.lookup(credential(1)) is not None
    store.apply(right)
    assert store.position().revision == 2
    store.close()


def test_ablation_without_the_root_check_a_wrong_table_would_be_in_force(
    tmp_path: Path, feed: FeedMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The root is what refuses it: with every root accepted, the foreign row is found."""
    store = open_store(tmp_path)
    fill(store, feed, tmp_path)
    right = feed.entry(entitled(9))
    monkeypatch.setattr("portillon_edge.store.entitlement_table.Digest.root", lambda self: right.root)
    store.apply(right.model_copy(update={"changes": (entitled(8),)}))
    assert store.lookup(credential(8)) is not None
    store.close()


def test_a_body_without_canonical_form_is_refused(tmp_path: Path, feed: FeedMaker) -> None:
    """A number that JSON cannot spell does not bring the store down."""
    store = open_store(tmp_path)
    fill(store, feed, tmp_path)
    bad = RowChange(kind="entitlement", key="x", body={"valid_until_ms": float("nan")})
    entry = feed.entry(entitled(5)).model_copy(update={"changes": (bad,)})
    with pytest.raises(EntryRefused, match="canonical"):
        store.apply(entry)
    assert store.position().revision == 1
    store.close()


def test_switching_is_seen_by_every_reader_and_removes_the_old_file(tmp_path: Path, feed: FeedMaker) -> None:
    """Readers that were open follow to the new table; one file is left; the pointer survives a restart."""
    store = open_store(tmp_path)
    first = fill(store, feed, tmp_path)
    reader = store.reader()
    assert reader.lookup(credential(1)) is not None
    other = FeedMaker(epoch=2)
    other.entry(policy(), entitled(50))
    second = fill(store, other, tmp_path)
    assert reader.lookup(credential(1)) is None and reader.lookup(credential(50)) is not None
    assert second.exists() and not first.exists() and not (tmp_path / "entitlements.db").exists()
    reader.close()
    store.close()
    again = open_store(tmp_path)
    assert again.position().epoch == 2
    again.close()


def test_entries_that_came_while_building_go_into_the_new_table(tmp_path: Path, feed: FeedMaker) -> None:
    """Deltas go to both: what was applied to the old table meanwhile is in the new one before it is put in force."""
    store = open_store(tmp_path)
    fill(store, feed, tmp_path)
    offer, body = feed.snapshot()
    (tmp_path / "s.zst").write_bytes(body)
    later = feed.entry(removed(1))
    store.apply(later)
    target = store.snapshot_path(offer.epoch, offer.revision)
    build_snapshot(tmp_path / "s.zst", target, offer=offer, secret=SECRET, cancelled=lambda: False)
    store.switch(target, [later])
    assert store.position().revision == 2 and store.lookup(credential(1)) is None
    store.close()


def test_a_switch_that_fails_leaves_the_old_table_in_force(tmp_path: Path, feed: FeedMaker) -> None:
    """An entry that does not fit the new table stops the switch; nothing has changed for the doors."""
    store = open_store(tmp_path)
    fill(store, feed, tmp_path)
    offer, body = feed.snapshot()
    (tmp_path / "s.zst").write_bytes(body)
    target = store.snapshot_path(9, 9)
    build_snapshot(tmp_path / "s.zst", target, offer=offer, secret=SECRET, cancelled=lambda: False)
    feed.entry(entitled(3))
    with pytest.raises(EntryOutOfOrder):
        store.switch(target, [feed.entry(entitled(4))])
    assert store.position().revision == 1
    assert isinstance(store.lookup(credential(1)), Entitlement)
    store.close()


def test_a_table_that_was_never_built_is_not_put_in_force(tmp_path: Path, feed: FeedMaker) -> None:
    """Switching to a file that is gone must not put an empty table in force."""
    store = open_store(tmp_path)
    fill(store, feed, tmp_path)
    with pytest.raises(StoreBusy, match="gone"):
        store.switch(store.snapshot_path(1, 5))
    assert isinstance(store.lookup(credential(1)), Entitlement)
    store.close()


def test_a_failing_disk_changes_nothing_and_may_be_tried_again(
    tmp_path: Path, feed: FeedMaker, failing_disk: type[FailingDisk]
) -> None:
    """A commit that fails raises StoreBusy; the same entry fits once the disk is well again."""
    store = open_store(tmp_path, factory=failing_disk)
    fill(store, feed, tmp_path)
    entry = feed.entry(removed(1))
    failing_disk.on, failing_disk.broken = "COMMIT", True
    with pytest.raises(StoreBusy, match="nothing was changed"):
        store.apply(entry)
    assert store.position().revision == 1 and store.lookup(credential(1)) is not None
    failing_disk.broken = False
    store.apply(entry)
    assert store.lookup(credential(1)) is None
    store.close()


def test_another_process_reads_beside_the_gateway(tmp_path: Path, feed: FeedMaker) -> None:
    """What `explain` opens sees the same rows, and its coming and going changes no file in force."""
    store = open_store(tmp_path)
    fill(store, feed, tmp_path)
    store.apply(feed.entry(entitled(5)))
    beside = EntitlementReader(Pointer(tmp_path / "entitlements.db"), SECRET)
    assert beside.lookup(credential(5)) == store.lookup(credential(5))
    assert beside.position() == store.position()
    beside.close()
    store.apply(feed.entry(entitled(6)))
    store.close()
    stopped = EntitlementReader(Pointer(tmp_path / "entitlements.db"), SECRET)
    assert stopped.lookup(credential(6)) is not None
    stopped.close()


def test_the_lease_outlives_the_table(tmp_path: Path, feed: FeedMaker) -> None:
    """A quarantined or replaced table keeps the lease spent as far as it was; a lease touched by hand is not used."""
    store = open_store(tmp_path)
    fill(store, feed, tmp_path)
    keeper = TimeKeeper(mode="live", boot_id="b", boot_ns=0)
    assert keeper.adopt(feed.lease(), 0) is None
    saved = keeper.saved(5_000_000_000)
    assert saved is not None
    store.save_lease(saved)
    store.quarantine("test")
    assert store.load_lease() == saved
    file = tmp_path / "entitlements.lease"
    file.write_bytes(file.read_bytes().replace(b'spent_ms\\": 5000', b'spent_ms\\": 0000'))
    assert store.load_lease() is None
    file.write_bytes(b"{")
    assert store.load_lease() is None
    store.close()


def test_lookups_go_on_while_entries_are_applied(tmp_path: Path, feed: FeedMaker) -> None:
    """One thread applies, one looks up: every answer is from before or after an entry, never an error."""
    store = open_store(tmp_path)
    fill(store, feed, tmp_path)
    entries = [feed.entry(entitled(1, member=f"m{number}")) for number in range(200)]
    seen: list[object] = []
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            seen.append(store.lookup(credential(1)))
            store.site_rules()

    thread = threading.Thread(target=look)
    thread.start()
    for entry in entries:
        store.apply(entry)
    done.set()
    thread.join()
    assert seen and all(isinstance(one, Entitlement) for one in seen)
    assert store.take_damage() is None
    store.close()


@pytest.mark.parametrize(
    ("version", "affected"),
    [((3, 40, 1), True), ((3, 44, 6), False), ((3, 50, 6), True), ((3, 50, 7), False), ((3, 51, 2), True),
     ((3, 51, 3), False), ((3, 54, 1), False), ((3, 6, 23), False)],
)  # fmt: skip
def test_the_wal_reset_bug_is_recognised(version: tuple[int, ...], affected: bool) -> None:
    """The versions that sqlite.org names as fixed are told apart from the ones that carry the bug."""
    report = sqlite_report(version)
    assert report.wal_reset_bug is affected
    assert ".".join(map(str, version)) in str(report)


@settings(deadline=None)  # real files
@given(st.lists(st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=1, max_size=4), max_size=12))
def test_any_feed_makes_the_table_that_was_signed(
    tmp_path_factory: pytest.TempPathFactory, plan: list[list[tuple[int, bool]]]
) -> None:
    """Whatever is put, changed and deleted: root by root, and row by row at the end, store and feed agree."""
    folder = tmp_path_factory.mktemp("store")
    feed = FeedMaker()
    feed.entry(policy())
    store = open_store(folder)
    fill(store, feed, folder)
    for step, changes in enumerate(plan):
        rows = [entitled(n, member=f"m{step}") if put else removed(n) for n, put in changes]
        assert store.apply(feed.entry(*rows)).root == feed.digest.root()
    for number in range(7):
        known = ("entitlement", credential(number)) in feed.rows
        assert isinstance(store.lookup(credential(number)), Entitlement) is known
    store.close()


def test_plans_and_orders_of_doors_are_read_and_withdrawn(tmp_path: Path, feed: FeedMaker) -> None:
    """A lockdown of the site and a door's plan are in force with their revision, and gone with their rows."""
    store = open_store(tmp_path)
    fill(store, feed, tmp_path)
    plan = DoorPlan("front", "mornings", first_person=True)
    order = DoorOrder(EVERY_DOOR, Standing.LOCKDOWN, "staff:3")
    rows = (("door_plan", "front", plan.to_body()), ("door_order", EVERY_DOOR, order.to_body()))
    store.apply(feed.entry(*(RowChange(kind=kind, key=key, body=body) for kind, key, body in rows)))
    rules = store.site_rules()
    assert rules.plans == {"front": plan} and rules.orders == {EVERY_DOOR: order}
    store.apply(feed.entry(RowChange(kind="door_order", key=EVERY_DOOR, body=None)))
    assert store.site_rules().orders == {} and store.site_rules().plans == {"front": plan}
    store.close()
