"""What is owed by age: each bound, and the sum in the ledger."""

from datetime import date

import pytest
from cloud.gym import Gym
from cloud.reports.small_business import MAY, april, balance, bill, book, pay
from portillon_cloud.ledger import LedgerCode
from portillon_cloud.reports.unpaid_ages import aged, unpaid_ages


@pytest.mark.parametrize(
    ("days_late", "age"), [(-9, 0), (0, 0), (1, 1), (30, 1), (31, 2), (60, 2), (61, 3), (90, 3), (91, 4), (4_000, 4)]
)
def test_each_age_has_its_bounds(days_late: int, age: int) -> None:
    """Due today is not late; a month is thirty days; what is older than all is in the last."""
    found = aged([(days_late, 2, 5_00)])
    assert [one.owed_minor for one in found] == [5_00 if place == age else 0 for place in range(5)]
    assert found[age].invoices == 2
    assert [(one.from_days, one.to_days) for one in found] == [(None, 0), (1, 30), (31, 60), (61, 90), (91, None)]


def test_what_is_owed_is_what_the_ledger_says(gym: Gym) -> None:
    """After a credit note and a part payment: each invoice's rest in its age, all of it receivable."""
    _, bob = april(gym)
    bill(gym, date(2026, 5, 11))
    pay(gym, bob, 14_98, MAY)
    with gym.db.read() as conn:
        found = unpaid_ages(conn, book(gym), today=date(2026, 5, 11))
    # Bob's of today, and his of April less 14.98; Alice's of 1 April less her credit note.
    assert [one.owed_minor for one in found] == [114_98, 100_00, 57_49, 0, 0]
    assert [one.invoices for one in found] == [1, 1, 1, 0, 0]
    assert sum(one.owed_minor for one in found) == balance(gym, LedgerCode.RECEIVABLE)
