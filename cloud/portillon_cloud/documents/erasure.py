"""What of a person's contracts in writing goes when they are erased, and what the law wants kept."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, delete, func, select

from portillon_cloud.billing.tables import contract, subscription
from portillon_cloud.documents.tables import contract_acceptance, contract_document, document_file


@dataclass(frozen=True, slots=True)
class Kept:
    """Accepted contracts, sealed: proof of what was owed and why. `until_on`: the last day that one of them is of."""

    count: int
    until_on: date | None


def erase_documents(conn: Connection, member_id: int) -> Kept:
    """Destroy what nobody accepted; an accepted contract stays as it was, as long as the invoices it explains."""
    its = (
        select(contract_document.c.id)
        .join(subscription, subscription.c.id == contract_document.c.subscription_id)
        .where(subscription.c.member_id == member_id)
    )
    accepted = select(contract_acceptance.c.document_id)
    conn.execute(
        delete(document_file).where(document_file.c.document_id.in_(its), document_file.c.document_id.not_in(accepted))
    )
    count, until_on = conn.execute(
        select(func.count(), func.max(func.coalesce(subscription.c.ends_on, contract.c.signed_on)))
        .select_from(contract_document)
        .join(document_file, document_file.c.document_id == contract_document.c.id)
        .join(subscription, subscription.c.id == contract_document.c.subscription_id)
        .join(contract, contract.c.id == contract_document.c.contract_id)
        .where(subscription.c.member_id == member_id)
    ).one()
    return Kept(count, until_on)
