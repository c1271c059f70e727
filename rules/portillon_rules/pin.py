"""How long a PIN must be, and which ones are too easy to guess. Pure."""

from itertools import pairwise

DIGITS_LEAST, DIGITS_MOST = 4, 10
CODES_PER_USER = 1_000
"""IEC 60839-11-1: so many possible codes for each user of PIN-only access (10 users 4 digits, 100 → 5, 1,000 → 6)."""


def digits_min(users: int) -> int:
    """The fewest digits that leave every one of `users` their CODES_PER_USER; raises ValueError past ten digits."""
    for digits in range(DIGITS_LEAST, DIGITS_MOST + 1):
        if 10**digits >= CODES_PER_USER * users:
            return digits
    raise ValueError(f"{users} users need more than {DIGITS_MOST} digits; let them present a card with their PIN")


def is_weak(digits: str) -> bool:
    """Whether it is among the first codes that somebody would try: even steps (0000, 1234, 8642), repeats (1212)."""
    steps = {(int(after) - int(before)) % 10 for before, after in pairwise(digits)}
    if len(steps) == 1:
        return True
    halves = range(1, len(digits) // 2 + 1)
    return any(digits == (digits[:length] * len(digits))[: len(digits)] for length in halves)
