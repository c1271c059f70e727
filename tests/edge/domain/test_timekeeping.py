"""The lease is spent by the boot clock alone, and no clock, reboot or message lengthens it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portillon_edge.domain.timekeeping import (
    COLD_BOOT_CHARGE_MS,
    LeaseRefusal,
    Mode,
    SavedLease,
    TimeKeeper,
)
from portillon_rules.decision import TimeQuality
from portillon_wire.messages import Lease

HOUR_MS = 3_600_000
NOON_MS = 1_790_000_000_000
NS = 1_000_000


def lease(counter: int = 1, **changes: Any) -> Lease:
    base: dict[str, Any] = {
        "gateway": "gw1", "epoch": 1, "revision": 5, "root": "0" * 32, "issued_ms": NOON_MS, "duration_s": 72 * 3600,
        "counter": counter, "business_ms": NOON_MS, "clock_rev": 0, "rate": 1, "mode": "live",
    }  # fmt: skip
    return Lease(**(base | changes))


def keeper(mode: Mode = "live", **more: Any) -> TimeKeeper:
    return TimeKeeper(mode=mode, boot_id="boot-a", boot_ns=0, **more)


def test_before_any_lease_nothing_is_known() -> None:
    """Without a lease the time is unknown, no lease is left and nothing is there to save."""
    new = keeper()
    now = new.at(5 * NS)
    assert (now.quality, now.lease_remaining_ms) == (TimeQuality.UNKNOWN, 0)
    assert new.saved(5 * NS) is None and new.real_ms(0) is None and new.stamp(7).real_ms is None


def test_both_times_run_and_the_lease_is_spent_on_the_boot_clock() -> None:
    """An hour on the boot clock is an hour of real time, of business time and of lease."""
    held = keeper()
    assert held.adopt(lease(), 1_000 * NS) is None
    now = held.at((1_000 + HOUR_MS) * NS)
    assert now.business_ms == NOON_MS + HOUR_MS
    assert now.lease_remaining_ms == 71 * HOUR_MS
    assert now.quality is TimeQuality.CERTAIN
    assert held.real_ms((1_000 + HOUR_MS) * NS) == NOON_MS + HOUR_MS


def test_standing_business_time_spends_the_lease_all_the_same() -> None:
    """With rate 0 business time stands; the lease still runs in real time."""
    held = keeper("test")
    assert held.adopt(lease(mode="test", rate=0, clock_rev=3, business_ms=5), 0) is None
    now = held.at(HOUR_MS * NS)
    assert (now.business_ms, now.lease_remaining_ms) == (5, 71 * HOUR_MS)


def test_no_lease_is_adopted_twice() -> None:
    """The same counter is a duplicate, a lower one is old, and neither changes the time left."""
    held = keeper()
    held.adopt(lease(7), 0)
    assert held.adopt(lease(7, issued_ms=NOON_MS + 60_000, business_ms=NOON_MS + 60_000), 60_000 * NS) is (
        LeaseRefusal.DUPLICATE
    )
    assert held.adopt(lease(6), 0) is LeaseRefusal.OLD_COUNTER
    assert held.at(HOUR_MS * NS).lease_remaining_ms == 71 * HOUR_MS


def test_a_new_epoch_counts_leases_anew() -> None:
    """A cloud restored from a backup starts a new epoch; its lower counters are new leases."""
    held = keeper()
    held.adopt(lease(70), 0)
    assert held.adopt(lease(2, epoch=2), 0) is None


def test_a_live_gateway_refuses_a_test_lease_and_a_turned_clock() -> None:
    """Only a gateway enrolled as test follows a clock that can be turned."""
    held = keeper("live")
    assert held.adopt(lease(mode="test"), 0) is LeaseRefusal.WRONG_MODE
    assert held.adopt(lease(business_ms=NOON_MS + HOUR_MS), 0) is LeaseRefusal.LIVE_CLOCK_TURNED
    assert held.adopt(lease(rate=0), 0) is LeaseRefusal.LIVE_CLOCK_TURNED
    held.adopt(lease(1), 0)
    assert held.adopt(lease(2, clock_rev=1), 0) is LeaseRefusal.LIVE_CLOCK_TURNED
    assert keeper("test").adopt(lease(), 0) is LeaseRefusal.WRONG_MODE


@pytest.mark.parametrize("turn_ms", [400 * 24 * HOUR_MS, -400 * 24 * HOUR_MS])
def test_a_test_gateway_follows_a_turned_clock_either_way(turn_ms: int) -> None:
    """A higher clock_rev moves business time forward or back; real time stays."""
    held = keeper("test")
    held.adopt(lease(1, mode="test"), 0)
    assert held.adopt(lease(2, mode="test", clock_rev=1, business_ms=NOON_MS + turn_ms), 0) is None
    assert held.at(0).business_ms == NOON_MS + turn_ms
    assert held.real_ms(0) == NOON_MS
    assert held.adopt(lease(3, mode="test", clock_rev=0), 0) is LeaseRefusal.OLD_CLOCK


@pytest.mark.parametrize("step_ms", [-121_000, 121_000])
def test_a_step_over_two_minutes_is_refused(step_ms: int) -> None:
    """Within one clock_rev, a lease more than 120 s off the elapsed boot clock changes nothing."""
    held = keeper()
    held.adopt(lease(1), 0)
    off_ms = NOON_MS + HOUR_MS + step_ms
    assert held.adopt(lease(2, issued_ms=off_ms, business_ms=off_ms), HOUR_MS * NS) is LeaseRefusal.CLOCK_STEP
    assert held.at(HOUR_MS * NS).business_ms == NOON_MS + HOUR_MS


def test_a_clock_that_drifted_for_weeks_can_still_be_corrected() -> None:
    """After 40 days without a lease 200 s of drift are no step; a gateway is not shut out for ever."""
    held = keeper()
    held.adopt(lease(1), 0)
    later_ms = 40 * 24 * HOUR_MS
    new = lease(2, issued_ms=NOON_MS + later_ms + 200_000, business_ms=NOON_MS + later_ms + 200_000)
    assert held.adopt(new, later_ms * NS) is None


@pytest.mark.parametrize("ppm", [80, -80])
def test_a_crystal_that_errs_for_months_is_kept_in_step(ppm: int) -> None:
    """Leases every five minutes, each some time under way: for ninety days none is refused, time never goes back, and
    it is never a second off."""
    refused, off_ms = _ninety_days(ppm)
    assert not refused and off_ms < 1_000


def test_ablation_without_standing_still_a_fast_crystal_gets_its_leases_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Never back and never still: within weeks real time is two minutes ahead, and every lease looks like a step."""
    monkeypatch.setattr(TimeKeeper, "_standstill_ms", lambda *_: 0)
    refused, _ = _ninety_days(80)
    assert refused


