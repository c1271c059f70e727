"""The terms under which a Canadian account may be debited (PAD): shown to the payer by Stripe, kept in its mandate.

1. Of Canadian books alone: other debits have no terms of their own at Stripe.
2. "Combined": on the days that the membership names, and when something is owed beside them. Not "sporadic": that wants
   the payer's word each time.
"""

from collections.abc import Mapping
from types import MappingProxyType

from sqlalchemy import Connection, select
from stripe.params import SetupIntentCreateParamsPaymentMethodOptions

from portillon_cloud.members.tables import account, legal_entity

_SCHEDULE: Mapping[str, str] = MappingProxyType(
    {
        "en": "the days that your membership contract names",
        "fr": "les jours que nomme votre contrat d’abonnement",
    }
)


def debit_terms(conn: Connection, account_id: int) -> SetupIntentCreateParamsPaymentMethodOptions:
    """`payment_method_options` of a set-up for this payer; empty: there are no terms to state."""
    row = conn.execute(
        select(account.c.language, legal_entity.c.currency)
        .join(legal_entity, legal_entity.c.id == account.c.legal_entity_id)
        .where(account.c.id == account_id)
    ).one()
    if row.currency != "CAD":
        return {}
    return {
        "acss_debit": {
            "currency": "cad",
            "mandate_options": {
                "payment_schedule": "combined",
                "interval_description": _SCHEDULE.get(row.language, _SCHEDULE["en"]),
                "transaction_type": "personal",
            },
        }
    }
