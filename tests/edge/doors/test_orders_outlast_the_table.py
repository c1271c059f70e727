"""A lockdown and a blocked door outlast every damage of `entitlements.db`, told or not; a free door does not."""

import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from edge.doors.small_site import ANNE
from edge.doors.whole_house import CERTAIN, House
from edge.feed_maker import SECRET, FeedMaker, policy
from edge.store.table_files import fill, open_store
from portillon_edge.domain.events import EventKind, NewEvent
from portillon_edge.doors import tried_again
from portillon_edge.doors.kept import ForgetfulStandings, Standings
from portillon_edge.doors.tried_again import AGAIN_NS
from portillon_edge.errors import StandingUnwritable
from portillon_edge.store.entitlements import EntitlementStore
from portillon_edge.store.standing_file import StandingFile
from portillon_rules.decision import SiteRules
from portillon_rules.door_plan import DoorOrder, Standing
from portillon_wire.rows import RowChange, RowKind

E = EventKind
NEVER_NS = 2**62
LOCKDOWN = DoorOrder("outer", Standing.LOCKDOWN, "staff:1")
BLOCKED = DoorOrder("inner", Standing.BLOCKED, "staff:2")
FREE = DoorOrder("outer", Standing.FREE, "staff:3")


@dataclass
class DamagedHouse(House):
    """A house whose rules come from a real table, and which keeps what stands in a real file."""

    store: EntitlementStore | None = None

    def site_rules(self) -> SiteRules:
        return self.rules if self.store is None else self.store.site_rules()


def ordered(order: DoorOrder) -> RowChange:
    return RowChange(kind=RowKind.DOOR_ORDER, key=order.door, body=order.to_body())


def withdrawn(order: DoorOrder) -> RowChange:
    return RowChange(kind=RowKind.DOOR_ORDER, key=order.door, body=None)


class Gateway:
    """One data folder, its feed, and the house that runs on it."""

    def __init__(self, folder: Path, standings: Standings) -> None:
        self.folder = folder
        self.feed = FeedMaker()
        self.feed.entry(policy())
        self.store = open_store(folder)
        self.path = fill(self.store, self.feed, folder)
        self.house = DamagedHouse(time=CERTAIN, standings=standings, store=self.store)
        self.house.admit(ANNE)

    def hear(self, *changes: RowChange) -> list[NewEvent]:
        self.store.apply(self.feed.entry(*changes))
        before = len(self.house.events)
        for _ in range(4):
            self.house.wait(1_000)
        return self.house.events[before:]

    def by_hand(self, sql: str) -> None:
        hand = sqlite3.connect(self.path)
        hand.executescript(sql)
        hand.close()

    def restart(self) -> list[NewEvent]:
        self.store.close()
        self.store = self.house.store = open_store(self.folder)
        before = len(self.house.events)
        self.house.start()
        return self.house.events[before:]


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    one = Gateway(tmp_path, StandingFile(tmp_path, [SECRET]))
    yield one
    one.store.close()


def lockdowns(events: list[NewEvent]) -> list[EventKind]:
    return [event.kind for event in events if event.kind in (E.LOCKDOWN_BEGAN, E.LOCKDOWN_ENDED)]


def test_the_table_is_quarantined_while_it_runs(gateway: Gateway) -> None:
    """Nothing moves and nothing is told; the snapshot that comes then withdraws what was withdrawn."""
    assert lockdowns(gateway.hear(ordered(LOCKDOWN), ordered(BLOCKED))) == [E.LOCKDOWN_BEGAN]
    gateway.store.quarantine("a test")
    assert gateway.house.wait(60_000) == [] and gateway.house.standing == ["lockdown", "blocked"]
    gateway.feed.entry(withdrawn(LOCKDOWN))
    fill(gateway.store, gateway.feed, gateway.folder)
    assert lockdowns(gateway.house.wait(1)) == [E.LOCKDOWN_ENDED]
    assert gateway.house.standing == ["plan", "blocked"]


