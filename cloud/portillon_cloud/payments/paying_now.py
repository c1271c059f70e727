"""Charge at once what an account owes by today, while the payer waits: after a new card, a confirmation, or because
they ask. Each charge is one step as the worker's is, so both at once do no harm.
"""

from collections.abc import Sequence

from portillon_cloud.clock.local import local_date
from portillon_cloud.database import Database
from portillon_cloud.members.organisations import time_zone_of
from portillon_cloud.payments import store
from portillon_cloud.payments.charging import cancel_charge, charge
from portillon_cloud.payments.owed import unpaid_invoices
from portillon_cloud.payments.provider import PaymentProvider
from portillon_cloud.payments.settling import ChargeResult
from portillon_cloud.payments.tables import AttemptState


def charge_due(
    db: Database, provider: PaymentProvider, *, organisation_id: int, account_id: int, now_ms: int
) -> Sequence[ChargeResult]:
    """Bring everything that is due one step further now; what came of each. What is due later is left alone."""
    return [
        charge(db, provider, intent_id, now_ms=now_ms) for intent_id in _due(db, organisation_id, account_id, now_ms)
    ]


def give_up_confirmations(
    db: Database, provider: PaymentProvider, *, organisation_id: int, account_id: int, now_ms: int
) -> None:
    """End what waits for the payer's bank: they gave another card, which is to be charged instead."""
    with db.write() as conn:
        waiting = [
            intent.id
            for intent in store.lock_live_intents(conn, account_id)
            if intent.organisation_id == organisation_id
            and (live := store.live_attempt(conn, intent.id)) is not None
            and live.state is AttemptState.ACTION_REQUIRED
        ]
    for intent_id in waiting:
        cancel_charge(db, provider, intent_id, now_ms=now_ms)


def _due(db: Database, organisation_id: int, account_id: int, now_ms: int) -> Sequence[int]:
    with db.read() as conn:
        today = local_date(now_ms, time_zone_of(conn, organisation_id))
        return [one.intent_id for one in unpaid_invoices(conn, account_id) if one.due_on <= today]
