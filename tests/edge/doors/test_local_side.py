"""Visits, company and PIN hours at real lanes: what was promised by their cores holds from badge to passage."""

from pathlib import Path
from typing import Any

import pytest
from edge.doors.two_way_hall import MIDNIGHT_MS, Hall, card_of
from portillon_edge.domain.events import EventKind, Way
from portillon_edge.visits.book import VisitBook
from portillon_rules.decision import RowDamaged
from portillon_rules.door_rule import DoorRule
from portillon_rules.entitlement import ALWAYS
from portillon_rules.policy import SitePolicy, VisitsElsewhere
from portillon_rules.reason import DenyReason, GrantFlag
from portillon_rules.visits import Allowance, VisitRow
from portillon_rules.zone_rule import Strictness, ZoneRule

GRANTED, OUT = EventKind.GRANTED, Way.EXIT
NO_VISITS_LEFT = DenyReason.NO_VISITS_LEFT


def pack(member: str, most: int, *, home: str = "hall") -> VisitRow:
    allowance = Allowance(name="7", most=most, until_ms=2 * MIDNIGHT_MS)
    return VisitRow(member=member, home=home, turn=1, since_ms=MIDNIGHT_MS - 1, allowances=(allowance,))


def hall_with(folder: Path, row: VisitRow | RowDamaged, **more: Any) -> Hall:
    return Hall(folder=folder, visit_rows={"anne": row}, **more)


def test_a_pack_is_spent_by_passages_and_not_by_grants(tmp_path: Path) -> None:
    """Two visits: one grant that nobody used, two that were, and the fourth is refused. Leaving costs none."""
    hall = hall_with(tmp_path, pack("anne", 2))
    assert hall.goes("anne", "front", passes=False) == GRANTED
    for _ in range(2):
        assert hall.goes("anne", "front") == GRANTED
        assert hall.goes("anne", "back", OUT) == GRANTED
    assert hall.goes("anne", "front") == NO_VISITS_LEFT
    assert hall.goes("bea", "front") == GRANTED


class Unreserved(VisitBook):
    """Ablation: what is running is not counted."""

    def reserve(self, *args: Any, **more: Any) -> Any:
        reserved = super().reserve(*args, **more)
        self.freed(reserved.reservation)
        return reserved


@pytest.mark.parametrize("ablated", [False, True])
def test_the_last_visit_opens_one_lane(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ablated: bool) -> None:
    """Card at the front and phone at the back, at the same moment; without the reservation both would open."""
    if ablated:
        monkeypatch.setattr("edge.doors.two_way_hall.VisitBook", Unreserved)
    hall = hall_with(tmp_path, pack("anne", 1))
    assert hall.asks("anne", "front") == GRANTED
    assert hall.asks("anne", "back", card="phone") == (GRANTED if ablated else NO_VISITS_LEFT)


def test_badging_again_holds_one_visit(tmp_path: Path) -> None:
    """The last one; she passes once, and it is gone. Had she not passed, it would be there again."""
    hall = hall_with(tmp_path, pack("anne", 1))
    assert hall.asks("anne", "front") == GRANTED
    assert hall.asks("anne", "front") == EventKind.REBADGED
    hall.waits(6_000)
    assert hall.asks("anne", "front") == GRANTED and hall.asks("anne", "front") == EventKind.REBADGED
    hall.passes("front")
    assert hall.asks("anne", "back") == NO_VISITS_LEFT


def test_the_events_name_the_visit(tmp_path: Path) -> None:
    """So the cloud spends what the gateway reserved: on grant and passage."""
    hall = hall_with(tmp_path, pack("anne", 1))
    hall.goes("anne", "front")
    assert [event.flags for event in hall.events[-2:]] == [("visit:7.1.",)] * 2


