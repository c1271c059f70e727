"""Anti-passback, rule by rule: hard, soft, timed, per zone, site-wide, exit without entry, when it is not sure."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portillon_rules.passback import Crossing, judge
from portillon_rules.presence import MS_PER_MINUTE, Presence
from portillon_rules.reason import DenyReason, GrantFlag
from portillon_rules.ruling import Ruling
from portillon_rules.zone_rule import EVERY_ZONE, Strictness, ZoneRule

OFF, SOFT, HARD = Strictness
CLEAR = Ruling("passback")
FLAGGED = (GrantFlag.PASSBACK,)
STALE = GrantFlag.PRESENCE_STALE


def rules(*rows: ZoneRule) -> dict[str, ZoneRule]:
    return {row.zone: row for row in rows}


def gym(**more: Any) -> ZoneRule:
    return ZoneRule(zone="gym", **more)


def every(**more: Any) -> ZoneRule:
    return ZoneRule(zone=EVERY_ZONE, **more)


def pool(**more: Any) -> ZoneRule:
    return ZoneRule(zone="pool", within="gym", **more)


def ask(*rows: ZoneRule, at: str | None, zone: str = "gym", leaving: bool = False, **more: Any) -> Ruling:
    """Of somebody who was seen last at `at` (None: outside), an hour ago unless said otherwise."""
    now_ms = 100 * MS_PER_MINUTE
    presence = Presence(at, now_ms - more.pop("minutes", 60) * MS_PER_MINUTE, more.pop("fresh", True))
    facts: dict[str, Any] = {
        "staff": False,
        "presence": presence,
        "forgiven_ms": None,
        "time_zone": "UTC",
        "sure_time": True,
        **more,
    }
    return judge(Crossing(zone=zone, leaving=leaving, zones=rules(*rows), now_ms=now_ms, **facts))


def refused(reason: DenyReason, zone: str = "gym") -> Ruling:
    return Ruling("passback", reason, row=f"zone_rule/{zone}")


def flagged(zone: str = "gym", *more: GrantFlag) -> Ruling:
    return Ruling("passback", flags=(*FLAGGED, *more), row=f"zone_rule/{zone}")


def test_hard_refuses_whoever_enters_and_is_inside() -> None:
    """Seen in the gym and not out of it: PASSBACK. From outside: nothing against it. Leaving: nothing either."""
    rule = gym(passback=HARD)
    assert ask(rule, at="gym") == refused(DenyReason.PASSBACK)
    assert ask(rule, at=None) == CLEAR
    assert ask(rule, at="gym", leaving=True) == CLEAR


def test_soft_lets_them_in_and_says_so() -> None:
    """The grant bears the flag, with the row that asked for it."""
    assert ask(gym(passback=SOFT), at="gym") == flagged()


def test_without_a_rule_nothing_is_asked() -> None:
    """No row, or a row that is off, as sites have it today: whoever is wherever."""
    for rows in ((), (gym(),), (every(),), (ZoneRule(zone="court", passback=HARD, not_inside=HARD),)):
        for at in ("gym", "pool", None):
            for leaving in (False, True):
                assert ask(*rows, at=at, leaving=leaving) == CLEAR
                assert ask(*rows, at=at, leaving=leaving, fresh=False, sure_time=False) == CLEAR


@pytest.mark.parametrize(
    ("after", "then"),
    [(OFF, CLEAR), (SOFT, flagged()), (HARD, refused(DenyReason.PASSBACK))],
)
def test_timed_is_hard_for_so_long_and_then_what_the_site_says(after: Strictness, then: Ruling) -> None:
    """Thirty minutes: refused at 29, and at 30 it is over, or from then on soft."""
    rule = gym(passback=HARD, passback_minutes=30, passback_after=after)
    assert ask(rule, at="gym", minutes=29) == refused(DenyReason.PASSBACK)
    assert ask(rule, at="gym", minutes=30) == then


def test_exit_without_entry() -> None:
    """Whoever leaves the gym and was never seen entering it came in unseen; from the pool inside it one may leave."""
    zones = (gym(not_inside=HARD), pool())
    assert ask(*zones, at=None, leaving=True) == refused(DenyReason.NOT_INSIDE)
    assert ask(gym(not_inside=SOFT), at=None, leaving=True) == flagged()
    assert ask(*zones, at="gym", leaving=True) == CLEAR
    assert ask(*zones, at="pool", leaving=True) == CLEAR
    assert ask(*zones, at=None) == CLEAR


def test_going_further_in_without_having_entered() -> None:
    """The pool lies in the gym: whoever badges there and did not enter the gym came in unseen."""
    zones = (gym(not_inside=HARD), pool(passback=HARD))
    assert ask(*zones, at=None, zone="pool") == refused(DenyReason.NOT_INSIDE)
    assert ask(*zones, at="gym", zone="pool") == CLEAR
    assert ask(*zones, at="pool", zone="pool") == refused(DenyReason.PASSBACK, "pool")


def test_whoever_is_in_the_pool_cannot_enter_the_gym_again() -> None:
    """Being further in is being in; out of the pool one is back in the gym, and has not entered it twice."""
    zones = (gym(passback=HARD, not_inside=HARD), pool(passback=HARD, not_inside=HARD))
    assert ask(*zones, at="pool") == refused(DenyReason.PASSBACK)
    assert ask(*zones, at="pool", zone="pool", leaving=True) == CLEAR
    assert ask(*zones, at="gym", zone="pool", leaving=True) == refused(DenyReason.NOT_INSIDE, "pool")


def test_site_wide_nobody_enters_anywhere_while_they_are_somewhere_else() -> None:
    """Still in the gym of one building and badging at the other's: that card was passed on. From outside: welcome."""
    assert ask(every(passback=HARD), at="gym", zone="spa") == refused(DenyReason.PASSBACK, EVERY_ZONE)
    assert ask(every(passback=HARD), at=None, zone="spa") == CLEAR
    assert ask(gym(passback=HARD), ZoneRule(zone="spa", passback=HARD), at="gym", zone="spa") == CLEAR
    assert ask(every(passback=HARD), pool(), at="gym", zone="pool") == CLEAR
    assert ask(every(passback=HARD), pool(), at="spa", zone="pool") == refused(DenyReason.PASSBACK, EVERY_ZONE)


