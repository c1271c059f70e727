"""`explain` at a closed door: by an order, by a lockdown that outlived its table, as a running gateway says it."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from edge.gym_process import KEY, MEMBER_CARD, NOW_MS, Gym
from edge.health.report_sample import report as report_sample
from portillon_config import load
from portillon_edge import saved_state
from portillon_edge.doors.bearing import Why
from portillon_edge.doors.kept import Kept
from portillon_edge.doors.lockdown_watch import Lockdown
from portillon_edge.doors.standing_orders import NO_ORDERS, StandingOrders
from portillon_edge.explain import outcomes
from portillon_edge.health.report import HealthReport
from portillon_edge.store.standing_file import StandingFile
from portillon_rules.credential import Credential, CredentialKind
from portillon_rules.decision import Denied
from portillon_rules.door_plan import EVERY_DOOR, DoorOrder, Standing
from portillon_rules.reason import DenyReason
from portillon_rules.row_mac import row_mac_key
from portillon_wire.digest import bucket_of
from portillon_wire.messages import DoorHealth
from portillon_wire.rows import RowChange, RowKind

CARD = Credential(CredentialKind.EM4100, MEMBER_CARD)
DAY_MS = 86_400_000
SWITCH = """
[[inputs]]
name = "panic"
type = "modbus"
path = "site/inputs"
address = 1
channel = 3
active = "closed"

[[watches]]
name = "panic-switch"
kind = "lockdown"
input = "panic"
"""


@pytest.fixture
def house(tmp_path: Path) -> Gym:
    """Two lanes and a switch that locks down; no gateway runs."""
    made = Gym(tmp_path)
    made.config_path.write_text(made.config_path.read_text() + SWITCH)
    return made


def ordered(standing: Standing, door: str = EVERY_DOOR, until_ms: int | None = None) -> RowChange:
    """The feed's row of an order."""
    order = DoorOrder(door, standing, "s-1", until_ms)
    return RowChange(kind=RowKind.DOOR_ORDER, key=door, body=order.to_body())


def refused(house: Gym) -> dict[str, str | None]:
    """Why the member is refused at each lane, None: granted."""
    case = saved_state.case_of(CARD, config=load(house.config_path), keys=[KEY])
    return {door.name: got.reason if isinstance(got, Denied) else None for door, got in outcomes(case)}


def keep(house: Gym, kept: Kept) -> None:
    """What a gateway that has ended wrote down beside its table."""
    StandingFile(house.data_dir, [row_mac_key(KEY)]).save(kept.to_body())


@pytest.mark.parametrize(
    ("order", "lane1", "lane2"),
    [
        (ordered(Standing.LOCKDOWN), DenyReason.LOCKDOWN, DenyReason.LOCKDOWN),
        (ordered(Standing.BLOCKED, "lane2"), None, DenyReason.DOOR_BLOCKED),
        (ordered(Standing.BLOCKED, "lane2", NOW_MS + DAY_MS), None, DenyReason.DOOR_BLOCKED),
        (ordered(Standing.BLOCKED, "lane2", NOW_MS - 1), None, None),
        (ordered(Standing.FREE, "lane1"), None, None),
    ],
)
def test_an_order_of_the_table_closes(
    house: Gym, order: RowChange, lane1: DenyReason | None, lane2: DenyReason | None
) -> None:
    """Of the site or of one door, until it ends; one that frees closes nothing."""
    house.seed(order)
    assert refused(house) == {"lane1": lane1, "lane2": lane2}


def test_what_was_kept_beside_the_table_closes_too(house: Gym) -> None:
    """The table that ordered it is damaged or old: the gateway would lock down, and so it is explained."""
    house.seed()
    lockdown = DoorOrder(EVERY_DOOR, Standing.LOCKDOWN, "s-1")
    keep(house, Kept(StandingOrders({EVERY_DOOR: lockdown}, epoch=0, revision=9)))
    assert set(refused(house).values()) == {DenyReason.LOCKDOWN}
    keep(house, Kept(StandingOrders({EVERY_DOOR: lockdown}, epoch=0, revision=0)))
    assert set(refused(house).values()) == {DenyReason.LOCKDOWN}, "a later table only lacks it"
    with closing(sqlite3.connect(house.data_dir / "entitlements.db", isolation_level=None)) as table:
        table.execute("INSERT INTO went VALUES (?, 1)", [bucket_of(RowKind.DOOR_ORDER, EVERY_DOOR)])
    assert set(refused(house).values()) == {None}, "the feed said that it went"


def test_a_switch_that_was_turned_closes(house: Gym) -> None:
    """Until it is read again it stands as it was when the gateway went down."""
    house.seed()
    keep(house, Kept(NO_ORDERS, frozenset({Lockdown(Why.LOCKDOWN, "panic-switch", None, "panic")})))
    assert set(refused(house).values()) == {DenyReason.LOCKDOWN}


def test_a_running_gateway_knows_better(house: Gym, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a technician ordered before it and what its lanes say is on no disk: it is taken from its report."""
    house.seed(ordered(Standing.LOCKDOWN))

    def lane(name: str, standing: str, *troubles: str, state: str = "idle") -> DoorHealth:
        return DoorHealth(name=name, kind="turnstile_lane", state=state, standing=standing, troubles=troubles)

    told: list[HealthReport] = []
    monkeypatch.setattr(saved_state, "fresh_report", lambda _: told[-1])
    monkeypatch.setattr(saved_state, "_output_up", lambda *_: True)
    told.append(report_sample(doors=(lane("lane1", "blocked"), lane("lane2", "plan", "lane_fault"))))
    assert refused(house) == {"lane1": DenyReason.DOOR_BLOCKED, "lane2": DenyReason.LANE_FAULT}
    told.append(report_sample(doors=(lane("lane1", "fire", "lane_fault"), lane("lane2", "free", state="granted"))))
    assert refused(house) == {"lane1": None, "lane2": None}