def test_what_refuses_after_the_visit_frees_it(tmp_path: Path) -> None:
    """A day code that was used before costs no visit; nor does a lane that somebody stands in."""
    hall = hall_with(tmp_path, pack("anne", 1))
    hall.member("anne", card="code", single_use=True)
    hall.visit_rows["anne"] = pack("anne", 5)
    assert hall.asks("anne", "front", card="code") == GRANTED
    hall.passes("front")
    hall.visit_rows["anne"] = pack("anne", 2)
    assert hall.asks("anne", "back", card="code") == DenyReason.CODE_USED
    assert hall.asks("bea", "back") == GRANTED
    assert hall.asks("anne", "back") == DenyReason.LANE_BUSY
    hall.waits(6_000)
    assert hall.goes("anne", "back") == GRANTED and hall.goes("anne", "back") == NO_VISITS_LEFT


def test_visits_that_cannot_be_judged(tmp_path: Path) -> None:
    """Kept at another gateway: refused, or flagged where the site wants that. A damaged row is never a free pass."""
    hall = hall_with(tmp_path, pack("anne", 1, home="annex"))
    assert hall.goes("anne", "front") == DenyReason.VISIT_HELD_ELSEWHERE
    loose = SitePolicy(time_zone="America/Toronto", visits_elsewhere=VisitsElsewhere.PASS_AND_FLAG)
    hall.rules = type(hall.rules)(loose, {})
    assert hall.goes("anne", "front") == GRANTED and GrantFlag.VISIT_UNCHECKED in hall.events[-1].flags
    hall.visit_rows["anne"] = RowDamaged("anne")
    assert hall.goes("anne", "front") == DenyReason.ROW_DAMAGED


def test_a_room_that_opens_for_two() -> None:
    """The first waits, the second opens it, the first follows; whoever leaves needs nobody."""
    hall = Hall()
    hall.rules = type(hall.rules)(hall.rules.policy, {}, doors={"pool": DoorRule(door="pool", two_people=True)})
    assert hall.goes("anne", "pool") == DenyReason.SECOND_PERSON_NEEDED
    assert hall.goes("bea", "pool") == GRANTED
    assert hall.goes("anne", "pool") == GRANTED
    assert hall.goes("carl", "pool") == DenyReason.SECOND_PERSON_NEEDED
    assert hall.goes("anne", "pool", OUT) == GRANTED


def test_a_supervisor_is_inside() -> None:
    """By what was passed, where the zone has a rule: half an hour later too, and until they leave."""
    hall = Hall().ruled(ZoneRule(zone="pool", passback=Strictness.SOFT))
    hall.ruled(
        ZoneRule(zone="pool", passback=Strictness.SOFT), doors={"pool": DoorRule(door="pool", supervisors=("sam",))}
    )
    assert hall.goes("anne", "pool") == DenyReason.SUPERVISOR_ABSENT
    assert hall.goes("sam", "pool") == GRANTED
    hall.waits(1_800_000)
    assert hall.goes("anne", "pool") == GRANTED
    assert hall.goes("sam", "pool", OUT) == GRANTED
    hall.waits(1_800_000)
    assert hall.goes("bea", "pool") == DenyReason.SUPERVISOR_ABSENT


def test_hours_of_card_and_pin() -> None:
    """While the schedule is open the card waits for its PIN; the right one opens, none does not; out needs none."""
    hall = Hall()
    hall.rules = type(hall.rules)(hall.rules.policy, {}, doors={"front": DoorRule(door="front", pin_schedule=ALWAYS)})
    hall.member("anne")
    hall.admit(card_of("anne").with_pin("4917"), member="anne", valid_until_ms=2 * MIDNIGHT_MS)
    assert hall.asks("anne", "front") == "nothing"
    came = hall.type("4917#", reader="front-entry", ms=hall.now_ms)
    assert came == [GRANTED]
    hall.waits(6_000)
    assert hall.asks("anne", "front") == "nothing"
    hall.waits(11_000)
    assert hall.events[-1].reason == DenyReason.PIN_MISSING
    assert hall.goes("anne", "front", OUT) == GRANTED and hall.goes("anne", "back") == GRANTED
