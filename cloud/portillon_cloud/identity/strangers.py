"""How often a stranger may ask for what writes letters: counted for every e-mail typed, known here or not."""

from sqlalchemy import Connection

from portillon_cloud.identity import store, throttle
from portillon_cloud.identity.errors import AskedTooOften
from portillon_cloud.identity.tokens import token_hash

_COUNTED_MOST = 64


def count_asking(conn: Connection, *, what: str, email: str, address: str, now_ms: int) -> None:
    """Count it, by e-mail and by network address. Raises AskedTooOften, and then counts nothing.

    `what` keeps one kind of asking apart from others, and from failed sign-ins. `now_ms`: machine time.
    """
    by_email, by_address = f"{what}-email:{token_hash(email.strip().lower())}", f"{what}-address:{address}"
    wait_ms = max(
        throttle.wait_ms(
            store.failures(conn, subject, since_ms=now_ms - throttle.WINDOW_MS, limit=_COUNTED_MOST),
            free_failures=free,
            now_ms=now_ms,
        )
        for subject, free in (
            (by_email, throttle.FREE_FAILURES_PER_EMAIL),
            (by_address, throttle.FREE_FAILURES_PER_ADDRESS),
        )
    )
    if wait_ms:
        raise AskedTooOften(retry_after_ms=wait_ms)
    store.insert_failure(conn, (by_email, by_address), now_ms=now_ms, forget_before_ms=now_ms - throttle.WINDOW_MS)
