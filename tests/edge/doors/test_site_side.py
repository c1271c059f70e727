"""Fire, lockdown, orders, plans and staff, as the doors of a small house follow them."""

from dataclasses import replace

import pytest
from edge.doors.small_site import ANNE
from edge.doors.whole_house import CERTAIN, House, Latch
from portillon_drivers.events import InputDown, InputTroubled, LineTrouble
from portillon_edge.domain.events import EventKind, NewEvent
from portillon_edge.doors.machine import HOLD_MS, RENEW_MS
from portillon_edge.doors.showing import Outcome
from portillon_edge.doors.staff_order import (
    LOCAL_HOLD_MS_MAX,
    Acknowledge,
    HoldDoor,
    OpenDoor,
    ReleaseDoor,
    ResetFire,
)
from portillon_edge.errors import LatchUnwritable
from portillon_rules.door_plan import EVERY_DOOR, DoorOrder, DoorPlan, Standing
from portillon_rules.reason import DenyReason
from portillon_rules.schedule import Schedule, Window
from portillon_wire.alarm_classes import Alarm

E = EventKind
ALWAYS_OPEN = Schedule("day", tuple(Window(day, 0, 1440) for day in range(7)))
BOTH = {"outer-lock", "inner-lock"}


@pytest.fixture
def house() -> House:
    house = House(time=CERTAIN)
    house.admit(ANNE, first_person=True)
    return house


def kinds(events: list[NewEvent]) -> list[EventKind]:
    return [event.kind for event in events]


def order(house: House, *orders: DoorOrder) -> None:
    house.rules = replace(house.rules, orders={one.door: one for one in orders})


def plan(house: House, *, first_person: bool = False) -> None:
    plans = {"outer": DoorPlan("outer", "day", first_person)}
    house.rules = replace(house.rules, schedules={"day": ALWAYS_OPEN}, plans=plans)


def test_a_fire_frees_every_door_until_somebody_resets(house: House) -> None:
    """Alarm, quiet, reset: the doors are held free from the first until the last, and each word is written once."""
    fire = house.line("fire-line", True)
    assert kinds(fire) == [E.FIRE, E.DOOR_FREED, E.DOOR_FREED] and fire[0].by == "fire-line"
    assert house.standing == ["fire", "fire"] and house.held() == BOTH
    assert kinds(house.line("fire-line", False)) == [E.FIRE_INPUT_RESTORED]
    assert house.wait(60_000) == [] and house.held() == BOTH
    reset = house.do(ResetFire("s-1", house.now_ns))
    assert kinds(reset) == [E.FIRE_RESET, E.DOOR_SECURED, E.DOOR_SECURED] and reset[0].by == "s-1"
    assert ("lock", "outer-lock") in house.told
    house.held()
    house.wait(60_000)
    assert house.held() == set()


def test_holds_are_renewed_in_time(house: House) -> None:
    """Between two renewals of a hold there is never as long as a hold lasts."""
    house.line("fire-line", True)
    house.held()
    for _ in range(10):
        house.wait(RENEW_MS)
        assert house.held() == BOTH
    assert RENEW_MS < HOLD_MS


def test_a_fire_outlives_the_gateway(house: House) -> None:
    """After a restart the doors are free at once, though the loop is quiet, until the reset; then never again."""
    house.line("fire-line", True)
    house.start()
    house.line("fire-line", False)
    assert house.standing == ["fire", "fire"]
    house.do(ResetFire("s-1", house.now_ns))
    house.start()
    assert house.standing == ["plan", "plan"]


def test_a_full_disk_keeps_no_door_locked() -> None:
    """If the latch cannot be written the doors are free all the same, and it is told."""
    house = House(time=CERTAIN, latch=Latch(full=LatchUnwritable("no space")))
    told = house.line("fire-line", True)
    assert kinds(told) == [E.FIRE, E.DOOR_FREED, E.DOOR_FREED, E.ALARM]
    assert told[-1].reason == "fire_latch" and house.standing == ["fire", "fire"]


def test_a_fire_is_latched_when_the_disk_has_room() -> None:
    """What was not written is tried again, silently, and then the fire outlives the gateway."""
    house = House(time=CERTAIN, latch=Latch(full=LatchUnwritable("no space")))
    house.line("fire-line", True)
    assert E.ALARM not in kinds(house.wait(25_000)) and not house.latch.names
    house.latch.full = None
    house.wait(10_000)
    assert house.latch.names == {"fire"}


