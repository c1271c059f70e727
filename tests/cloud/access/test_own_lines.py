"""Whose lines of an invoice are unpaid: every cent of what is owed is somebody's."""

from hypothesis import given, settings
from hypothesis import strategies as st
from portillon_cloud.access.own_lines import BilledLine, parts_owed

MOTHER, SON, NOBODY = 1, 2, None


def line(member_id: int | None, net_minor: int, *, taxable: bool = True, credited_minor: int = 0) -> BilledLine:
    return BilledLine(member_id=member_id, net_minor=net_minor, taxable=taxable, credited_minor=credited_minor)


def test_what_was_paid_goes_to_one_after_the_other() -> None:
    """Nothing paid: both; the first one's lines paid: the second; a part of the first one's: both still."""
    lines = [line(MOTHER, 5000), line(SON, 3000), line(MOTHER, 1000)]
    assert parts_owed(lines, 900, [9900]) == [[(MOTHER, 6600), (SON, 3300)]]
    assert parts_owed(lines, 900, [3300]) == [[(SON, 3300)]]
    assert parts_owed(lines, 900, [3301]) == [[(MOTHER, 1), (SON, 3300)]]


def test_what_was_credited_is_owed_by_nobody() -> None:
    """The son's line was taken back: what is left is the mother's; of half of it taken back, half is his."""
    assert parts_owed([line(MOTHER, 5000), line(SON, 3000, credited_minor=3000)], 800, [5500]) == [[(MOTHER, 5500)]]
    half = [line(MOTHER, 5000), line(SON, 3000, credited_minor=1500)]
    assert parts_owed(half, 800, [7150]) == [[(MOTHER, 5500), (SON, 1650)]]


def test_instalments_cover_the_lines_in_order() -> None:
    """The first ones are the mother's, the last ones the son's; between them is one that is of both."""
    lines = [line(MOTHER, 5000), line(SON, 4000)]
    owed = parts_owed(lines, 0, [3000, 3000, 3000])
    assert owed == [[(MOTHER, 3000)], [(MOTHER, 2000), (SON, 1000)], [(SON, 3000)]]


def test_a_line_of_nobodys_membership() -> None:
    """It is everybody's where several are billed, and belongs to whoever is billed alone."""
    assert parts_owed([line(MOTHER, 5000), line(SON, 5000), line(NOBODY, 700)], 0, [700]) == [[(NOBODY, 700)]]
    assert parts_owed([line(NOBODY, 700), line(SON, 5000)], 0, [5700]) == [[(SON, 5700)]]
    assert parts_owed([line(NOBODY, 700)], 0, [700]) == [[(None, 700)]]
    assert parts_owed([], 0, [700]) == [[(None, 700)]]


def test_tax_is_of_whoever_is_taxed() -> None:
    """A line without tax carries none of it; a discount makes its owner's part smaller."""
    lines = [line(MOTHER, 5000, taxable=False), line(SON, 4000), line(SON, -1000)]
    assert parts_owed(lines, 450, [8450]) == [[(MOTHER, 5000), (SON, 3450)]]


lines_billed = st.lists(
    st.builds(
        line,
        st.sampled_from([MOTHER, SON, 3, None]),
        st.integers(-2000, 9000),
        taxable=st.booleans(),
        credited_minor=st.integers(0, 9000),
    ),
    max_size=6,
)


@settings(max_examples=200)
@given(lines_billed, st.integers(0, 2000), st.lists(st.integers(1, 9000), min_size=1, max_size=4))
def test_every_cent_is_somebodys(lines: list[BilledLine], tax_minor: int, owed: list[int]) -> None:
    """The parts of each amount add up to it, none is empty, and all are of somebody whom the invoice bills."""
    parts = parts_owed(lines, tax_minor, owed)
    assert [sum(minor for _, minor in of_one) for of_one in parts] == owed
    assert all(minor > 0 for of_one in parts for _, minor in of_one)
    assert {whose for of_one in parts for whose, _ in of_one} <= {None, *(one.member_id for one in lines)}