def test_a_leap_second_stops_nobody() -> None:
    """A second that comes twice: every lease is adopted, time never goes back, and falls in step again."""
    held, before_ms = keeper(), 0
    for number in range(1, 400):
        true_ms = NOON_MS + number * 30_000
        told_ms = true_ms - (1_000 if number >= 120 else 0)
        now_ns = number * 30_000 * NS
        assert held.adopt(lease(number, issued_ms=told_ms, business_ms=told_ms), now_ns) is None
        assert before_ms <= held.at(now_ns).business_ms <= true_ms
        before_ms = held.at(now_ns).business_ms
    assert before_ms - told_ms < 1_000


def _ninety_days(ppm: int) -> tuple[bool, int]:
    """Whether a lease was refused, and how far time was off at the worst, by a crystal that errs so much."""
    held, refused, worst_ms, before_ms = keeper(), False, 0, 0
    for number in range(1, 90 * 288):
        true_ms = number * 300_000
        boot_ns = true_ms * NS * (1_000_000 + ppm) // 1_000_000
        issued_ms = NOON_MS + true_ms - 20 - (number * 7919) % 400
        refused |= held.adopt(lease(number, issued_ms=issued_ms, business_ms=issued_ms), boot_ns) is not None
        now = held.at(boot_ns)
        assert now.business_ms >= before_ms
        before_ms = now.business_ms
        worst_ms = max(worst_ms, abs(before_ms - NOON_MS - true_ms))
    return refused, worst_ms


def test_time_never_goes_back_within_one_clock() -> None:
    """A lease a minute behind is adopted, its age is spent already, and both times stay where they were."""
    held = keeper()
    held.adopt(lease(1), 0)
    assert held.adopt(lease(2), 60_000 * NS) is None
    now = held.at(60_000 * NS)
    assert now.business_ms == NOON_MS + 60_000
    assert now.lease_remaining_ms == 72 * HOUR_MS - 60_000


def test_another_process_of_the_same_boot_knows_the_same_time() -> None:
    """What is saved is enough for `explain` to compute the same instant, quality and rest of the lease."""
    held = keeper()
    held.adopt(lease(), 5 * NS)
    saved = held.saved(60_000 * NS)
    assert saved is not None
    other = TimeKeeper(mode="live", boot_id="boot-a", boot_ns=61_000 * NS, saved=SavedLease.from_body(saved.to_body()))
    assert other.at(90_000 * NS) == held.at(90_000 * NS)