def test_a_cut_loop_is_told_apart_from_a_fire(house: House) -> None:
    """A cut frees the doors and is an input's fault, ended when the loop is whole; no FIRE is ever written."""
    cut = house.do(InputTroubled("fire-line", LineTrouble.CUT, "no current", house.now_ns))
    assert kinds(cut) == [E.INPUT_FAULT, E.DOOR_FREED, E.DOOR_FREED]
    assert (cut[0].by, cut[0].door, cut[1].reason) == ("fire-line", None, "fire_line")
    assert kinds(house.line("fire-line", False)) == [E.INPUT_RESTORED, E.FIRE_INPUT_RESTORED]


def test_a_loop_whose_board_is_gone_frees_nothing(house: House) -> None:
    """An input board that loses its cable is told, and moves no door."""
    gone = house.do(InputDown("fire-line", "unplugged", house.now_ns))
    assert kinds(gone) == [E.INPUT_FAULT] and house.standing == ["plan", "plan"]


def test_lockdown_outranks_orders_plans_and_schedules(house: House) -> None:
    """A switch locks down what a plan freed; only who is exempt passes; ended, the plan goes on."""
    plan(house)
    house.wait(1)
    assert house.standing == ["free", "plan"]
    began = house.line("lockdown-line", True)
    assert kinds(began) == [E.LOCKDOWN_BEGAN, E.DOOR_SECURED]
    assert (began[0].door, began[0].by) == (None, "lockdown-line")
    assert house.card() == [E.DENIED] and house.reason == DenyReason.LOCKDOWN
    ended = house.line("lockdown-line", False)
    assert kinds(ended) == [E.LOCKDOWN_ENDED, E.DOOR_FREED] and house.standing == ["free", "plan"]


def test_who_is_exempt_passes_a_lockdown(house: House) -> None:
    """An exempt credential is granted in a lockdown, and nobody in a blocked door."""
    house.admit(ANNE, lockdown_exempt=True)
    order(house, DoorOrder(EVERY_DOOR, Standing.LOCKDOWN, "s-1"))
    house.wait(1)
    assert house.card() == [E.GRANTED]
    order(house, DoorOrder(EVERY_DOOR, Standing.BLOCKED, "s-1"))
    house.wait(10_000)
    assert house.card() == [E.DENIED] and house.reason == DenyReason.DOOR_BLOCKED


def test_fire_outranks_lockdown(house: House) -> None:
    """In a lockdown a fire frees the doors all the same."""
    house.line("lockdown-line", True)
    house.line("fire-line", True)
    assert house.standing == ["fire", "fire"] and house.held() == BOTH


def test_lockdowns_are_told_for_each_who_ordered_them(house: House) -> None:
    """Two lockdowns begin and end each for itself; the door stays locked down until the last one ends."""
    house.line("lockdown-line", True)
    order(house, DoorOrder("outer", Standing.LOCKDOWN, "s-1"))
    assert [(e.kind, e.door, e.by) for e in house.wait(1)] == [(E.LOCKDOWN_BEGAN, "outer", "s-1")]
    house.line("lockdown-line", False)
    assert house.standing == ["lockdown", "plan"]
    order(house)
    assert [(e.kind, e.door) for e in house.wait(1)] == [(E.LOCKDOWN_ENDED, "outer")]


def test_an_order_of_staff_comes_and_ends(house: House) -> None:
    """A door ordered free is held, and locked at the end of the order; the nearer order counts."""
    site = DoorOrder(EVERY_DOOR, Standing.FREE, "s-1", until_ms=house.time.business_ms + 10_000)
    order(house, site, DoorOrder("inner", Standing.BLOCKED, "s-2"))
    assert [(e.kind, e.door, e.by) for e in house.wait(1)] == [(E.DOOR_FREED, "outer", "s-1")]
    assert house.standing == ["free", "blocked"] and house.held() == {"outer-lock"}
    assert [(e.kind, e.at.boot_ns) for e in house.wait(20_000)] == [(E.DOOR_SECURED, 10_000 * 1_000_000)]
    assert house.standing == ["plan", "blocked"]


def test_first_person_begins_the_day(house: House) -> None:
    """With first_person the door waits for the passage, not for the badge, of somebody who may begin the plan."""
    plan(house, first_person=True)
    house.wait(1)
    assert house.standing == ["plan", "plan"]
    assert house.card() == [E.GRANTED] and house.standing[0] == "plan"
    told = house.line("outer-contact", True)
    assert kinds(told)[:3] == [E.PASSAGE, E.FIRST_PERSON, E.DOOR_FREED]
    assert told[1].member == "m-anne" and house.standing[0] == "free"


def test_another_member_begins_nothing(house: House) -> None:
    """Somebody without that right passes, and the door stays on its plan."""
    house.admit(ANNE)
    plan(house, first_person=True)
    house.card()
    house.line("outer-contact", True)
    assert house.standing[0] == "plan"


