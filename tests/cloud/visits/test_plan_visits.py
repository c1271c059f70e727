"""What plans give is worked out once, from what is planned; a row sent today is as right on every later day."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from portillon_cloud.visits import plan_visits
from portillon_cloud.visits.plan_visits import PlannedAllowance, PlanVisits, SoldPart, planned
from portillon_rules.entitlement import ALWAYS, FOREVER_MS
from portillon_rules.policy import SitePolicy
from portillon_rules.reason import DenyReason
from portillon_rules.visits import QUOTAS_MAX, Allowance, Per, Visit, VisitRow, VisitUse, choose

DAY_MS = 86_400_000
START_MS = 1_772_427_600_000  # Monday 2 March 2026, 00:00 in Toronto; clocks change on the 8th
ZONE = "America/Toronto"
POLICY = SitePolicy(time_zone=ZONE)
WEEKLY, BIWEEKLY = PlanVisits({Per.WEEK: 1}), PlanVisits({Per.WEEK: 2})


def day(number: int) -> int:
    return START_MS + number * DAY_MS


def part(visits: PlanVisits | None = BIWEEKLY, first: int = 0, last: int | None = None, **more: object) -> SoldPart:
    whole = SoldPart(
        subscription_id=1,
        plan="Gym",
        from_ms=day(first),
        until_ms=FOREVER_MS if last is None else day(last),
        zones=frozenset({"gym"}),
        visits=visits,
    )
    return replace(whole, **more)  # type: ignore[arg-type]


def told(parts: list[SoldPart], now: int = 0) -> list[tuple[Per | None, int, int, int | None]]:
    """Per, how many, and the days from and until which."""
    return [
        (
            one.per,
            one.most,
            (one.from_ms - START_MS) // DAY_MS,
            None if one.until_ms == FOREVER_MS else (one.until_ms - START_MS) // DAY_MS,
        )
        for one in planned(parts, day(now))
    ]


def test_a_plan_that_says_nothing_limits_nobody() -> None:
    """No packs, no quotas: as many visits as the member likes."""
    assert told([part(None)]) == [] and told([]) == []


def test_quotas_and_packs_are_given_while_the_plan_runs() -> None:
    """Each period has its own number; a pack is there from its first day and goes with the plan."""
    assert told([part(PlanVisits({Per.DAY: 1, Per.MONTH: 12}), 0, 30)]) == [(Per.DAY, 1, 0, 30), (Per.MONTH, 12, 0, 30)]
    pack = part(PlanVisits({}, pack=10), 5, 30)
    assert [told([pack], now) for now in (4, 5, 29, 30)] == [[], [(None, 10, 5, 30)], [(None, 10, 5, 30)], []]


def test_a_change_of_plan_is_told_ahead() -> None:
    """Once a week until the 10th and twice from then on: both are known today, and the first goes when it is over."""
    parts = [part(WEEKLY, 0, 10), part(BIWEEKLY, 10)]
    assert told(parts) == [(Per.WEEK, 1, 0, 10), (Per.WEEK, 2, 10, None)]
    assert told(parts, 10) == [(Per.WEEK, 2, 10, None)]


def test_a_number_that_stays_is_counted_on() -> None:
    """A dearer plan with the same two visits a week does not give two more in the week of the change."""
    assert told([part(BIWEEKLY, 0, 10), part(BIWEEKLY, 10, plan="Gold")]) == [(Per.WEEK, 2, 0, None)]


def test_plans_side_by_side_add_up() -> None:
    """Two and one are three a week while both run; packs stand beside each other, and other periods hold each."""
    other = part(WEEKLY, 5, 9, subscription_id=2)
    assert told([part(), other]) == [(Per.WEEK, 2, 0, 5), (Per.WEEK, 3, 5, 9), (Per.WEEK, 2, 9, None)]
    packs = [part(PlanVisits({}, pack=10)), part(PlanVisits({}, pack=5), 0, 9, subscription_id=2)]
    assert told(packs) == [(None, 10, 0, None), (None, 5, 0, 9)]
    assert {one.source for one in planned(packs, day(0))} == {"subscription:1", "subscription:2"}
    monthly = part(PlanVisits({Per.MONTH: 8}), subscription_id=2)
    assert told([part(), monthly]) == [(Per.WEEK, 2, 0, None), (Per.MONTH, 8, 0, None)]


@pytest.mark.parametrize(
    ("wide", "lifts"),
    [
        ({}, True),
        ({"zones": frozenset({"gym", "pool"})}, True),
        ({"zones": frozenset({"pool"})}, False),
        ({"schedule": "mornings"}, False),
        ({"sites": "all"}, True),
        ({"sites": (7,)}, False),
    ],
)
def test_only_a_plan_that_opens_as_much_lifts_a_limit(wide: dict[str, object], lifts: bool) -> None:
    """Whoever may swim at will still comes to the gym twice a week; who bought the whole gym comes at will."""
    found = told([part(), part(None, subscription_id=2, **wide)])
    assert found == ([] if lifts else [(Per.WEEK, 2, 0, None)])


@pytest.mark.parametrize(("theirs", "lifts"), [((1,), True), ((1, 2), True), ((1, 3), False), ("all", False)])
def test_sites_that_are_named_lift_what_lies_in_them(theirs: object, lifts: bool) -> None:
    """A plan for sites 1 and 2 covers one for site 1, and none that holds elsewhere too."""
    assert (told([part(sites=theirs), part(None, subscription_id=2, sites=(1, 2))]) == []) is lifts


def test_a_limit_comes_back_with_the_end_of_what_lifted_it() -> None:
    """A free month over a plan of two a week: the quota stands aside for that month."""
    assert told([part(), part(None, 5, 9, subscription_id=2)]) == [(Per.WEEK, 2, 0, 5), (Per.WEEK, 2, 9, None)]


@pytest.mark.parametrize("body", [{}, {"week": 0}, {"pack": 10, "day": 1}, {"year": 3}, {"pack": 10_001}])
def test_visits_that_nobody_can_sell_are_refused(body: dict[str, int]) -> None:
    """None of nothing, no pack with quotas, no other periods, no number without bounds."""
    with pytest.raises(ValueError, match=r"visits|valid Per"):
        PlanVisits.from_body(body)


def test_what_is_stored_is_read_back() -> None:
    """By the words that the API speaks."""
    for body in ({"pack": 10}, {"week": 2}, {"day": 1, "month": 12}):
        assert PlanVisits.from_body(body).to_body() == body


QUOTAS = st.dictionaries(st.sampled_from(Per), st.integers(1, 3), min_size=1, max_size=2).map(PlanVisits)
LIVES = st.lists(
    st.builds(
        lambda subscription_id, first, length, visits, zones: part(
            visits, first, first + length, subscription_id=subscription_id, zones=zones
        ),
        st.integers(1, 3),
        st.integers(-10, 25),
        st.integers(1, 30),
        st.none() | QUOTAS,
        st.sampled_from([frozenset({"gym"}), frozenset({"gym", "pool"})]),
    ),
    min_size=1,
    max_size=3,
)
TRIES = st.lists(st.integers(0, 40 * 4), max_size=60).map(sorted)
"""When somebody is at the door, in quarters of a day."""


def row_of(gifts: list[PlannedAllowance]) -> VisitUse:
    allowances = tuple(
        Allowance(name=str(index), most=one.most, per=one.per, from_ms=one.from_ms, until_ms=one.until_ms)
        for index, one in enumerate(gifts, start=1)
    )
    row = VisitRow(member="1", home="front", turn=1, since_ms=0, allowances=allowances) if allowances else None
    return VisitUse(row, (), sure=True)


def gateway_says(use: VisitUse, tries: list[int]) -> list[bool]:
    """A gateway that hears nothing more: it counts for itself."""
    counted: dict[Visit, int] = {}
    found = []
    for quarter in tries:
        chosen = choose(replace(use, counted=tuple(counted.items())), policy=POLICY, business_ms=quarter_ms(quarter))
        for visit in chosen.visits:
            counted[visit] = counted.get(visit, 0) + 1
        assert chosen.ruling.reason in (None, DenyReason.NO_VISITS_LEFT)
        found.append(chosen.ruling.reason is None)
    return found


def quarter_ms(quarter: int) -> int:
    return START_MS + quarter * DAY_MS // 4 + 1


def limits_at(parts: list[SoldPart], at_ms: int) -> dict[Per, int]:
    """The sentences of docs/rules.md once more, at one instant."""
    running = [one for one in parts if one.from_ms <= at_ms < one.until_ms]
    free = [one.zones for one in running if one.visits is None]
    limited = [one.visits for one in running if one.visits is not None and not any(z >= one.zones for z in free)]
    return {per: total for per in Per if (total := sum(one.quotas.get(per, 0) for one in limited))}


def cloud_says(parts: list[SoldPart], tries: list[int]) -> list[bool]:
    """What holds at each instant by what is known of it, counted since its number last changed."""
    turns = sorted({at_ms for one in parts for at_ms in (one.from_ms, one.until_ms)})
    used: list[int] = []
    found = []
    for quarter in tries:
        now_ms = quarter_ms(quarter)
        limits = limits_at(parts, now_ms)
        has_room = all(
            sum(_same(at_ms, now_ms, per) and _steady(parts, turns, per, at_ms, now_ms) for at_ms in used) < most
            for per, most in limits.items()
        )
        used += [now_ms] if has_room else []
        found.append(has_room)
    return found


def _same(one_ms: int, other_ms: int, per: Per) -> bool:
    quota = Allowance(name="1", most=1, per=per, until_ms=FOREVER_MS)
    return quota.period_at(one_ms, ZONE) == quota.period_at(other_ms, ZONE)


def _steady(parts: list[SoldPart], turns: list[int], per: Per, from_ms: int, until_ms: int) -> bool:
    between = [from_ms, *(at_ms for at_ms in turns if from_ms < at_ms <= until_ms)]
    return len({limits_at(parts, at_ms).get(per) for at_ms in between}) == 1


@settings(max_examples=150)
@given(LIVES, TRIES)
@example([part(WEEKLY, 0, 10), part(BIWEEKLY, 10, 30)], [0, 1, 28, 36, 37, 40, 41, 42, 60])
def test_a_row_answers_at_every_later_visit_as_the_cloud_would(parts: list[SoldPart], tries: list[int]) -> None:
    """Weeks of visits at a gateway that hears nothing more, through changes of plan: given and refused alike."""
    gifts = planned(parts, START_MS)
    if len(gifts) <= QUOTAS_MAX:  # more than a row holds are told as their time comes
        assert gateway_says(row_of(gifts), tries) == cloud_says(parts, tries)


def _only_now(parts: list[SoldPart], at_ms: int) -> list[PlannedAllowance]:
    return [one for one in planned(parts, at_ms) if one.from_ms <= at_ms]


def _never_lifted(wide: SoldPart, narrow: SoldPart) -> bool:
    return False


@pytest.mark.parametrize(
    ("gifts_of", "covers"), [(_only_now, plan_visits._covers), (planned, _never_lifted)], ids=["ahead", "lifted"]
)
def test_what_is_left_out_would_be_seen(
    gifts_of: Callable[[list[SoldPart], int], list[PlannedAllowance]],
    covers: Callable[[SoldPart, SoldPart], bool],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ablation: a row without what is planned ahead, or with a limit that another plan lifts, answers otherwise."""
    parts = [part(WEEKLY, 0, 10), part(BIWEEKLY, 10), part(None, 0, 5, subscription_id=2)]
    tries = [0, 1, 2, 3, 4, 44, 45, 46, 47]
    monkeypatch.setattr(plan_visits, "_covers", covers)
    given_ahead = row_of(gifts_of(parts, START_MS))
    assert gateway_says(given_ahead, tries) != cloud_says(parts, tries)
    monkeypatch.undo()
    assert gateway_says(row_of(planned(parts, START_MS)), tries) == cloud_says(parts, tries)


def test_hours_of_its_own_are_no_reason_to_doubt_a_plan_like_it() -> None:
    """Two plans of the same hours: the one without a limit lifts the other's."""
    mornings = {"schedule": "mornings"}
    assert told([part(**mornings), part(None, subscription_id=2, **mornings)]) == []
    assert told([part(**mornings), part(None, subscription_id=2, schedule=ALWAYS)]) == []