def test_a_cold_boot_costs_an_hour_and_leaves_time_uncertain() -> None:
    """Off for a minute or a month: one hour of lease is charged, plus what this boot has run already."""
    held = keeper()
    held.adopt(lease(), 0)
    saved = held.saved(HOUR_MS * NS)
    cold = TimeKeeper(mode="live", boot_id="boot-b", boot_ns=30_000 * NS, saved=saved)
    now = cold.at(40_000 * NS)
    assert now.quality is TimeQuality.UNCERTAIN
    assert now.lease_remaining_ms == 70 * HOUR_MS - 40_000
    assert now.business_ms == NOON_MS + HOUR_MS + 40_000


def test_uncertain_survives_a_restart_and_ends_with_the_next_lease() -> None:
    """A process restart does not make time certain; a lease does, by however much the power was off."""
    held = keeper()
    held.adopt(lease(1), 0)
    cold = TimeKeeper(mode="live", boot_id="boot-b", boot_ns=0, saved=held.saved(0))
    again = TimeKeeper(mode="live", boot_id="boot-b", boot_ns=NS, saved=cold.saved(0))
    assert again.at(NS).quality is TimeQuality.UNCERTAIN
    week_ms = NOON_MS + 7 * 24 * HOUR_MS
    assert again.adopt(lease(2, issued_ms=NOON_MS - HOUR_MS, business_ms=NOON_MS - HOUR_MS), 0) is (
        LeaseRefusal.CLOCK_STEP
    )
    assert again.adopt(lease(2, issued_ms=week_ms, business_ms=week_ms), 0) is None
    assert again.at(0).quality is TimeQuality.CERTAIN


@pytest.mark.parametrize(("rtc_hours", "moved_hours"), [(10, 10), (500, 72), (-5, 0)])
def test_a_trusted_clock_moves_time_by_no_more_than_the_remaining_lease(rtc_hours: int, moved_hours: int) -> None:
    """An RTC moves saved time forward within the lease, and what it moves is spent; it never gives lease back."""
    held = keeper()
    held.adopt(lease(), 0)
    cold = TimeKeeper(
        mode="live", boot_id="b", boot_ns=0, saved=held.saved(0), trusted_real_ms=NOON_MS + rtc_hours * HOUR_MS
    )
    now = cold.at(0)
    assert now.business_ms == NOON_MS + moved_hours * HOUR_MS
    assert now.lease_remaining_ms == 72 * HOUR_MS - max(moved_hours * HOUR_MS, COLD_BOOT_CHARGE_MS)


def test_a_lease_saved_by_the_other_mode_is_not_used() -> None:
    """A gateway enrolled anew as live does not go by a test organisation's clock."""
    held = keeper("test")
    held.adopt(lease(mode="test"), 0)
    assert keeper("live", saved=held.saved(0)).at(0).quality is TimeQuality.UNKNOWN


@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("run"), st.integers(0, 40 * HOUR_MS)),
            st.tuples(st.just("restart"), st.just(0)),
            st.tuples(st.just("cold"), st.one_of(st.none(), st.integers(0, 4 * NOON_MS))),
            st.tuples(st.just("replay"), st.just(0)),
        ),
        max_size=20,
    )
)
def test_nothing_but_a_new_lease_lengthens_a_lease(steps: list[tuple[str, int | None]]) -> None:
    """Whatever runs, restarts, boots, claims another time or repeats the lease: powered time is spent."""
    boots, boot_ms, powered_ms = 0, 0, 0
    held = keeper()
    held.adopt(lease(), 0)
    business_ms = NOON_MS
    for step, value in steps:
        saved = held.saved(boot_ms * NS)
        if step == "run":
            boot_ms += value or 0
            powered_ms += value or 0
        elif step == "restart":
            held = TimeKeeper(mode="live", boot_id=f"{boots}" if boots else "boot-a", boot_ns=boot_ms * NS, saved=saved)
        elif step == "cold":
            boots, boot_ms = boots + 1, 0
            held = TimeKeeper(mode="live", boot_id=f"{boots}", boot_ns=0, saved=saved, trusted_real_ms=value)
        else:
            assert held.adopt(lease(), boot_ms * NS) is LeaseRefusal.DUPLICATE
        now = held.at(boot_ms * NS)
        assert now.lease_remaining_ms <= 72 * HOUR_MS - powered_ms - boots * COLD_BOOT_CHARGE_MS
        assert now.business_ms >= business_ms
        business_ms = now.business_ms
