"""How long to wait after failed sign-ins: pure. Waits double, per e-mail and per address, and always end."""

from collections.abc import Sequence

WINDOW_MS = 15 * 60 * 1000
FREE_FAILURES_PER_EMAIL = 4
FREE_FAILURES_PER_ADDRESS = 20  # a whole front desk may share one address
WAIT_FIRST_MS = 2_000
WAIT_LONGEST_MS = 5 * 60 * 1000  # bounded: nobody can lock a colleague out for longer


def wait_ms(failures_ms: Sequence[int], *, free_failures: int, now_ms: int) -> int:
    """Milliseconds until the next try is allowed; 0 means now. `failures_ms`: instants of failures, in order."""
    recent = [at for at in failures_ms if now_ms - WINDOW_MS < at <= now_ms]
    beyond = len(recent) - free_failures
    if beyond <= 0:
        return 0
    wait = min(WAIT_FIRST_MS << min(beyond - 1, 20), WAIT_LONGEST_MS)
    return max(0, recent[-1] + wait - now_ms)
