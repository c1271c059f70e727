"""Money that came in: a payment, its allocation to invoices, and the posting, in one transaction."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, insert, select

from portillon_cloud import webhooks
from portillon_cloud.billing.reward_timer import plan_rewards
from portillon_cloud.clock.local import local_date
from portillon_cloud.database.rows import insert_one
from portillon_cloud.ledger import Entry, LedgerCode, Posting, post
from portillon_cloud.members.tables import organisation
from portillon_cloud.payments.credit import Credit, add_credit
from portillon_cloud.payments.tables import Means, allocation, payment
from portillon_cloud.takings.operations import record_taking

LEDGER_CODE_OF = {
    Means.PROVIDER: LedgerCode.PROVIDER_CLEARING,
    Means.CASH: LedgerCode.CASH,
    Means.CHEQUE: LedgerCode.CHEQUES,
    Means.TERMINAL: LedgerCode.BANK,
    Means.TRANSFER: LedgerCode.BANK,
    Means.BROUGHT: LedgerCode.BROUGHT_FORWARD,
}
"""Where money of each means lies once it is ours."""

_ALLOCATE = insert(allocation)
_ZONE = select(organisation.c.time_zone).where(organisation.c.id == bindparam("organisation_id"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Money received for an account."""

    organisation_id: int
    legal_entity_id: int
    account_id: int
    amount_minor: int
    currency: str
    means: Means
    attempt_id: int | None = None
    request_key: str | None = None
    taken_by: str | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """What of a receipt goes to one instalment of an invoice, in minor units; most invoices have one."""

    invoice_id: int
    amount_minor: int
    position: int = 1


def receive(conn: Connection, receipt: Receipt, shares: Sequence[Share], *, now_ms: int) -> int:
    """Book it; its id. What no share takes is the member's credit.

    The caller holds the locks that keep `shares` within what is owed.
    """
    payment_id = insert_one(
        conn,
        payment,
        organisation_id=receipt.organisation_id,
        legal_entity_id=receipt.legal_entity_id,
        account_id=receipt.account_id,
        amount_minor=receipt.amount_minor,
        currency=receipt.currency,
        means=receipt.means,
        attempt_id=receipt.attempt_id,
        request_key=receipt.request_key,
        taken_by=receipt.taken_by,
        received_at_ms=now_ms,
    )
    rows = [
        {
            "organisation_id": receipt.organisation_id,
            "payment_id": payment_id,
            "invoice_id": share.invoice_id,
            "position": share.position,
            "amount_minor": share.amount_minor,
        }
        for share in shares
        if share.amount_minor > 0
    ]
    if rows:
        conn.execute(_ALLOCATE, rows)
    settles: Counter[int] = Counter()
    for share in shares:
        settles[share.invoice_id] += share.amount_minor
    settled_minor = settles.total()
    add_credit(
        conn,
        Credit(
            organisation_id=receipt.organisation_id,
            account_id=receipt.account_id,
            payment_id=payment_id,
            currency=receipt.currency,
            left_minor=receipt.amount_minor - settled_minor,
        ),
    )
    money = LEDGER_CODE_OF[receipt.means]
    lines = [
        Posting(money, LedgerCode.RECEIVABLE, settled_minor),
        Posting(money, LedgerCode.MEMBER_CREDIT, receipt.amount_minor - settled_minor),
    ]
    zone = conn.execute(_ZONE, {"organisation_id": receipt.organisation_id}).scalar_one()
    post(
        conn,
        Entry(
            kind="payment",
            source=str(payment_id),
            occurred_on=local_date(now_ms, zone),
            postings=tuple(line for line in lines if line.amount_minor),
        ),
        organisation_id=receipt.organisation_id,
        legal_entity_id=receipt.legal_entity_id,
        currency=receipt.currency,
        recorded_at_ms=now_ms,
    )
    webhooks.tell(conn, webhooks.EventKind.PAYMENT_SUCCEEDED, receipt.organisation_id, [payment_id], at_ms=now_ms)
    if receipt.means is Means.BROUGHT:
        return payment_id  # taken, and recorded, where it came from
    record_taking(
        conn,
        organisation_id=receipt.organisation_id,
        legal_entity_id=receipt.legal_entity_id,
        account_id=receipt.account_id,
        payment_id=payment_id,
        means=receipt.means.value,
        amount_minor=receipt.amount_minor,
        currency=receipt.currency,
        settles=+settles,
        now_ms=now_ms,
    )
    plan_rewards(
        conn,
        organisation_id=receipt.organisation_id,
        account_id=receipt.account_id,
        payment_id=payment_id,
        now_ms=now_ms,
    )
    return payment_id
