"""What plans give stands in members' rows: from the contract on, through every change, and never given twice."""

from datetime import date

import pytest
from cloud.gym import MONTHLY, Gym, Joined, open_gym
from portillon_cloud.access import operations as access
from portillon_cloud.access.review import ACCESS_REVIEW
from portillon_cloud.billing import changes, subscription
from portillon_cloud.billing.catalogue import price_by_id
from portillon_cloud.billing.event_store import Author
from portillon_cloud.billing.operations import create_plan, create_price, subscribe
from portillon_cloud.clock.local import start_of_day_ms
from portillon_cloud.database import Database
from portillon_cloud.secrets import Keyring
from portillon_cloud.timers import Timer, Work
from portillon_cloud.visits import from_plans
from portillon_cloud.visits.errors import AllowanceError
from portillon_cloud.visits.operations import change, close, give, member_visits
from portillon_cloud.visits.plan_visits import PlanVisits
from portillon_cloud.visits.rows import visits_of
from portillon_cloud.visits.tables import visit_allowance
from portillon_rules.visits import Per
from sqlalchemy import select

START = date(2026, 4, 1)
FREELY = subscription.Agreement(back_days=30)


@pytest.fixture
def gym(db: Database, keyring: Keyring, clock: object) -> Gym:
    return open_gym(db, keyring, clock)  # type: ignore[arg-type]


def sold(gym: Gym, body: dict[str, int] | None, code: str = "twice") -> int:
    """A price of a new plan that gives so many visits."""
    with gym.db.write() as conn:
        plan_id = create_plan(
            conn,
            organisation_id=gym.organisation_id,
            legal_entity_id=gym.legal_entity_id,
            code=code,
            name=code.title(),
            visits=None if body is None else PlanVisits.from_body(body),
        )
        return create_price(conn, plan_id=plan_id, amount_minor=50_00, interval=MONTHLY, term_months=12)


def at(day: date) -> int:
    return start_of_day_ms(day, "America/Toronto")


def move(gym: Gym, joined: Joined, price_id: int, *, on: date, today: date) -> None:
    with gym.db.write() as conn:
        tariff = changes.price_tariff(price_by_id(conn, gym.organisation_id, price_id))
        changes.change(
            conn,
            organisation_id=gym.organisation_id,
            subscription_id=joined.subscription_id,
            ask=lambda recorded, day: subscription.change_tariff(recorded, FREELY, tariff, on=on, today=day),
            author=Author(name="desk", at_ms=at(today)),
        )


def told(gym: Gym, joined: Joined) -> list[tuple[Per | None, int, int]]:
    """What the gateways are told: per, how many, and since when."""
    with gym.db.read() as conn:
        row = visits_of(conn, [joined.member_id]).get(joined.member_id)
    return [] if row is None else [(one.per, one.most, one.from_ms) for one in row.allowances]


def review(gym: Gym, joined: Joined, today: date) -> None:
    """The timer of a turn rings."""
    claimed = Timer(
        id=1, organisation_id=gym.organisation_id, kind=ACCESS_REVIEW, subject_id=joined.account_id, key="k",
        due_at_ms=at(today), worker="w", attempt=1,
    )  # fmt: skip
    work = Work(db=gym.db, clock=gym.clock, now_ms=at(today))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(access.timers, "finish", lambda conn, timer: None)
        access.review(work, claimed)


def test_who_subscribes_has_what_the_plan_gives(gym: Gym) -> None:
    """Twice a week from the first day, under the plan's name, and nobody gave it by hand."""
    joined = gym.join(starts_on=START, price_id=sold(gym, {"week": 2}))
    assert told(gym, joined) == [(Per.WEEK, 2, at(START))]
    with gym.db.read() as conn:
        view = member_visits(conn, organisation_id=gym.organisation_id, member_id=joined.member_id, now_ms=at(START))
    assert [(one.given_by, one.by_plan, one.left) for one in view.allowances] == [("Twice", True, 2)]


def test_a_plan_without_a_limit_writes_nothing(gym: Gym) -> None:
    """Nobody is limited who bought no limit, beside others who did."""
    sold(gym, {"week": 2})
    assert told(gym, gym.join(starts_on=START)) == []
    with gym.db.read() as conn:
        assert conn.execute(select(visit_allowance)).all() == []


