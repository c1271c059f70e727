"""A debt in parts: to the cent, on the right days, the bill due first paid off first."""

from collections import Counter
from datetime import date

from hypothesis import given
from hypothesis import strategies as st
from portillon_cloud.desk.instalments import Every, Instalment, apportioned, instalments


def test_a_hundred_in_three() -> None:
    """Case 48: 100.00 in three is 33.34, 33.33, 33.33; the 31st stays the end of the month."""
    assert instalments(10_000, 3, date(2026, 1, 31), Every.MONTH) == (
        Instalment(1, date(2026, 1, 31), 3334),
        Instalment(2, date(2026, 2, 28), 3333),
        Instalment(3, date(2026, 3, 31), 3333),
    )


def test_weeks() -> None:
    """A fortnight is two weeks, also over the change of clocks."""
    days = [one.due_on for one in instalments(300, 3, date(2026, 3, 2), Every.TWO_WEEKS)]
    assert days == [date(2026, 3, 2), date(2026, 3, 16), date(2026, 3, 30)]
    assert instalments(200, 2, date(2026, 3, 2), Every.WEEK)[1].due_on == date(2026, 3, 9)


@given(st.lists(st.integers(1, 50_000), min_size=1, max_size=6), st.integers(2, 12))
def test_nothing_is_lost(bills: list[int], count: int) -> None:
    """Parts add up to the debt, each bill is paid in full in its order, and no two parts differ by a unit or more."""
    total = sum(bills)
    parts = instalments(total, count, date(2026, 3, 2), Every.MONTH)
    found = list(apportioned(parts, list(enumerate(bills))))
    of_bill, of_part = Counter[int](), Counter[int]()
    for part, bill, minor in found:
        assert minor > 0
        of_bill[bill] += minor
        of_part[part.number] += minor
    assert of_bill == Counter(dict(enumerate(bills)))
    assert of_part == Counter({one.number: one.amount_minor for one in parts if one.amount_minor})
    assert [bill for _, bill, _ in found] == sorted(bill for _, bill, _ in found)
    assert parts[0].amount_minor - parts[-1].amount_minor < count
