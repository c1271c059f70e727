"""Fire, emergency release, lockdown, tamper, mains, battery and reset, each signal of each stated."""

from collections.abc import Callable, Iterator
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portillon_config.watches import Watch, WatchKind
from portillon_drivers.events import LineTrouble
from portillon_edge.domain.events import EventKind
from portillon_edge.doors.bearing import Why
from portillon_edge.doors.machine import Bearing
from portillon_edge.doors.site_watch import BEGINS, ENDS, SiteWatch, Tell

DOORS = ("lane1", "pool")
E = EventKind
FIRE, ALL_KINDS = WatchKind.FIRE, list(WatchKind)


def house(*kinds: WatchKind, on_trouble: Literal["release", "tell"] = "release", **more: object) -> SiteWatch:
    watches = [Watch(name=kind, kind=kind, input=f"{kind}-line", on_trouble=on_trouble) for kind in kinds]
    return SiteWatch(watches, doors=DOORS, **more)  # type: ignore[arg-type]


def kinds(told: Iterator[Tell]) -> list[EventKind]:
    return [one.kind for one in told]


def level(watch: SiteWatch, kind: WatchKind, active: bool) -> list[EventKind]:
    return kinds(watch.changed(f"{kind}-line", active))


def whys(watch: SiteWatch, door: str = "pool") -> list[Why]:
    return [say.why for say in (*watch.frees(door), *watch.locks_down(door))]


Doing = Callable[[SiteWatch, WatchKind], object]
DOINGS: dict[str, Doing] = {
    "active": lambda watch, kind: level(watch, kind, True),
    "quiet": lambda watch, kind: level(watch, kind, False),
    "cut": lambda watch, kind: watch.troubled(f"{kind}-line", LineTrouble.CUT),
    "flapping": lambda watch, kind: watch.troubled(f"{kind}-line", LineTrouble.FLAPPING),
    "gone": lambda watch, kind: watch.troubled(f"{kind}-line", None),
}
K = WatchKind
# How the doors stand after `quiet` and the first word, and after the second: by kind, on purpose for each.
AFTER: dict[tuple[str, str], dict[WatchKind, Why]] = {
    ("active", "quiet"): {K.FIRE: Why.FIRE},
    ("active", "cut"): {K.FIRE: Why.FIRE, K.EMERGENCY_RELEASE: Why.EMERGENCY_RELEASE, K.LOCKDOWN: Why.LOCKDOWN},
    ("active", "gone"): {K.FIRE: Why.FIRE, K.EMERGENCY_RELEASE: Why.EMERGENCY_RELEASE, K.LOCKDOWN: Why.LOCKDOWN},
    ("active", "flapping"): {K.FIRE: Why.FIRE, K.EMERGENCY_RELEASE: Why.EMERGENCY_RELEASE, K.LOCKDOWN: Why.LOCKDOWN},
    ("quiet", "active"): {K.FIRE: Why.FIRE, K.EMERGENCY_RELEASE: Why.EMERGENCY_RELEASE, K.LOCKDOWN: Why.LOCKDOWN},
    ("quiet", "cut"): {K.FIRE: Why.FIRE_LINE, K.EMERGENCY_RELEASE: Why.EMERGENCY_RELEASE},
    ("quiet", "gone"): {},
    ("quiet", "flapping"): {},
    ("cut", "quiet"): {K.FIRE: Why.FIRE_LINE},
    ("cut", "active"): {K.FIRE: Why.FIRE, K.EMERGENCY_RELEASE: Why.EMERGENCY_RELEASE, K.LOCKDOWN: Why.LOCKDOWN},
    ("gone", "quiet"): {},
    ("gone", "active"): {K.FIRE: Why.FIRE, K.EMERGENCY_RELEASE: Why.EMERGENCY_RELEASE, K.LOCKDOWN: Why.LOCKDOWN},
}


@pytest.mark.parametrize("kind", ALL_KINDS)
@pytest.mark.parametrize("way", list(AFTER), ids=lambda way: "-then-".join(way))
def test_every_kind_through_every_change(kind: WatchKind, way: tuple[str, str]) -> None:
    """From quiet through two changes of its line, each kind of watch leaves the doors as the table says."""
    watch = house(kind)
    level(watch, kind, False)
    for doing in way:
        DOINGS[doing](watch, kind)
    expected = AFTER[way].get(kind)
    assert whys(watch) == ([] if expected is None else [expected])


