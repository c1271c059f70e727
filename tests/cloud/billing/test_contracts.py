"""Signing on both engines: lawful terms only, and the first bill is planned."""

from datetime import date

import pytest
from cloud.gym import MONTHLY, Gym
from portillon_cloud.billing.calendar import Interval, IntervalUnit
from portillon_cloud.billing.errors import CatalogueError, UnknownPlanError, UnlawfulContractError
from portillon_cloud.billing.operations import create_price, prices_by_plan_code
from portillon_cloud.billing.tables import contract, subscription
from portillon_cloud.clock.local import start_of_day_ms
from portillon_cloud.timers.tables import timer
from sqlalchemy import func, select

START = date(2026, 1, 31)


def price(gym: Gym, **terms: object) -> int:
    values: dict[str, object] = {"amount_minor": 100_00, "interval": MONTHLY, "term_months": 12, **terms}
    with gym.db.write() as conn:
        return create_price(conn, plan_id=gym.plan_id, **values)  # type: ignore[arg-type]


def rows(gym: Gym, table: object) -> int:
    with gym.db.read() as conn:
        return int(conn.execute(select(func.count()).select_from(table)).scalar_one())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("terms", "word"),
    [
        ({"term_months": None}, "open-ended"),
        ({"term_months": 24}, "12 months at most"),
        ({"interval": Interval(IntervalUnit.MONTH, 12)}, "two instalments"),
    ],
)
def test_unlawful_terms_in_quebec_are_not_signed(gym: Gym, terms: dict[str, object], word: str) -> None:
    """The law is named and nothing is left behind."""
    price_id = price(gym, **terms)
    with pytest.raises(UnlawfulContractError, match=word):
        gym.join(starts_on=START, price_id=price_id)
    assert rows(gym, contract) == rows(gym, subscription) == 0


def test_the_first_bill_is_planned_for_the_day_the_service_begins(gym: Gym) -> None:
    """One timer per due day however many sign, and none before the start: nothing is collected before."""
    for name in ("A B", "C D"):
        gym.join(name, starts_on=START)
    gym.join("E F", starts_on=date(2026, 2, 1))
    with gym.db.read() as conn:
        due = conn.execute(select(timer.c.due_at_ms).where(timer.c.kind == "invoice_run").order_by(timer.c.id))
        days = (START, date(2026, 2, 1))
        assert due.scalars().all() == [start_of_day_ms(day, "America/Toronto") for day in days]


@pytest.mark.parametrize(
    "terms",
    [{"amount_minor": -1}, {"interval": Interval(IntervalUnit.MONTH, 5)}, {"interval": Interval(IntervalUnit.WEEK, 1)}],
)
def test_a_price_that_makes_no_sense_is_refused(gym: Gym, terms: dict[str, object]) -> None:
    """Below nothing, or a term that is no whole number of periods."""
    with pytest.raises(CatalogueError):
        price(gym, **terms)


def test_a_plan_is_sold_at_its_newest_price(gym: Gym) -> None:
    """A new price holds for new contracts; unknown ones are named."""
    newest = price(gym, amount_minor=120_00)
    with gym.db.read() as conn:
        assert prices_by_plan_code(conn, gym.organisation_id)["gym"].id == newest
    with pytest.raises(UnknownPlanError, match="99"):
        gym.join(starts_on=START, price_id=99)
    with pytest.raises(UnknownPlanError), gym.db.write() as conn:
        create_price(conn, plan_id=99, amount_minor=1, interval=MONTHLY, term_months=12)