def test_a_lock_that_may_not_stay_released_is_not_freed() -> None:
    """Plan and order leave it locked, which is told once; a fire is tried all the same."""
    house = House(time=CERTAIN, may_stand_free=False)
    order(house, DoorOrder(EVERY_DOOR, Standing.FREE, "s-1"))
    assert kinds(house.wait(1)) == [E.ORDER_REFUSED, E.ORDER_REFUSED]
    house.rules = replace(house.rules)
    assert house.wait(1) == [] and house.standing == ["plan", "plan"]
    house.line("fire-line", True)
    assert house.standing == ["fire", "fire"]


def test_a_turned_clock_is_noticed(house: House) -> None:
    """When a lease turns the business clock, plans and orders are looked at anew."""
    order(house, DoorOrder("outer", Standing.FREE, "s-1", until_ms=house.time.business_ms + 3_600_000))
    house.wait(1)
    house.time = replace(house.time, business_ms=house.time.business_ms + 7_200_000)
    assert kinds(house.wait(1)) == [E.DOOR_SECURED]


def test_staff_opens_once(house: House) -> None:
    """OpenDoor releases once, with the name of who did it; at a blocked door, or none at all, it is refused."""
    done = house.do(OpenDoor("outer", "s-1", house.now_ns))
    assert [(e.kind, e.by) for e in done] == [(E.COMMAND_DONE, "s-1")]
    assert ("release", "outer-lock", 3000) in house.told
    order(house, DoorOrder("inner", Standing.BLOCKED, "s-2"))
    house.wait(1)
    assert kinds(house.do(OpenDoor("inner", "s-1", house.now_ns))) == [E.ORDER_REFUSED]
    assert kinds(house.do(OpenDoor("cellar", "s-1", house.now_ns))) == [E.ORDER_REFUSED]


def test_an_opening_that_could_not_begin_is_refused(house: House) -> None:
    """Without a guard staff hears so, and nobody is said to have opened."""
    house.guard = False
    told = house.do(OpenDoor("outer", "s-1", house.now_ns))
    assert [(e.kind, e.by, e.reason) for e in told] == [(E.ORDER_REFUSED, "s-1", "output_unavailable")]


def test_a_technicians_order_ends_by_itself(house: House) -> None:
    """A local order stands above the cloud's until withdrawn or over; it is bounded, and forgotten with the gateway."""
    order(house, DoorOrder("outer", Standing.BLOCKED, "s-1"))
    house.wait(1)
    hold = HoldDoor("outer", Standing.FREE, "tech", house.now_ns, for_ms=60_000)
    assert kinds(house.do(hold)) == [E.COMMAND_DONE, E.DOOR_FREED]
    assert kinds(house.wait(60_000)) == [E.DOOR_SECURED] and house.standing[0] == "blocked"
    house.do(replace(hold, at_ns=house.now_ns))
    assert kinds(house.do(ReleaseDoor("outer", "tech", house.now_ns))) == [E.COMMAND_DONE, E.DOOR_SECURED]
    assert kinds(house.do(ReleaseDoor("outer", "tech", house.now_ns))) == [E.ORDER_REFUSED]
    with pytest.raises(ValueError, match="order it in the cloud"):
        HoldDoor("outer", Standing.FREE, "tech", 0, for_ms=LOCAL_HOLD_MS_MAX + 1)


def test_an_acknowledgement_is_written_down(house: House) -> None:
    """Who looks after which alarm is kept."""
    (told,) = house.do(Acknowledge(Alarm.HELD, "s-1", house.now_ns, "outer", "wedge"))
    assert (told.kind, told.by, told.reason) == (E.ALARM_ACKNOWLEDGED, "s-1", "held")
    assert (told.door, told.detail) == ("outer", "wedge")
    (everything,) = house.do(Acknowledge(None, "s-1", house.now_ns))
    assert (everything.reason, everything.door) == (None, None)


def test_a_hold_that_fails_is_told_once_and_asked_for_again(house: House) -> None:
    """Without a guard a fire's doors are asked for all the time, told once each, and free when it is back."""
    house.guard = False
    assert kinds(house.line("fire-line", True)).count(E.OUTPUT_FAULT) == 2
    assert E.OUTPUT_FAULT not in kinds(house.wait(30_000))
    house.guard = True
    house.wait(RENEW_MS)
    assert house.held() == BOTH


def test_lamps_show_how_a_door_stands(house: House) -> None:
    """Standings are shown when they change, answers when they are given."""
    house.shown.clear()
    house.card()
    house.line("fire-line", True)
    assert house.shown == [
        ("outer", Outcome.GRANTED),
        ("outer", Outcome.FIRE),
        ("inner", Outcome.FIRE),
    ]
