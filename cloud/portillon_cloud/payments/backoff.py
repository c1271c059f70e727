"""How long until a charge that is not decided is asked after again. Pure; numbers from billing.md §3.50 and §1 S18."""

from portillon_cloud.payments.tables import AttemptState

_SECOND_MS = 1_000
_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS

DOWN_FIRST_MS = 300 * _SECOND_MS
DOWN_TRIES_MAX = 8
DEBIT_HELD_MS = 10 * _DAY_MS
"""A submitted debit counts as paid for this long: bank debits come back within five working days, plus weekends."""

_WAITS_MS: dict[AttemptState, tuple[int, ...]] = {
    AttemptState.PROVIDER_DOWN: tuple(DOWN_FIRST_MS << n for n in range(DOWN_TRIES_MAX - 1)),
    AttemptState.UNKNOWN: (300 * _SECOND_MS, _HOUR_MS, *(_DAY_MS,) * 5),
    AttemptState.PENDING: (_HOUR_MS, *(_DAY_MS,) * 30),
    AttemptState.ACTION_REQUIRED: (300 * _SECOND_MS, _HOUR_MS, *(_DAY_MS,) * 5),
}


def wait_ms(state: AttemptState, tries: int) -> int | None:
    """Milliseconds until the next try after `tries` of them; None: enough was tried."""
    waits = _WAITS_MS[state]
    return waits[tries - 1] if 1 <= tries <= len(waits) else None
