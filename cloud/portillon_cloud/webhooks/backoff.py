"""How long an endpoint is left in peace after each failure: pure. Close together at first, over three days in all."""

SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000
WAITS_MS = (5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR)
SPREAD = 10  # per cent: a thousand deliveries that failed together do not come back together


def wait_ms(attempts: int, delivery_id: int) -> int | None:
    """After so many tries; None: it is given up. The same delivery waits the same, whoever reckons it."""
    if attempts > len(WAITS_MS):
        return None
    wait = WAITS_MS[attempts - 1]
    return wait + wait * (delivery_id * 7919 % (SPREAD + 1)) // 100
