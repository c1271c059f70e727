"""How long until a charge is asked after again."""

from portillon_cloud.payments.backoff import wait_ms
from portillon_cloud.payments.tables import AttemptState

SECOND_MS, HOUR_MS, DAY_MS = 1_000, 3_600_000, 86_400_000


def test_published_ladders() -> None:
    """Kill Bill (billing.md §3.50): down 300 s doubling, 8 tries in all; unknown 5 min, 1 h, then 5 days."""
    down = [wait_ms(AttemptState.PROVIDER_DOWN, tries) for tries in range(1, 9)]
    assert down == [*(300 * SECOND_MS * 2**n for n in range(7)), None]
    unknown = [wait_ms(AttemptState.UNKNOWN, tries) for tries in range(1, 9)]
    assert unknown == [300 * SECOND_MS, HOUR_MS, *[DAY_MS] * 5, None]


def test_every_wait_ends() -> None:
    """Whatever a live attempt waits for, it does not wait for ever."""
    for state in (AttemptState.PENDING, AttemptState.ACTION_REQUIRED, AttemptState.UNKNOWN, AttemptState.PROVIDER_DOWN):
        assert wait_ms(state, 100) is None
