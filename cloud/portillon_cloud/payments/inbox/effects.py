"""What follows from what a provider says of an object. One transaction each, safe to do again, in any order."""

from sqlalchemy import Connection, select, update

from portillon_cloud.payments import charging
from portillon_cloud.payments.disputes.operations import hear_dispute
from portillon_cloud.payments.inbox.news import ChargeSeen, DisputeSeen, MethodSeen, RefundSeen
from portillon_cloud.payments.provider import ChargeOutcome, RefundOutcome
from portillon_cloud.payments.refunding.sending import hear_refund
from portillon_cloud.payments.tables import MethodState, payment_attempt, payment_method

_SAYS_NOTHING = (ChargeOutcome.UNKNOWN, ChargeOutcome.PROVIDER_DOWN)


def charge_seen(conn: Connection, organisation_id: int, seen: ChargeSeen | None, *, now_ms: int) -> None:
    """Bring the intent to where the charge is. One that is none of ours, or is not there, changes nothing."""
    if seen is None or seen.key is None or seen.answer.outcome in _SAYS_NOTHING:
        return
    attempt_id = conn.scalar(
        select(payment_attempt.c.id).where(
            payment_attempt.c.key == seen.key, payment_attempt.c.organisation_id == organisation_id
        )
    )
    if attempt_id is not None:
        charging.hear(conn, attempt_id, seen.answer, now_ms=now_ms)


def refund_seen(conn: Connection, organisation_id: int, seen: RefundSeen | None, *, now_ms: int) -> None:
    """Bring the payout to where the refund is; one that somebody made at the provider is left to the reconciliation."""
    if seen is None or seen.key is None or seen.answer.outcome in (RefundOutcome.UNKNOWN, RefundOutcome.PROVIDER_DOWN):
        return
    hear_refund(conn, organisation_id, seen.key, seen.answer, now_ms=now_ms)


def dispute_seen(
    conn: Connection, organisation_id: int, provider: str, seen: DisputeSeen | None, *, now_ms: int
) -> None:
    """Bring the dispute to where the bank has it."""
    if seen is not None and seen.key is not None:
        hear_dispute(conn, organisation_id, provider, seen, now_ms=now_ms)


def method_seen(conn: Connection, organisation_id: int, provider: str, seen: MethodSeen | None) -> None:
    """A card that the bank replaced reads as the new one and is charged again; one that was taken away no more."""
    if seen is None:
        return
    column = payment_method.c
    found = conn.execute(
        select(payment_method)
        .where(
            column.organisation_id == organisation_id,
            column.provider == provider,
            column.token.endswith(f":{seen.reference}", autoescape=True),
            column.state != MethodState.REMOVED,
        )
        .with_for_update()
    ).one_or_none()
    if found is None:
        return
    is_now = (seen.label, seen.exp_month, seen.exp_year)
    replaced = is_now != (found.label, found.exp_month, found.exp_year)
    state = MethodState(found.state)
    if not seen.usable:
        state = MethodState.UNUSABLE
    elif replaced:
        state = MethodState.ACTIVE  # what the provider said of the old card says nothing of the new one
    conn.execute(
        update(payment_method)
        .where(column.id == found.id)
        .values(label=seen.label, exp_month=seen.exp_month, exp_year=seen.exp_year, scheme=seen.scheme, state=state)
    )