def test_site_wide_holds_in_each_zone_too_and_the_stricter_says() -> None:
    """A zone's own row makes it stricter, never laxer; evidence names the row that spoke."""
    assert ask(every(passback=HARD), at="gym") == refused(DenyReason.PASSBACK, EVERY_ZONE)
    assert ask(every(passback=SOFT), gym(passback=HARD), at="gym") == refused(DenyReason.PASSBACK)
    assert ask(every(passback=HARD), gym(passback=SOFT), at="gym") == refused(DenyReason.PASSBACK, EVERY_ZONE)
    assert ask(every(not_inside=HARD), at=None, leaving=True) == refused(DenyReason.NOT_INSIDE, EVERY_ZONE)


def test_of_whom_nothing_is_known_nothing_is_held_against() -> None:
    """Unknown, forgiven, gone by the reset hour: in, out and further in."""
    zones = (gym(passback=HARD, not_inside=HARD, stay_minutes=45), pool(passback=HARD, not_inside=HARD))
    for unknown in ({"presence": None}, {"forgiven_ms": 10**9}, {"minutes": 60}):
        for zone in ("gym", "pool"):
            for leaving in (False, True):
                assert ask(*zones, at="gym", zone=zone, leaving=leaving, **unknown) == CLEAR


@pytest.mark.parametrize(
    ("stale", "ruling"),
    [(OFF, CLEAR), (SOFT, flagged("gym", STALE)), (HARD, refused(DenyReason.PASSBACK))],
)
def test_the_rule_says_what_stale_presence_is_worth(stale: Strictness, ruling: Ruling) -> None:
    """While other entrances are not heard a hard rule is as hard as the site wants it then."""
    assert ask(gym(passback=HARD, stale=stale), at="gym", fresh=False) == ruling


def test_stale_makes_nothing_stricter() -> None:
    """Soft stays soft, also where doubt may refuse."""
    assert ask(gym(passback=SOFT, stale=HARD), at="gym", fresh=False) == flagged("gym", STALE)