def test_the_table_is_found_corrupt_at_the_start(gateway: Gateway) -> None:
    """After the restart the doors are locked down, the lockdown is not told anew, and no card opens."""
    gateway.hear(ordered(LOCKDOWN), ordered(BLOCKED))
    gateway.store.close()
    gateway.path.write_bytes(b"\xff" * 4_096)
    assert lockdowns(gateway.restart()) == []
    assert gateway.store.site_rules().policy is None and gateway.house.standing == ["lockdown", "blocked"]
    assert gateway.house.card() == [E.DENIED]


def test_an_old_copy_of_the_table(gateway: Gateway) -> None:
    """A table from before the lockdown, and even one that says free, ends no lockdown."""
    gateway.hear(ordered(FREE))
    gateway.store.close()
    shutil.copy(gateway.path, gateway.folder / "old")
    gateway.restart()
    gateway.hear(ordered(LOCKDOWN))
    gateway.store.close()
    shutil.copy(gateway.folder / "old", gateway.path)
    assert lockdowns(gateway.restart()) == [] and gateway.house.standing == ["lockdown", "plan"]


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize(
    "damage",
    [
        """UPDATE feed_row SET body = replace(body, 'lockdown', 'lockdowm') WHERE kind = 'door_order'""",
        """UPDATE feed_row SET body = replace(body, '"lockdown"', '"free"    ') WHERE kind = 'door_order'""",
        """UPDATE feed_row SET key = 'outes' WHERE kind = 'door_order' AND key = 'outer'""",
        """UPDATE feed_row SET mac = zeroblob(8) WHERE kind = 'door_order'""",
        """UPDATE feed_row SET body = CAST(x'ff' AS TEXT) WHERE kind = 'door_order' AND key = 'outer'""",
        """DELETE FROM feed_row WHERE kind = 'door_order'""",
    ],
)
def test_one_row_is_damaged(gateway: Gateway, damage: str, restarted: bool) -> None:
    """Its MAC does not fit, it cannot be read, it is another door's or gone: the door stays locked down, untold."""
    gateway.hear(ordered(LOCKDOWN))
    gateway.by_hand(damage)
    told = gateway.restart() if restarted else gateway.house.wait(60_000)
    assert lockdowns(told) == [] and gateway.house.standing[0] == "lockdown"


@pytest.mark.parametrize("damage", ["kind = 'door_ordes'", "key = 'outes'", "kind = 'schedule'"])
def test_a_row_that_lost_its_name_revisions_later(gateway: Gateway, damage: str) -> None:
    """A bit that flips in it while the power is off makes it no order at all: the door stays locked down, and is freed
    when the feed withdraws it."""
    gateway.hear(ordered(LOCKDOWN))
    gateway.hear(ordered(BLOCKED))
    gateway.store.close()
    gateway.by_hand(f"UPDATE feed_row SET {damage} WHERE kind = 'door_order' AND key = 'outer'")
    assert lockdowns(gateway.restart()) == [] and gateway.house.standing == ["lockdown", "blocked"]
    gateway.feed.entry(withdrawn(LOCKDOWN))
    fill(gateway.store, gateway.feed, gateway.folder)
    assert lockdowns(gateway.house.wait(1)) == [E.LOCKDOWN_ENDED]


def test_a_free_door_is_locked_when_its_row_is_damaged(gateway: Gateway) -> None:
    """A damaged table never holds a door open."""
    gateway.hear(ordered(FREE))
    assert gateway.house.standing[0] == "free"
    gateway.by_hand("UPDATE feed_row SET mac = zeroblob(8) WHERE kind = 'door_order'")
    assert [event.kind for event in gateway.house.wait(1)] == [E.DOOR_SECURED]


def test_a_lockdown_withdrawn_while_the_gateway_was_off(gateway: Gateway) -> None:
    """Its end is told at the start, so that no alarm stands for ever."""
    gateway.hear(ordered(LOCKDOWN))
    gateway.store.apply(gateway.feed.entry(withdrawn(LOCKDOWN)))
    assert lockdowns(gateway.restart()) == [E.LOCKDOWN_ENDED] and gateway.house.standing[0] == "plan"


