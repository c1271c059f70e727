"""For how long it is believed where a member is: reset hour, longest stay, forgiveness, a clock turned back."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portillon_rules.presence import FUTURE_MS_MAX, Presence, believed, gone_by_ms, last_reset_ms
from portillon_rules.zone_rule import EVERY_ZONE, ZoneRule

TORONTO = "America/Toronto"
HOUR_MS = 3_600_000
NIGHTLY = {"gym": ZoneRule(zone="gym", reset_hour=4)}


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(TORONTO)).timestamp() * 1_000)


def gone(zones: dict[str, ZoneRule], since: str, now: str, *, zone: str = "gym") -> bool:
    return believed(Presence(zone, ms(since)), zones, now_ms=ms(now), time_zone=TORONTO) is None


def test_at_the_reset_hour_everybody_counts_as_gone() -> None:
    """In since 22:00 and now 03:59: inside. From 04:00 on: not known. In since 04:00: inside until the next one."""
    assert not gone(NIGHTLY, "2026-11-23T22:00", "2026-11-24T03:59:59.999")
    assert gone(NIGHTLY, "2026-11-23T22:00", "2026-11-24T04:00")
    assert not gone(NIGHTLY, "2026-11-24T04:00", "2026-11-25T03:59:59.999")
    assert gone(NIGHTLY, "2026-11-24T04:00", "2026-11-25T04:00")


def test_whoever_stays_longer_than_anybody_does_counts_as_gone() -> None:
    """`stay_minutes` is the longest stay that is believed; its very end still is."""
    zones = {"gym": ZoneRule(zone="gym", stay_minutes=120)}
    assert not gone(zones, "2026-11-24T10:00", "2026-11-24T12:00")
    assert gone(zones, "2026-11-24T10:00", "2026-11-24T12:00:00.001")


def test_the_innermost_zone_that_says_when_has_the_say() -> None:
    """The pool resets at noon, the gym at 04:00; a zone that says nothing follows the outer one, then the site.

    Each of the two limits is looked for by itself.
    """
    zones = {
        EVERY_ZONE: ZoneRule(zone=EVERY_ZONE, reset_hour=6, stay_minutes=600),
        "gym": ZoneRule(zone="gym", reset_hour=4),
        "pool": ZoneRule(zone="pool", within="gym", reset_hour=12),
        "sauna": ZoneRule(zone="sauna", within="gym"),
    }
    now = ms("2026-11-24T13:00")
    by_zone = {
        z: gone_by_ms(z, zones, now_ms=now, time_zone=TORONTO) for z in ("pool", "gym", "sauna", "court", EVERY_ZONE)
    }
    assert by_zone["pool"] == ms("2026-11-24T12:00")
    assert by_zone["gym"] == by_zone["sauna"] == ms("2026-11-24T04:00")
    assert by_zone["court"] == by_zone[EVERY_ZONE] == ms("2026-11-24T06:00")
    late = ms("2026-11-24T23:00")
    assert gone_by_ms("gym", zones, now_ms=late, time_zone=TORONTO) == late - 600 * 60_000


def test_without_limits_somebody_stays_where_they_are() -> None:
    """A year later too, and where no rule is."""
    for zones in ({}, {"gym": ZoneRule(zone="gym")}):
        assert not gone(zones, "2025-11-24T10:00", "2026-11-24T10:00")


def test_outside_stays_outside() -> None:
    """Neither reset hour nor longest stay make somebody unknown who went out."""
    presence = Presence(None, 0)
    assert believed(presence, NIGHTLY, now_ms=ms("2026-11-24T13:00"), time_zone=TORONTO) == presence


def test_forgiveness_wipes_what_was_before_it_and_nothing_later() -> None:
    """At the very instant too; a passage afterwards counts again; somebody outside may be forgiven as well."""
    zones = {"gym": ZoneRule(zone="gym")}
    for zone in ("gym", None):
        for since_ms, known in ((999, False), (1_000, False), (1_001, True)):
            presence = Presence(zone, since_ms)
            found = believed(presence, zones, now_ms=5_000, time_zone=TORONTO, forgiven_ms=1_000)
            assert found == (presence if known else None)


def test_whoever_comes_from_the_future_is_not_known() -> None:
    """A lagging clock after a cold boot is believed, a clock that was turned back by more than that is not."""
    zones = {"gym": ZoneRule(zone="gym")}
    for ahead_ms, known in ((FUTURE_MS_MAX, True), (FUTURE_MS_MAX + 1, False)):
        found = believed(Presence("gym", 5_000 + ahead_ms), zones, now_ms=5_000, time_zone=TORONTO)
        assert (found is not None) is known


def test_nothing_known_stays_nothing_known() -> None:
    """Nobody appears out of nowhere."""
    assert believed(None, NIGHTLY, now_ms=0, time_zone=TORONTO) is None


@pytest.mark.parametrize(
    ("hour", "now", "reset"),
    [
        (2, "2026-03-08T01:59", "2026-03-07T02:00"),
        (2, "2026-03-08T03:00", "2026-03-08T03:00"),
        (2, "2026-03-09T02:00", "2026-03-09T02:00"),
        (1, "2026-11-01T00:59", "2026-10-31T01:00"),
        (1, "2026-11-01T01:30", "2026-11-01T01:00"),
        (1, "2026-11-01T12:00", "2026-11-01T01:00"),
        (0, "2028-02-29T00:00", "2028-02-29T00:00"),
        (23, "2028-03-01T22:59", "2028-02-29T23:00"),
    ],
)
def test_the_reset_hour_goes_by_the_wall(hour: int, now: str, reset: str) -> None:
    """An hour that summer time skips comes an hour later, one that comes twice counts once; leap days are days."""
    assert last_reset_ms(hour, now_ms=ms(now), time_zone=TORONTO) == ms(reset)


def test_an_hour_that_comes_twice_resets_once() -> None:
    """In the second 01:30 of that night, the reset is still the one of the first 01:00, an hour and a half ago."""
    first = ms("2026-11-01T01:30")
    assert last_reset_ms(1, now_ms=first + HOUR_MS, time_zone=TORONTO) == first - HOUR_MS // 2


@given(
    hour=st.integers(0, 23),
    now_ms=st.integers(0, 4_000_000_000_000),
    zone=st.sampled_from([TORONTO, "Europe/Paris", "UTC", "Australia/Lord_Howe"]),
)
def test_there_is_one_reset_in_a_day(hour: int, now_ms: int, zone: str) -> None:
    """The last one lies in the past, by at most a day and a clock change, and later instants never have an earlier."""
    reset_ms = last_reset_ms(hour, now_ms=now_ms, time_zone=zone)
    assert 0 <= now_ms - reset_ms <= 25 * HOUR_MS or now_ms < 48 * HOUR_MS
    assert last_reset_ms(hour, now_ms=now_ms + HOUR_MS, time_zone=zone) >= reset_ms


@pytest.mark.parametrize("now_ms", [-(10**15), -1, 0, 10**18])
def test_no_time_is_too_odd_for_a_reset(now_ms: int) -> None:
    """Total: 1970, before it, and far ahead."""
    assert last_reset_ms(4, now_ms=now_ms, time_zone=TORONTO) <= max(now_ms, 0)