@pytest.mark.parametrize("kind", [kind for kind in ALL_KINDS if kind in BEGINS])
def test_what_begins_and_ends_is_told_once(kind: WatchKind) -> None:
    """Each alarm of the house is told when it begins, also if found so, and when it ends; a repeat is not told."""
    watch = house(kind)
    end = E.FIRE_INPUT_RESTORED if kind is FIRE else ENDS[kind]
    assert level(watch, kind, True) == [BEGINS[kind]]
    assert level(watch, kind, True) == []
    assert level(watch, kind, False) == [end]
    assert level(watch, kind, False) == []


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_found_quiet_is_no_news(kind: WatchKind) -> None:
    """The first level after a start says nothing if it is the quiet one."""
    assert level(house(kind), kind, False) == []


def test_a_line_that_goes_and_comes_back_is_told_once() -> None:
    """A loop that alarms, is lost, and still alarms when it is read again was one fire."""
    watch = house(FIRE)
    level(watch, FIRE, True)
    watch.troubled("fire-line", None)
    assert level(watch, FIRE, True) == []


def test_fire_is_latched_until_somebody_resets() -> None:
    """Doors stay free after the loop is quiet; the reset says who, and is refused while the loop alarms."""
    watch = house(FIRE)
    level(watch, FIRE, True)
    assert kinds(watch.reset("s-1")) == [E.ORDER_REFUSED]
    level(watch, FIRE, False)
    assert [say.bearing for say in watch.frees("lane1")] == [Bearing.FIRE]
    (told,) = watch.reset("s-1")
    assert (told.kind, told.by) == (E.FIRE_RESET, "s-1")
    assert whys(watch) == [] and watch.latched == frozenset()
    assert kinds(watch.reset("s-1")) == [E.ORDER_REFUSED]


def test_latch_outlives_the_gateway() -> None:
    """Begun with what was latched before, doors are free at once and until the reset."""
    watch = house(FIRE, latched=["fire"])
    level(watch, FIRE, False)
    assert whys(watch) == [Why.FIRE]
    assert kinds(watch.reset("s-1")) == [E.FIRE_RESET]


@pytest.mark.parametrize("trouble", [LineTrouble.CUT, LineTrouble.SHORT, LineTrouble.FOREIGN])
def test_a_broken_loop_frees_but_is_no_fire(trouble: LineTrouble) -> None:
    """Cut, shorted or tampered with: free as in a fire, told apart from one, and only a whole loop can be reset."""
    watch = house(FIRE)
    watch.troubled("fire-line", trouble)
    assert whys(watch) == [Why.FIRE_LINE]
    assert kinds(watch.reset("s-1")) == [E.ORDER_REFUSED]
    assert level(watch, FIRE, False) == [E.FIRE_INPUT_RESTORED]
    assert kinds(watch.reset("s-1")) == [E.FIRE_RESET]


def test_a_site_may_have_broken_loops_only_told() -> None:
    """With on_trouble = "tell" a cut loop moves no door; the ablation of the one above."""
    watch = house(FIRE, WatchKind.EMERGENCY_RELEASE, on_trouble="tell")
    watch.troubled("fire-line", LineTrouble.CUT)
    watch.troubled("emergency_release-line", LineTrouble.CUT)
    assert whys(watch) == []


def test_a_key_switch_resets_when_it_is_turned() -> None:
    """Turning it resets, by the name of its input; a switch found turned, or lost meanwhile, resets nothing."""
    watch = house(FIRE, WatchKind.RESET)
    level(watch, FIRE, True)
    level(watch, FIRE, False)
    assert level(watch, WatchKind.RESET, True) == []
    watch.troubled("reset-line", None)
    assert level(watch, WatchKind.RESET, True) == []
    level(watch, WatchKind.RESET, False)
    assert [(t.kind, t.by) for t in watch.changed("reset-line", True)] == [(E.FIRE_RESET, "reset-line")]


def test_a_watch_is_about_its_doors_only() -> None:
    """Doors that a watch does not name stay as they are; its events name a single door."""
    section = Watch(name="pool-glass", kind=WatchKind.EMERGENCY_RELEASE, input="glass", doors=("pool",))
    watch = SiteWatch([section], doors=DOORS)
    (told,) = watch.changed("glass", True)
    assert (told.door, told.by, told.detail) == ("pool", "glass", "pool-glass")
    assert list(watch.frees("lane1")) == [] and len(list(watch.frees("pool"))) == 1


@given(st.lists(st.sampled_from([*DOINGS, "reset"])))
def test_nothing_but_a_reset_of_a_quiet_loop_ends_a_fire(doings: list[str]) -> None:
    """Whatever happens to the loop in whichever order: once it alarmed, doors are free until a reset is accepted."""
    watch, free = house(FIRE), False
    for doing in doings:
        if doing == "reset":
            free = free and E.FIRE_RESET not in kinds(watch.reset("s-1"))
        else:
            DOINGS[doing](watch, FIRE)
            free = free or doing in ("active", "cut")
        assert bool(whys(watch)) is free
