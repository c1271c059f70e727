"""A cloud whose clock was wrong cannot lock a site out for good, and nobody else can turn the clock that way."""

from collections.abc import Iterator
from itertools import count

import pytest
from portillon_edge.domain import timekeeping
from portillon_edge.domain.timekeeping import AGREED_NS, LeaseRefusal, TimeKeeper
from portillon_rules.decision import TimeQuality
from portillon_wire.messages import Lease

NOON_MS = 1_790_000_000_000
DAY_MS = 86_400_000
YEAR_MS = 365 * DAY_MS
MS, S, H = 1_000_000, 1_000_000_000, 3_600_000_000_000
counters: Iterator[int] = count(1)


def lease(now_ns: int, off_ms: int = 0, counter: int | None = None) -> Lease:
    """What a cloud whose clock is `off_ms` wrong signs at that instant of the boot clock."""
    told_ms = NOON_MS + now_ns // MS + off_ms
    return Lease(
        gateway="gw1", epoch=1, revision=1, root="", issued_ms=told_ms, duration_s=72 * 3600,
        counter=counter or next(counters), business_ms=told_ms, clock_rev=0, rate=1, mode="live",
    )  # fmt: skip


def keeper(off_ms: int) -> TimeKeeper:
    """A gateway that got its first lease from such a cloud."""
    made = TimeKeeper(mode="live", boot_id="b", boot_ns=0)
    assert made.adopt(lease(0, off_ms), 0) is None
    return made


def adopted_after_h(made: TimeKeeper, off_ms: int, *, until_h: int = 100) -> float | None:
    """A lease each minute; after how many hours one is adopted."""
    for minute in range(1, until_h * 60):
        now_ns = minute * 60 * S
        if made.adopt(lease(now_ns, off_ms), now_ns) is None:
            return minute / 60
    return None


@pytest.mark.parametrize("off_ms", [YEAR_MS, -YEAR_MS, 10 * YEAR_MS, 15 * DAY_MS, -DAY_MS, 600_000])
def test_a_site_that_learnt_a_wrong_time_comes_back_when_the_cloud_is_put_right(off_ms: int) -> None:
    """The true leases are refused while the wrong one lasts; when it has run out, the first of them is adopted."""
    made = keeper(off_ms)
    hours = adopted_after_h(made, 0)
    assert hours is not None and 72 <= hours <= 73.1
    now_ns = int(hours * H)
    assert made.real_ms(now_ns) == NOON_MS + now_ns // MS
    assert made.at(now_ns).quality is TimeQuality.CERTAIN and made.at(now_ns).lease_remaining_ms == 72 * 3_600_000
    assert made.adopt(lease(now_ns + 60 * S), now_ns + 60 * S) is None


def test_ablation_without_the_rule_it_is_locked_out_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refusing every step for ever, as before, no lease of the mended cloud is ever adopted."""
    monkeypatch.setattr(TimeKeeper, "_must_be_right", lambda *_: False)
    assert adopted_after_h(keeper(YEAR_MS), 0, until_h=400) is None


@pytest.mark.parametrize("off_ms", [YEAR_MS, -YEAR_MS])
def test_a_cloud_that_goes_wrong_for_less_than_a_lease_changes_nothing(off_ms: int) -> None:
    """Three days of wrong leases are refused; the first right one is adopted at once."""
    made = keeper(0)
    assert adopted_after_h(made, off_ms, until_h=71) is None
    now_ns = 71 * H
    assert made.real_ms(now_ns) == NOON_MS + now_ns // MS
    assert made.adopt(lease(now_ns), now_ns) is None


def test_leases_that_do_not_agree_with_each_other_are_never_believed() -> None:
    """A clock that wanders is no clock: each disagreement starts the hours anew."""
    made = keeper(0)
    for minute in range(1, 100 * 60):
        off_ms = YEAR_MS + (minute // 50) * DAY_MS
        assert made.adopt(lease(minute * 60 * S, off_ms), minute * 60 * S) is LeaseRefusal.CLOCK_STEP


def test_one_lease_repeated_is_never_believed() -> None:
    """Hours of the same lease are no hours of leases."""
    made = keeper(0)
    for minute in range(73 * 60, 90 * 60):
        same = lease(73 * H, YEAR_MS, counter=10**9)
        assert made.adopt(same, minute * 60 * S) is LeaseRefusal.CLOCK_STEP


def test_an_old_lease_that_comes_late_does_not_begin_the_hours_anew() -> None:
    """Right leases are adopted on time, whatever of the hours before straggles in between, again and again."""
    made, late = keeper(YEAR_MS), lease(H, DAY_MS)
    for hour in range(60, 73):
        for minute in (0, 30):
            now_ns = hour * H + minute * 60 * S
            answer = made.adopt(lease(now_ns), now_ns)
            if answer is not None:
                assert made.adopt(late, now_ns + S) is LeaseRefusal.CLOCK_STEP
    assert answer is None and made.real_ms(now_ns) == NOON_MS + now_ns // MS


def test_leases_held_back_and_handed_out_late_wait_for_the_lease_and_for_six_hours() -> None:
    """Whoever delays messages gains nothing while the lease lasts, and nothing from a few of them after it."""
    made = keeper(0)
    assert adopted_after_h(made, -DAY_MS, until_h=72) is None
    made = keeper(0)
    begin_ns = 80 * H
    late = [begin_ns + minute * 60 * S for minute in range(400)]
    answers = [made.adopt(lease(now_ns, -DAY_MS), now_ns) for now_ns in late]
    assert answers.index(None) == AGREED_NS // (60 * S)


def test_ablation_without_the_hours_one_late_lease_would_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """The agreement is what holds a single one off."""
    made = keeper(0)
    assert made.adopt(lease(80 * H, -DAY_MS), 80 * H) is LeaseRefusal.CLOCK_STEP
    monkeypatch.setattr(timekeeping, "AGREED_NS", 0)
    assert keeper(0).adopt(lease(80 * H, -DAY_MS), 80 * H) is None
