"""An account's statement: what it owed at first, every document and payment of the days, what it owes at the end.

A negative balance is the member's: paid or credited, and not used yet.
"""

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, select

from portillon_cloud.billing.numbers import printed
from portillon_cloud.billing.tables import credit_note, invoice
from portillon_cloud.clock.local import local_date
from portillon_cloud.members.tables import account, legal_entity, organisation
from portillon_cloud.payments.errors import UnknownAccountError
from portillon_cloud.payments.return_tables import payment_return
from portillon_cloud.payments.tables import payment, payout, write_off


class Happening(StrEnum):
    """What moved the balance."""

    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"
    PAYMENT = "payment"
    PAYMENT_RETURN = "payment_return"  # the payer's bank took it back
    WRITE_OFF = "write_off"
    PAYOUT = "payout"  # credit that is paid back


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementLine:
    """`amount_minor`: what it added to what is owed. `name`: a document's number; how money came; why it went."""

    on: datetime.date
    what: Happening
    name: str
    amount_minor: int
    balance_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """Of the days `from_on` up to and with `through_on`."""

    account_id: int
    currency: str
    from_on: datetime.date
    through_on: datetime.date
    opening_minor: int
    lines: Sequence[StatementLine]
    closing_minor: int


@dataclass(frozen=True, slots=True)
class _Moved:
    at_ms: int
    on: datetime.date
    what: Happening
    name: str
    amount_minor: int


def statement(
    conn: Connection,
    *,
    organisation_id: int,
    account_id: int,
    from_on: datetime.date,
    through_on: datetime.date,
) -> Statement:
    """What happened to the account in these days. Raises UnknownAccountError."""
    found = conn.execute(
        select(legal_entity.c.currency, organisation.c.time_zone)
        .select_from(account)
        .join(legal_entity, legal_entity.c.id == account.c.legal_entity_id)
        .join(organisation, organisation.c.id == account.c.organisation_id)
        .where(account.c.id == account_id, account.c.organisation_id == organisation_id)
    ).one_or_none()
    if found is None:
        raise UnknownAccountError(f"organisation {organisation_id} has no account {account_id}")
    opening_minor = balance_minor = 0
    lines: list[StatementLine] = []
    for moved in sorted(_all(conn, account_id, found.time_zone), key=lambda one: (one.on, one.at_ms)):
        if moved.on > through_on:
            break
        balance_minor += moved.amount_minor
        if moved.on < from_on:
            opening_minor = balance_minor
            continue
        lines.append(
            StatementLine(
                on=moved.on,
                what=moved.what,
                name=moved.name,
                amount_minor=moved.amount_minor,
                balance_minor=balance_minor,
            )
        )
    return Statement(
        account_id=account_id,
        currency=found.currency,
        from_on=from_on,
        through_on=through_on,
        opening_minor=opening_minor,
        lines=lines,
        closing_minor=balance_minor,
    )


def _all(conn: Connection, account_id: int, zone: str) -> Iterator[_Moved]:
    for table, what, sign in ((invoice, Happening.INVOICE, 1), (credit_note, Happening.CREDIT_NOTE, -1)):
        for row in conn.execute(select(table).where(table.c.account_id == account_id).order_by(table.c.id)):
            name = printed(row.series, row.number, row.issued_on)
            yield _Moved(row.issued_at_ms, row.issued_on, what, name, sign * row.total_minor)
    for table, what, sign, at, name in (
        (payment, Happening.PAYMENT, -1, "received_at_ms", "means"),
        (payment_return, Happening.PAYMENT_RETURN, 1, "returned_at_ms", "code"),
        (write_off, Happening.WRITE_OFF, -1, "written_off_at_ms", "reason"),
        (payout, Happening.PAYOUT, 1, "asked_at_ms", "reason"),
    ):
        column = table.c
        rows = conn.execute(
            select(column[at], column[name], column.amount_minor)
            .where(column.account_id == account_id)
            .order_by(column.id)
        )
        for at_ms, said, amount_minor in rows:
            yield _Moved(at_ms, local_date(at_ms, zone), what, said, sign * amount_minor)
