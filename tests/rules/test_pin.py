"""PINs: long enough for the number of users, and never an easy one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portillon_rules.pin import CODES_PER_USER, DIGITS_LEAST, DIGITS_MOST, digits_min, is_weak


@pytest.mark.parametrize(
    ("users", "digits"), [(0, 4), (1, 4), (10, 4), (11, 5), (100, 5), (101, 6), (1_000, 6), (1_001, 7), (10**7, 10)]
)
def test_the_standards_own_numbers(users: int, digits: int) -> None:
    """10 users 4 digits, 100 users 5, 1,000 users 6 (IEC 60839-11-1); one user more takes one digit more."""
    assert digits_min(users) == digits


@given(st.integers(0, 10**7))
def test_every_user_has_a_thousand_codes_and_no_digit_too_many(users: int) -> None:
    """The bound holds at every size, and one digit less would break it or be fewer than four."""
    digits = digits_min(users)
    assert 10**digits >= CODES_PER_USER * users
    assert digits == DIGITS_LEAST or 10 ** (digits - 1) < CODES_PER_USER * users
    assert digits <= DIGITS_MOST


def test_more_users_than_ten_digits_can_tell_apart() -> None:
    """There is no eleventh digit on the wire: it is said, not rounded."""
    with pytest.raises(ValueError, match="card with their PIN"):
        digits_min(10**7 + 1)


@pytest.mark.parametrize("digits", ["0000", "1111", "1234", "7890", "4321", "0987", "2468", "1212", "123123", "12121"])
def test_easy_codes_are_weak(digits: str) -> None:
    """All equal, counting up or down (past the nine too), even steps, a part said again."""
    assert is_weak(digits)


@pytest.mark.parametrize("digits", ["4917", "1112", "0049", "1221", "491730", "2580"])
def test_other_codes_are_not(digits: str) -> None:
    """What only looks tidy stays: the more is forbidden, the fewer an attacker has to try."""
    assert not is_weak(digits)


@pytest.mark.parametrize("length", [4, 5])
def test_few_codes_are_weak(length: int) -> None:
    """Forbidding them leaves nearly the whole space: under 2 % of it is weak."""
    weak = sum(is_weak(f"{number:0{length}d}") for number in range(10**length))
    assert 0 < weak < 10**length // 50