def test_a_change_of_plan_is_known_before_it_holds(gym: Gym) -> None:
    """Twice a week until the 1st of May, three times from then on: the row says both, and the past goes in its time."""
    joined = gym.join(starts_on=START, price_id=sold(gym, {"week": 2}))
    later = date(2026, 5, 1)
    move(gym, joined, sold(gym, {"week": 3}, "thrice"), on=later, today=date(2026, 4, 10))
    assert told(gym, joined) == [(Per.WEEK, 2, at(START)), (Per.WEEK, 3, at(later))]
    review(gym, joined, later)
    assert told(gym, joined) == [(Per.WEEK, 3, at(later))]


def test_a_dearer_plan_of_the_same_number_keeps_the_count(gym: Gym) -> None:
    """It is the same quota with the same visits spent, under the name of both."""
    joined = gym.join(starts_on=START, price_id=sold(gym, {"week": 2}))
    before = ids(gym)
    move(gym, joined, sold(gym, {"week": 2}, "gold"), on=date(2026, 4, 10), today=date(2026, 4, 10))
    assert told(gym, joined) == [(Per.WEEK, 2, at(START))] and ids(gym) == before


def test_a_pack_comes_and_goes_with_its_plan(gym: Gym) -> None:
    """Ten visits from the first day; upgraded to come at will, nothing refuses any more."""
    joined = gym.join(starts_on=START, price_id=sold(gym, {"pack": 10}, "ten"))
    review(gym, joined, START)
    assert told(gym, joined) == [(None, 10, at(START))]
    move(gym, joined, gym.price_id, on=date(2026, 4, 10), today=date(2026, 4, 10))
    assert told(gym, joined) == []


def test_a_second_subscription_adds_its_visits(gym: Gym) -> None:
    """Two a week and two a week are four; one without a limit that opens as much lifts them all."""
    twice = sold(gym, {"week": 2})
    joined = gym.join(starts_on=START, price_id=twice)
    subscribe_again(gym, joined, twice)
    assert told(gym, joined) == [(Per.WEEK, 4, at(START))]
    subscribe_again(gym, joined, gym.price_id)
    assert told(gym, joined) == []


def subscribe_again(gym: Gym, joined: Joined, price_id: int) -> None:
    with gym.db.write() as conn:
        subscribe(
            conn,
            organisation_id=gym.organisation_id,
            account_id=joined.account_id,
            member_id=joined.member_id,
            price_id=price_id,
            starts_on=START,
            now_ms=at(START),
        )


def test_nobody_changes_by_hand_what_a_plan_gives(gym: Gym) -> None:
    """It would be put right at the next turn anyway: the desk is told to change the plan."""
    joined = gym.join(starts_on=START, price_id=sold(gym, {"week": 2}))
    its = {"organisation_id": gym.organisation_id, "member_id": joined.member_id, "allowance_id": ids(gym)[0]}
    with gym.db.write() as conn, pytest.raises(AllowanceError, match="a plan gives"):
        change(conn, **its, most=9)  # type: ignore[arg-type]
    with gym.db.write() as conn, pytest.raises(AllowanceError, match="a plan gives"):
        close(conn, **its, now_ms=at(START))  # type: ignore[arg-type]


def test_what_staff_gave_stays_and_takes_its_room(gym: Gym) -> None:
    """A row holds four quotas: three by hand leave one for plans, and the row is never one that gateways refuse."""
    joined = gym.join(starts_on=START)
    with gym.db.write() as conn:
        for _ in range(3):
            give(
                conn,
                organisation_id=gym.organisation_id,
                member_id=joined.member_id,
                most=5,
                per=Per.WEEK,
                from_ms=at(START),
                until_ms=None,
                by="Ana",
                now_ms=at(START),
            )
    move(gym, joined, sold(gym, {"day": 1, "month": 12}), on=START, today=START)
    assert told(gym, joined) == [(Per.WEEK, 5, at(START))] * 3 + [(Per.DAY, 1, at(START))]


def test_keeping_again_changes_nothing(gym: Gym) -> None:
    """However often it is asked for, what stands is left as it is, and told to nobody."""
    joined = gym.join(starts_on=START, price_id=sold(gym, {"day": 1, "week": 2}))
    before = ids(gym)
    with gym.db.write() as conn, pytest.MonkeyPatch.context() as patched:
        patched.setattr(from_plans.outbox, "accounts_changed", None)
        from_plans.keep_plan_visits(conn, gym.organisation_id, [joined.account_id], at(START))
    assert ids(gym) == before


def ids(gym: Gym) -> list[int]:
    with gym.db.read() as conn:
        return list(conn.execute(select(visit_allowance.c.id).order_by(visit_allowance.c.id)).scalars())
