"""When to look again at who may pass under an account, because a date comes and nobody does anything."""

from sqlalchemy import Connection

from portillon_cloud import timers

ACCESS_REVIEW = "access_review"
"""Kind of the timers for the instants at which a block or a credential ends by itself; the subject is the account."""


def review_at(conn: Connection, organisation_id: int, account_id: int, at_ms: int) -> None:
    """Tell the gateways of the account again at this instant (business time)."""
    timers.schedule(
        conn,
        organisation_id=organisation_id,
        kind=ACCESS_REVIEW,
        subject_id=account_id,
        due_at_ms=at_ms,
        key=f"access:account-{account_id}:{at_ms}",
    )