def test_a_switch_locks_down_over_a_restart_until_it_is_read(gateway: Gateway) -> None:
    """The key is still turned, as far as anybody knows; once it is read as turned back the lockdown ends."""
    gateway.house.line("lockdown-line", True)
    gateway.hear()
    assert lockdowns(gateway.restart()) == [] and gateway.house.standing == ["lockdown", "lockdown"]
    assert lockdowns(gateway.house.line("lockdown-line", False)) == [E.LOCKDOWN_ENDED]


def test_an_order_with_an_end_ends_by_itself_without_table_or_cloud(gateway: Gateway) -> None:
    """What was kept of it knows its end: the lockdown is over at that second, told once, ended by nobody."""
    end_ms = gateway.house.time.business_ms + 600_000
    gateway.hear(ordered(replace(LOCKDOWN, until_ms=end_ms)))
    gateway.store.quarantine("a test")
    gateway.restart()
    assert gateway.house.wait(599_999) == [] and gateway.house.standing[0] == "lockdown"
    (ended,) = gateway.house.wait(1)
    assert (ended.kind, ended.by, ended.at.boot_ns) == (E.LOCKDOWN_ENDED, None, 600_000 * 1_000_000)
    assert gateway.house.standing[0] == "plan"


def test_a_power_cut_right_after_a_lockdown(gateway: Gateway) -> None:
    """The journal may not have it yet: it is told again, and the doors are locked down from the start."""
    gateway.store.apply(gateway.feed.entry(ordered(LOCKDOWN)))
    gateway.house.wait(1)
    assert lockdowns(gateway.restart()) == [E.LOCKDOWN_BEGAN] and gateway.house.standing[0] == "lockdown"


def test_a_full_disk_is_told_and_moves_nothing(tmp_path: Path) -> None:
    """The doors lock down all the same; the alarm says what is at stake."""

    class Full(ForgetfulStandings):
        def save(self, body: object) -> None:
            raise StandingUnwritable("no space")

    gateway = Gateway(tmp_path, Full())
    told = gateway.hear(ordered(LOCKDOWN))
    assert [(one.kind, one.reason) for one in told][-1] == (E.ALARM, "standing_orders")
    assert gateway.house.standing[0] == "lockdown"
    gateway.store.close()


@dataclass
class FullFile(StandingFile):
    """The file on a disk that has no room for it."""

    folder: Path
    full: bool = True

    def __post_init__(self) -> None:
        super().__init__(self.folder, [SECRET])

    def save(self, body: Mapping[str, Any]) -> None:
        if self.full:
            raise StandingUnwritable("no space")
        super().save(body)


@pytest.mark.parametrize(("again_ns", "stands"), [(AGAIN_NS, "lockdown"), (NEVER_NS, "plan")])
def test_what_the_disk_did_not_take_is_written_when_it_has_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, again_ns: int, stands: str
) -> None:
    """Told once, tried again though no order changes, and then it outlasts the table; tried only once, it does not."""
    monkeypatch.setattr(tried_again, "AGAIN_NS", again_ns)
    file = FullFile(tmp_path)
    gateway = Gateway(tmp_path, file)
    gateway.hear(ordered(LOCKDOWN))
    assert [one for one in gateway.house.wait(60_000) if one.reason == "standing_orders"] == []
    file.full = False
    gateway.house.wait(10_000)
    gateway.store.close()
    gateway.path.write_bytes(b"\xff" * 4_096)
    gateway.restart()
    assert gateway.house.standing[0] == stands
    gateway.store.close()


def test_ablation_without_the_file_a_corrupt_table_ends_the_lockdown(tmp_path: Path) -> None:
    """The same restart, with nothing kept apart from the table: the door is back on its plan."""
    gateway = Gateway(tmp_path, ForgetfulStandings())
    gateway.hear(ordered(LOCKDOWN))
    gateway.store.close()
    gateway.path.write_bytes(b"\xff" * 4_096)
    gateway.restart()
    assert gateway.house.standing[0] == "plan"
    gateway.store.close()
