"""How a document's number is written, and that it is counted without gap over months and rollbacks."""

import datetime

import pytest
from cloud.gym import Gym
from portillon_cloud.billing.errors import NumberingError
from portillon_cloud.billing.numbers import printed, take_numbers
from portillon_cloud.clock.local import local_date
from sqlalchemy import Connection

DAY = datetime.date(2026, 1, 31)


def take(conn: Connection, gym: Gym, count: int, day: datetime.date, series: str = "INV") -> list[str]:
    taken = take_numbers(
        conn,
        organisation_id=gym.organisation_id,
        legal_entity_id=gym.legal_entity_id,
        series=series,
        count=count,
        issued_on=day,
    )
    return [printed(series, number, day) for number in taken]


def test_the_month_is_the_sellers_own() -> None:
    """billing.md 34 (Lago): ten past eleven at night UTC on 30 September is October in Paris, not in Toronto."""
    at_ms = int(datetime.datetime(2023, 9, 30, 23, 10, tzinfo=datetime.UTC).timestamp() * 1000)
    assert printed("INV", 17, local_date(at_ms, "Europe/Paris")) == "INV-202310-000017"
    assert printed("INV", 17, local_date(at_ms, "America/Toronto")) == "INV-202309-000017"


def test_the_count_goes_on_from_month_to_month(gym: Gym) -> None:
    """billing.md 64: continuous over the months, so that a missing last number of a month would show."""
    with gym.db.write() as conn:
        assert take(conn, gym, 2, DAY) == ["INV-202601-000001", "INV-202601-000002"]
        assert take(conn, gym, 1, datetime.date(2026, 2, 1)) == ["INV-202602-000003"]
        assert take(conn, gym, 1, datetime.date(2026, 2, 1), "CN") == ["CN-202602-000001"]


def test_no_number_before_one_that_is_out(gym: Gym) -> None:
    """billing.md 64: chronological: the day before is refused, and takes nothing."""
    with gym.db.write() as conn:
        take(conn, gym, 1, DAY)
        with pytest.raises(NumberingError):
            take(conn, gym, 1, DAY - datetime.timedelta(days=1))
        assert take(conn, gym, 1, DAY) == ["INV-202601-000002"]


def test_a_rollback_leaves_no_gap(gym: Gym) -> None:
    """billing.md 65: what a sequence would lose, the counter's row gives back."""
    with pytest.raises(RuntimeError), gym.db.write() as conn:
        take(conn, gym, 5, DAY)
        raise RuntimeError("the process fails before it commits")
    with gym.db.write() as conn:
        assert take(conn, gym, 1, DAY) == ["INV-202601-000001"]
