"""The pace of requests: places in a row, each key's own, on a clock that stands still."""

from dataclasses import dataclass, field

from portillon_cloud.payments.stripe.pace import PLACES_MAX, Pace


@dataclass
class Standing:
    """A clock that moves only by sleeping."""

    now: float = 100.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept.append(round(seconds, 3))


def test_whoever_comes_too_soon_waits() -> None:
    """Four at once at ten in a second: the first goes, the others a tenth apart; another key is not in their way."""
    slept: list[float] = []
    paced = Pace(10, now_s=lambda: 100.0, sleep=slept.append)
    for _ in range(4):
        paced.wait("sk_test_a")
    paced.wait("sk_test_b")
    assert [round(one, 3) for one in slept] == [0.1, 0.2, 0.3]


def test_who_was_quiet_has_nothing_saved() -> None:
    """After a minute's rest there is one place at once, not sixty seconds' worth of them."""
    clock = Standing()
    paced = Pace(10, now_s=lambda: clock.now, sleep=clock.sleep)
    paced.wait("sk_test_a")
    clock.now += 60
    paced.wait("sk_test_a")
    paced.wait("sk_test_a")
    assert clock.slept == [0.1]


def test_the_keys_it_remembers_are_bounded_and_shown_to_nobody() -> None:
    """However many accounts there are, so many are kept, the latest; no key is in what it says of itself."""
    clock = Standing()
    paced = Pace(10, now_s=lambda: clock.now, sleep=clock.sleep)
    for number in range(PLACES_MAX + 5):
        paced.wait(f"sk_test_{number}")
    assert len(paced._next_s) == PLACES_MAX
    assert "sk_test" not in repr(paced)
