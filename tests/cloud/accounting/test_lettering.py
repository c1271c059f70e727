"""Letters of what settles one another, the oldest first: known accounts, and any payments of anybody."""

from collections import defaultdict
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st
from portillon_cloud.accounting.lettering import Key, Lettering, letter, settled

DAY = date(2026, 1, 10)
ANN, BOB = ("411000", 1), ("411000", 2)


def lettered(lines: list[tuple[Key, int]]) -> list[tuple[str, date | None]]:
    told = Lettering(settled((key, minor, DAY + timedelta(days=at)) for at, (key, minor) in enumerate(lines)))
    return [told.next(key, minor) for key, minor in lines]


def test_what_settles_one_another_has_one_letter() -> None:
    """Two invoices and one payment of both; the next one paid in two parts; one that is owed still has none."""
    lines = [(ANN, 100), (ANN, 50), (ANN, -150), (ANN, 80), (ANN, -30), (ANN, -50), (ANN, 60)]
    assert [of for of, _ in lettered(lines)] == ["A", "A", "A", "B", "B", "B", ""]
    assert [on for _, on in lettered(lines)] == [DAY + timedelta(days=2)] * 3 + [DAY + timedelta(days=5)] * 3 + [None]


def test_the_oldest_is_settled_first() -> None:
    """Who always owes the newest invoice has the older ones lettered; who paid before it was billed as well."""
    lines = [(ANN, 60), (ANN, 60), (ANN, -60), (ANN, 60), (ANN, -60), (BOB, -60), (BOB, 60)]
    assert [of for of, _ in lettered(lines)] == ["A", "B", "A", "", "B", "A", "A"]


def test_each_account_counts_for_itself() -> None:
    """Of two customers in turn each has an A; what one paid settles nothing of the other."""
    lines = [(ANN, 100), (BOB, 100), (ANN, -100), (BOB, -40)]
    assert [of for of, _ in lettered(lines)] == ["A", "", "A", ""]


def test_letters_go_on_after_the_last() -> None:
    """Z is followed by AA, ZZ by AAA."""
    assert [letter(index) for index in (0, 25, 26, 51, 52, 701, 702)] == ["A", "Z", "AA", "AZ", "BA", "ZZ", "AAA"]


@given(st.lists(st.tuples(st.sampled_from([ANN, BOB]), st.sampled_from([-3, -2, -1, 1, 2, 3]))))
def test_each_letter_comes_to_nothing(lines: list[tuple[Key, int]]) -> None:
    """Whatever is billed and paid: each letter's lines add up to nil, and what has none is what is still owed."""
    sums: defaultdict[tuple[Key, str], int] = defaultdict(int)
    owed: defaultdict[Key, int] = defaultdict(int)
    for (key, minor), (of, _) in zip(lines, lettered(lines), strict=True):
        sums[key, of] += minor
        owed[key] += minor
    assert all(minor == 0 for (_, of), minor in sums.items() if of)
    assert all(sums[key, ""] == minor for key, minor in owed.items())
