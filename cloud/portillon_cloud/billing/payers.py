"""Who else pays a part of a subscription: on whose invoice that part stands, and what is billed together with it."""

import datetime
from collections.abc import Mapping

from sqlalchemy import Connection, select, update

from portillon_cloud.billing import event_store
from portillon_cloud.billing.errors import UnknownPayerError
from portillon_cloud.billing.invoice import Buyer
from portillon_cloud.billing.reckoning import Reckoned
from portillon_cloud.billing.span import Moment
from portillon_cloud.billing.tables import subscription
from portillon_cloud.billing.timeline import Shared, payer_of
from portillon_cloud.members.tables import account


def payers_of(conn: Connection, reckoned: Mapping[int, Reckoned]) -> Mapping[int, Buyer]:
    """Those who are billed a part of what is not theirs, by their account."""
    new = (line for one in reckoned.values() for line in one.difference.lines)
    account_ids = {payer for line in new if (payer := payer_of(line.piece.component)) is not None}
    if not account_ids:
        return {}
    column = account.c
    rows = conn.execute(select(column.id, column.name, column.email, column.language).where(column.id.in_(account_ids)))
    return {row.id: Buyer(account_id=row.id, name=row.name, email=row.email, language=row.language) for row in rows}


def payer_name(conn: Connection, subscription_id: int, payer_account_id: int) -> str:
    """Another account of the same legal entity, as the member's invoices name it. Raises UnknownPayerError."""
    name: str | None = conn.scalar(
        select(account.c.name)
        .join(subscription, subscription.c.legal_entity_id == account.c.legal_entity_id)
        .where(
            subscription.c.id == subscription_id,
            account.c.id == payer_account_id,
            account.c.id != subscription.c.account_id,
        )
    )
    if name is None:
        raise UnknownPayerError(
            f"account {payer_account_id} is no other account of the gym that sold subscription {subscription_id}"
        )
    return name


def bill_beside_payer(conn: Connection, account_id: int, today: datetime.date) -> None:
    """Have all subscriptions of the account billed in one go with those of who pays a part of one, or alone again.

    So the payer gets one invoice for all, and the account one for all of its own. Of several payers the one known
    longest gathers; another may then get two invoices on one day.
    """
    column = subscription.c
    ids = conn.execute(select(column.id).where(column.account_id == account_id).order_by(column.id)).scalars().all()
    now = Moment(today)
    payer_ids = [
        one.event.payer_account_id
        for known in event_store.recorded(conn, ids).values()
        for one in known
        if isinstance(one.event, Shared) and (one.event.until is None or one.event.until > now)
    ]
    conn.execute(
        update(subscription)
        .where(column.account_id == account_id)
        .values(bill_with_id=min(payer_ids, default=account_id))
    )