def test_unsure_time_is_worth_no_more() -> None:
    """After a cold boot nobody knows whether the reset hour passed: the same cap; the flag of the time is enough."""
    assert ask(gym(passback=HARD), at="gym", sure_time=False) == flagged()
    assert ask(gym(passback=HARD, stale=OFF), at="gym", sure_time=False) == CLEAR
    assert ask(gym(passback=HARD, stale=HARD), at="gym", sure_time=False) == refused(DenyReason.PASSBACK)


def test_an_entry_that_could_not_be_checked_is_flagged() -> None:
    """They seem to be outside, but other entrances were not heard: let in, and the owner can find it."""
    unchecked = Ruling("passback", flags=(STALE,))
    assert ask(gym(passback=HARD), at=None, fresh=False) == unchecked
    assert ask(gym(not_inside=HARD), at="gym", leaving=True, fresh=False) == unchecked
    assert ask(gym(passback=HARD), at="gym", leaving=True, fresh=False) == CLEAR
    assert ask(gym(passback=HARD), at=None, fresh=False, sure_time=False) == unchecked


def test_staff_come_and_go() -> None:
    """Unless a rule is for them too; site-wide and own rule are asked one by one."""
    assert ask(gym(passback=HARD, not_inside=HARD), at="gym", staff=True) == CLEAR
    assert ask(gym(passback=HARD, not_inside=HARD), at=None, leaving=True, staff=True) == CLEAR
    assert ask(gym(passback=HARD, staff_exempt=False), at="gym", staff=True) == refused(DenyReason.PASSBACK)
    both = (gym(passback=HARD), every(passback=SOFT, staff_exempt=False))
    assert ask(*both, at="gym", staff=True) == flagged(EVERY_ZONE)
    assert ask(gym(passback=HARD), at=None, staff=True, fresh=False) == CLEAR


PLACES = st.sampled_from([None, "gym", "pool", "spa"])
HOW = st.sampled_from(list(Strictness))


@given(
    at=PLACES,
    zone=st.sampled_from(["gym", "pool", "spa"]),
    leaving=st.booleans(),
    fresh=st.booleans(),
    how=st.lists(HOW, min_size=6, max_size=6),
)
def test_what_the_rules_may_do(at: str | None, zone: str, leaving: bool, fresh: bool, how: list[Strictness]) -> None:
    """Refused only where something is hard, flagged only where something is on; with all of it off nothing is said."""
    zones = (
        gym(passback=how[0], not_inside=how[1]),
        pool(passback=how[2], not_inside=how[3]),
        every(passback=how[4], not_inside=how[5]),
    )
    ruling = ask(*zones, at=at, zone=zone, leaving=leaving, fresh=fresh)
    if ruling.reason is not None:
        assert HARD in how and fresh and not ruling.flags
    if GrantFlag.PASSBACK in ruling.flags:
        assert set(how) != {OFF}
    if set(how) == {OFF}:
        assert ruling == CLEAR
    assert (ruling.row is None) == (ruling.reason is None and GrantFlag.PASSBACK not in ruling.flags)


def test_site_wide_is_timed_too() -> None:
    """Somebody who is in the spa by what was passed is held out of the gym for as long as the site-wide rule says."""
    timed = every(passback=HARD, passback_minutes=30, passback_after=SOFT)
    assert ask(timed, at="spa", minutes=29) == refused(DenyReason.PASSBACK, EVERY_ZONE)
    assert ask(timed, at="spa", minutes=30) == flagged(EVERY_ZONE)


def test_what_is_forgiven_or_past_the_reset_hour_of_the_sites_wall_is_not_held_against() -> None:
    """Seen at 00:40 UTC, asked at 01:40: a reset at one o'clock lies between in London, and not in Toronto."""
    assert ask(gym(passback=HARD), at="gym", forgiven_ms=40 * MS_PER_MINUTE) == CLEAR
    assert ask(gym(passback=HARD), at="gym", forgiven_ms=40 * MS_PER_MINUTE - 1) == refused(DenyReason.PASSBACK)
    at_one = gym(passback=HARD, reset_hour=1)
    assert ask(at_one, at="gym") == CLEAR
    assert ask(at_one, at="gym", time_zone="America/Toronto") == refused(DenyReason.PASSBACK)
