"""The pace of requests: places in a row, each key's own, on a clock that stands still."""

from dataclasses import dataclass, field
from itertools import pairwise

from portillon_cloud.payments.stripe.pace import CLOSEST, PLACES_MAX, Pace


@dataclass
class Standing:
    """A clock that moves only by sleeping, which may take longer than it should."""

    now: float = 100.0
    oversleeps: float = 0.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.now += seconds + self.oversleeps
        self.slept.append(round(seconds, 3))


def test_whoever_comes_too_soon_waits() -> None:
    """Four at once at ten in a second: the first goes, the others a tenth apart; another key is not in their way."""
    clock = Standing()
    paced = Pace(10, now_s=lambda: clock.now, sleep=clock.sleep)
    for _ in range(4):
        paced.wait("sk_test_a")
    paced.wait("sk_test_b")
    assert clock.slept == [0.1, 0.1, 0.1]


def test_who_was_quiet_has_nothing_saved() -> None:
    """After a minute's rest there is one place at once, not sixty seconds' worth of them."""
    clock = Standing()
    paced = Pace(10, now_s=lambda: clock.now, sleep=clock.sleep)
    paced.wait("sk_test_a")
    clock.now += 60
    paced.wait("sk_test_a")
    paced.wait("sk_test_a")
    assert clock.slept == [0.1]


def test_after_a_pause_no_crowd_follows() -> None:
    """The machine stood still for a second while one slept: those behind keep their distance instead of catching up."""
    clock = Standing()
    paced = Pace(10, now_s=lambda: clock.now, sleep=clock.sleep)
    pauses, taken = iter([0.0, 1.0, 0.0, 0.0]), []
    for _ in range(5):
        paced.wait("sk_test_a")
        taken.append(clock.now)
        clock.oversleeps = next(pauses, 0.0)
    apart = [later - earlier for earlier, later in pairwise(taken)]
    assert [round(one, 3) for one in apart] == [0.1, 1.1, round(CLOSEST * 0.1, 3), 0.1]


def test_sleeping_a_little_long_costs_no_place() -> None:
    """Every sleep takes a twentieth longer than it should: in ten seconds a hundred places are taken all the same."""
    clock = Standing(oversleeps=0.005)
    paced = Pace(10, now_s=lambda: clock.now, sleep=clock.sleep)
    for _ in range(101):
        paced.wait("sk_test_a")
    assert 110 <= clock.now <= 110.01


def test_the_keys_it_remembers_are_bounded_and_shown_to_nobody() -> None:
    """However many accounts there are, so many are kept, the latest; no key is in what it says of itself."""
    clock = Standing()
    paced = Pace(10, now_s=lambda: clock.now, sleep=clock.sleep)
    for number in range(PLACES_MAX + 5):
        paced.wait(f"sk_test_{number}")
    assert len(paced._lanes) == PLACES_MAX
    assert "sk_test" not in repr(paced)
