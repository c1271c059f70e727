from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portillon_rules.policy import SitePolicy, VisitsElsewhere
from portillon_rules.reason import DenyReason, GrantFlag
from portillon_rules.visits import (
    ALLOWANCES_MAX,
    QUOTAS_MAX,
    UNCHECKED,
    Allowance,
    Per,
    Visit,
    VisitRow,
    VisitUse,
    choose,
    judge,
)

TORONTO = "America/Toronto"
POLICY = SitePolicy(time_zone=TORONTO)
LENIENT = replace(POLICY, visits_elsewhere=VisitsElsewhere.PASS_AND_FLAG)
FOREVER_MS = 7_258_118_400_000
TEN = Allowance(name="1", most=10, until_ms=FOREVER_MS)
DAILY = Allowance(name="2", most=1, per=Per.DAY, until_ms=FOREVER_MS)
WEEKLY = Allowance(name="3", most=2, per=Per.WEEK, until_ms=FOREVER_MS)


def ms(local: str, zone: str = TORONTO) -> int:
    return round(datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


NOW = ms("2026-11-23 18:00")


def row(*allowances: Allowance, home: str | None = "front", turn: int = 3) -> VisitRow:
    return VisitRow(member="m1", home=home, turn=turn, since_ms=0, allowances=allowances)


def use(*allowances: Allowance, counted: dict[Visit, int] | None = None, sure: bool = True) -> VisitUse:
    return VisitUse(row(*allowances), tuple((counted or {}).items()), sure=sure)


def names(of: VisitUse, *, at_ms: int = NOW, policy: SitePolicy = POLICY) -> list[str]:
    return [visit.name for visit in choose(of, policy=policy, business_ms=at_ms).visits]


def test_who_has_no_row_is_not_limited() -> None:
    """Packs and quotas concern those who have some; nothing is reserved for the others."""
    chosen = choose(VisitUse(), policy=POLICY, business_ms=NOW)
    assert chosen.ruling.reason is None and chosen.visits == ()


def test_a_pack_gives_as_many_visits_as_it_has_and_no_more() -> None:
    """Ten spent, by this home and by those before it, are ten."""
    visit = Visit("1", 3)
    assert names(use(TEN, counted={visit: 9})) == ["1"]
    spent = judge(use(TEN, counted={visit: 10}), policy=POLICY, business_ms=NOW)
    assert spent.reason is DenyReason.NO_VISITS_LEFT and spent.row == "visits/m1" and spent.rule == "visits"
    moved = replace(TEN, before=4)
    assert names(use(moved, counted={visit: 5})) == ["1"]
    assert judge(use(moved, counted={visit: 6}), policy=POLICY, business_ms=NOW).reason is DenyReason.NO_VISITS_LEFT


def test_what_another_turn_counted_is_not_counted_twice() -> None:
    """A home that had the visits before begins at nothing: what it spent then is told by `before`."""
    assert names(use(replace(TEN, before=9), counted={Visit("1", 2): 9})) == ["1"]


def test_the_pack_that_ends_first_is_spent_first() -> None:
    """Nobody loses visits of a pack that ends while another one is spent; one that has not begun waits."""
    soon, late = replace(TEN, name="4", until_ms=NOW + 1), replace(TEN, name="5", until_ms=NOW + 2)
    assert names(use(late, soon)) == ["4"]
    assert names(use(late, soon), at_ms=NOW + 1) == ["5"]
    assert names(use(late, replace(soon, from_ms=NOW + 1)), at_ms=NOW) == ["5"]
    assert names(use(late, soon, counted={Visit("4", 3): 10})) == ["5"]


def test_a_pack_that_ended_lets_nobody_in() -> None:
    """Its last instant is before `until_ms`; with no other pack the visits are over, however many are left."""
    pack = replace(TEN, until_ms=NOW)
    assert names(use(pack), at_ms=NOW - 1) == ["1"]
    assert judge(use(pack), policy=POLICY, business_ms=NOW).reason is DenyReason.NO_VISITS_LEFT


def test_a_quota_has_room_again_in_the_next_period() -> None:
    """Once a day, twice a week: each visit takes one of both, and each period begins anew at the site's midnight."""
    monday = {Visit("2", 3, "20261123"): 1, Visit("3", 3, "2026W48"): 1}
    of = use(DAILY, WEEKLY, counted=monday)
    assert judge(of, policy=POLICY, business_ms=NOW).reason is DenyReason.NO_VISITS_LEFT
    assert names(of, at_ms=ms("2026-11-24 00:00")) == ["2", "3"]
    tuesday = use(DAILY, WEEKLY, counted={**monday, Visit("3", 3, "2026W48"): 2})
    assert judge(tuesday, policy=POLICY, business_ms=ms("2026-11-29 23:59")).reason is DenyReason.NO_VISITS_LEFT
    assert names(tuesday, at_ms=ms("2026-11-30 00:00")) == ["2", "3"]


def test_a_quota_knows_what_others_spent_in_this_period_only() -> None:
    """`before` of last week does not shorten this week."""
    elsewhere = replace(WEEKLY, before=2, before_in="2026W48")
    assert judge(use(elsewhere), policy=POLICY, business_ms=NOW).reason is DenyReason.NO_VISITS_LEFT
    assert names(use(elsewhere), at_ms=ms("2026-11-30 00:00")) == ["3"]


def test_a_quota_that_ended_limits_nobody() -> None:
    """Half a year of once a day: after it the membership alone counts."""
    assert names(use(replace(DAILY, until_ms=NOW), counted={Visit("2", 3, "20261123"): 9})) == []


@pytest.mark.parametrize(
    ("local", "period"),
    [
        ("2026-12-31 23:59", ("20261231", "2026W53", "202612")),
        ("2027-01-01 00:00", ("20270101", "2026W53", "202701")),
        ("2028-02-29 12:00", ("20280229", "2028W09", "202802")),
        ("2026-03-08 03:00", ("20260308", "2026W10", "202603")),  # the clock just jumped over 2:00
        ("2026-11-01 23:59", ("20261101", "2026W44", "202611")),  # a day of 25 hours
    ],
)
def test_days_weeks_and_months_are_the_sites(local: str, period: tuple[str, str, str]) -> None:
    """At year's end, on a leap day, and on both days of the clock's change."""
    at_ms = ms(local)
    assert tuple(replace(DAILY, per=per).period_at(at_ms, TORONTO) for per in Per) == period
    assert TEN.period_at(at_ms, TORONTO) == ""


def test_elsewhere_is_refused_or_flagged_as_the_site_wants() -> None:
    """A gateway that does not count the visits cannot know how many are left, and never asks the network."""
    away = use(TEN, DAILY, sure=False)
    assert judge(away, policy=POLICY, business_ms=NOW).reason is DenyReason.VISIT_HELD_ELSEWHERE
    chosen = choose(away, policy=LENIENT, business_ms=NOW)
    assert chosen.ruling.reason is None and chosen.ruling.flags == (GrantFlag.VISIT_UNCHECKED,)
    assert {visit.turn for visit in chosen.visits} == {UNCHECKED} and len(chosen.visits) == 2


@pytest.mark.parametrize("policy", [POLICY, LENIENT])
def test_elsewhere_what_is_known_to_be_over_is_over(policy: SitePolicy) -> None:
    """A pack that others spent before this turn, or that ended, passes nowhere: and the member is told the truth."""
    for pack in (replace(TEN, before=10), replace(TEN, until_ms=NOW)):
        assert judge(use(pack, sure=False), policy=policy, business_ms=NOW).reason is DenyReason.NO_VISITS_LEFT


def test_a_damaged_row_lets_nobody_in() -> None:
    """What cannot be read may have said that nothing is left."""
    assert judge(VisitUse(damaged=True), policy=LENIENT, business_ms=NOW).reason is DenyReason.ROW_DAMAGED


def test_a_body_comes_back_as_it_went() -> None:
    """What the cloud writes the gateway reads."""
    one = row(TEN, DAILY, replace(WEEKLY, before=2, before_in="2026W48", from_ms=5), home=None)
    assert VisitRow.from_body("m1", one.to_body()) == one


BODY = row(TEN).to_body()
PACK, QUOTA = BODY["allowances"][0], row(DAILY).to_body()["allowances"][0]


@pytest.mark.parametrize(
    "change",
    [
        {"allowances": []},
        {"allowances": [PACK] * (ALLOWANCES_MAX + 1)},
        {"allowances": [PACK, *[QUOTA] * (QUOTAS_MAX + 1)]},
        {"allowances": [{**PACK, "name": "1" * 16}]},
        {"turn": 10**15},
    ],
)
def test_a_body_that_no_event_could_tell_is_refused(change: dict[str, object]) -> None:
    """An empty row would limit nobody, an endless one hold up the door, and marks must fit among an event's flags."""
    with pytest.raises(ValueError, match=r"^(\d+ allowances|more than|name and turn)"):
        VisitRow.from_body("m1", {**BODY, **change})


def test_the_largest_body_is_told_in_one_event() -> None:
    """As many packs and quotas as there may be, under the longest names: the marks leave room for every other flag."""
    largest = [{**PACK, "name": "1" * 15}] * (ALLOWANCES_MAX - QUOTAS_MAX)
    largest += [{**QUOTA, "name": f"{number:015}"} for number in range(QUOTAS_MAX)]
    body = VisitRow.from_body("m1", {**BODY, "allowances": largest})
    marks = [one.mark for one in choose(VisitUse(body), policy=POLICY, business_ms=NOW).visits]
    assert len(marks) == QUOTAS_MAX + 1 and max(map(len, marks)) == 32


@given(st.integers(1, 9_999_999_999), st.integers(0, 999), st.sampled_from(["", "20261123", "2026W48", "202611"]))
def test_a_mark_names_its_visit(number: int, turn: int, period: str) -> None:
    """It comes back as the same visit, and fits among the flags of an event."""
    visit = Visit(str(number), turn, period)
    assert Visit.from_mark(visit.mark) == visit and len(visit.mark) <= 32


@pytest.mark.parametrize("flag", ["", "grace", "visit:", "visit:1", "visit:1.x.", "visit:.1.", "visit:1.²."])
def test_other_flags_are_no_marks(flag: str) -> None:
    """A flag of another kind, or cut short, spends nothing."""
    assert Visit.from_mark(flag) is None


@given(st.integers(0, 12), st.integers(0, 12), st.integers(1, 12), st.integers(0, FOREVER_MS - 1))
def test_never_more_visits_than_there_are(before: int, counted: int, most: int, at_ms: int) -> None:
    """Whatever was counted here and before, a pack lets in exactly while their sum is below it."""
    pack = replace(TEN, most=most, before=before)
    ruling = judge(use(pack, counted={Visit("1", 3): counted}), policy=POLICY, business_ms=at_ms)
    assert (ruling.reason is None) == (before + counted < most)
