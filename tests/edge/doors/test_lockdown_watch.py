"""Each lockdown is told once when it begins and once when it ends, with who ended it, whatever happens between."""

from collections.abc import Iterable

from portillon_edge.domain.events import EventKind
from portillon_edge.doors.bearing import Why
from portillon_edge.doors.lockdown_watch import Lockdown, LockdownWatch, ordered_lockdown, orders_of
from portillon_edge.doors.site_watch import Tell
from portillon_rules.decision import DecisionTime, SiteRules, TimeQuality
from portillon_rules.door_plan import EVERY_DOOR, DoorOrder, Standing

BEGAN, ENDED = EventKind.LOCKDOWN_BEGAN, EventKind.LOCKDOWN_ENDED
NOW = DecisionTime(1_000, TimeQuality.CERTAIN, 1_000)
SWITCH = Lockdown(Why.LOCKDOWN, "foyer", None, "foyer-key")
LOCAL = ordered_lockdown(Why.LOCAL_ORDER, "lane1", "local:pi")


def look(watch: LockdownWatch, causes: Iterable[Lockdown], *orders: DoorOrder, at: DecisionTime = NOW) -> list[Tell]:
    rules = SiteRules(None, {}, orders={one.door: one for one in orders})
    return list(watch.look([*causes, *orders_of(rules, ["lane1", "lane2"], at)], rules, at))


def locks(by: str, until_ms: int | None = None, door: str = EVERY_DOOR) -> DoorOrder:
    return DoorOrder(door, Standing.LOCKDOWN, by, until_ms)


def test_each_cause_begins_and_ends_for_itself() -> None:
    """A switch, a technician and the cloud: three lockdowns, each told with whom and why."""
    watch = LockdownWatch()
    assert look(watch, [SWITCH, LOCAL], locks("staff:1")) == [
        Tell(BEGAN, None, "foyer-key", reason="lockdown"),
        Tell(BEGAN, "lane1", "local:pi", reason="local_order"),
        Tell(BEGAN, None, "staff:1", reason="order"),
    ]
    assert look(watch, [SWITCH, LOCAL], locks("staff:1")) == []
    (ended,) = look(watch, [LOCAL], locks("staff:1"))
    assert (ended.kind, ended.reason, ended.by) == (ENDED, "lockdown", "foyer-key")


def test_whoever_orders_it_again_goes_on_with_it() -> None:
    """The same door's order given anew by somebody else is the same lockdown: nothing ends, nothing begins."""
    watch = LockdownWatch()
    look(watch, [], locks("staff:1"))
    assert look(watch, [], locks("staff:2")) == []
    assert {one.by for one in watch.told} == {"staff:1"}


def test_who_ended_an_order_given_here() -> None:
    """Who withdrew it is told; where its time was over, nobody did."""
    watch = LockdownWatch()
    look(watch, [LOCAL])
    watch.withdrawn("lane1", "local:ana")
    assert [one.by for one in look(watch, [])] == ["local:ana"]
    look(watch, [LOCAL])
    assert [one.by for one in look(watch, [])] == [None]


def test_who_ended_an_order_of_the_cloud() -> None:
    """Whoever replaced it; nobody, where its time was over or it was withdrawn there: the cloud knows who."""
    ends = [
        ([DoorOrder(EVERY_DOOR, Standing.BLOCKED, "staff:2")], NOW, "staff:2", "replaced: blocked"),
        ([locks("staff:1", until_ms=5_000)], DecisionTime(5_000, TimeQuality.CERTAIN, 1), None, "its time was over"),
        ([], NOW, None, "withdrawn in the cloud"),
    ]
    for orders, at, by, detail in ends:
        watch = LockdownWatch()
        look(watch, [], locks("staff:1", until_ms=5_000))
        assert [(one.by, one.detail) for one in look(watch, [], *orders, at=at)] == [(by, detail)]


def test_a_restart_tells_nothing_again() -> None:
    """What goes on was told; what ended while the gateway was off is told as ended."""
    before = LockdownWatch()
    look(before, [SWITCH, LOCAL], locks("staff:1"))
    after = LockdownWatch(before.told)
    assert [(one.kind, one.reason) for one in look(after, [SWITCH], locks("staff:1"))] == [(ENDED, "local_order")]
    assert [(one.kind, one.reason) for one in look(after, [SWITCH])] == [(ENDED, "order")]


def test_an_order_for_a_door_elsewhere_is_none_of_ours() -> None:
    """The gateway with that door tells it."""
    assert look(LockdownWatch(), [], locks("staff:1", door="annex")) == []
