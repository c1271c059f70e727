"""What a person says of a line: a member's transfer, the bank's fee, cash paid in; each once, with who and why."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from portillon_cloud.billing.tables import invoice
from portillon_cloud.ledger.tables import ledger_entry
from portillon_cloud.members.tables import account
from portillon_cloud.payments.desk import DeskPayment, take_payment
from portillon_cloud.payments.tables import Means
from portillon_cloud.reconciliation.errors import LineExplainedError, UnknownBankLineError
from portillon_cloud.reconciliation.matching import NEAR, Line, add_match, entries_at_bank, lock_line
from portillon_cloud.reconciliation.rule import SAID_BY_PEOPLE, Rule
from portillon_cloud.reconciliation.tables import bank_match

SUGGESTED_MAX = 5
_NUMBER = re.compile(r"([A-Za-z0-9]+)[-/ ]0*(\d{1,9})(?!\d)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """What a line may be: an invoice whose number it names, its payer, or an entry of the same amount among several.

    `id`: of the invoice, the account or the entry; `text`: the invoice's number, or the entry's day.
    """

    rule: Rule
    id: int
    account_id: int | None
    text: str
    name: str


def suggestions(conn: Connection, line: Line) -> Sequence[Suggestion]:
    """What a person may confirm, the likeliest first."""
    if line.left_minor != line.amount_minor:
        return ()
    found = [*_invoices_named(conn, line)] if line.amount_minor > 0 else []
    found += _payers_named(conn, line) if line.amount_minor > 0 and not found else []
    near = entries_at_bank(conn, line, from_on=line.booked_on - NEAR, through_on=line.booked_on + NEAR)
    found += [
        Suggestion(rule=Rule.BOOKED, id=one.id, account_id=None, text=str(one.occurred_on), name=one.name or one.kind)
        for one in near
        if one.amount_minor == line.amount_minor
    ]
    return found[:SUGGESTED_MAX]


def confirm_entry(conn: Connection, organisation_id: int, line_id: int, entry_id: int, *, by: str, now_ms: int) -> None:
    """The line is what the ledger has there already. Raises UnknownBankLineError, LineExplainedError."""
    line = _whole_line(conn, organisation_id, line_id)
    near = entries_at_bank(conn, line, from_on=line.booked_on - NEAR, through_on=line.booked_on + NEAR)
    if not any(one.id == entry_id and one.amount_minor == line.amount_minor for one in near):
        raise LineExplainedError(f"entry {entry_id} is not this line's: another amount, too far, or matched already")
    add_match(conn, line, Rule.BOOKED, f"entry {entry_id}", line.amount_minor, now_ms=now_ms, by=by)


def confirm_transfer(
    conn: Connection, organisation_id: int, line_id: int, account_id: int, *, by: str, now_ms: int
) -> int:
    """The line is this account's transfer: take it as a payment; what is over is credit. The payment's id.

    Raises UnknownBankLineError, LineExplainedError, UnknownAccountError, ChargeUnderWayError.
    """
    line = _whole_line(conn, organisation_id, line_id)
    if line.amount_minor < 0:
        raise LineExplainedError(f"line {line_id} is money that left: nobody paid it to you")
    taken = take_payment(
        conn,
        DeskPayment(
            organisation_id=organisation_id,
            account_id=account_id,
            amount_minor=line.amount_minor,
            currency=line.currency,
            means=Means.TRANSFER,
            request_key=f"bank-line:{line_id}.{_times_explained(conn, line_id)}",
            taken_by=by,
            prepay=True,
        ),
        now_ms=now_ms,
    )
    entry_id = conn.execute(
        select(ledger_entry.c.id).where(
            ledger_entry.c.organisation_id == organisation_id,
            ledger_entry.c.kind == "payment",
            ledger_entry.c.source == str(taken.payment_id),
        )
    ).scalar_one()
    add_match(conn, line, Rule.TRANSFER, f"entry {entry_id}", line.amount_minor, now_ms=now_ms, by=by)
    return taken.payment_id


def explain(
    conn: Connection, organisation_id: int, line_id: int, rule: Rule, *, by: str, reason: str, now_ms: int
) -> None:
    """What is left of the line is this. Raises UnknownBankLineError, LineExplainedError."""
    line = lock_line(conn, organisation_id, line_id)
    if line is None:
        raise UnknownBankLineError(f"your organisation has no bank line {line_id}")
    if rule not in SAID_BY_PEOPLE or line.left_minor == 0:
        raise LineExplainedError(f"line {line_id} is explained already, or {rule} is nothing that a person says")
    subject = f"line {line_id}.{_times_explained(conn, line_id) + 1}"
    add_match(conn, line, rule, subject, int(line.left_minor), now_ms=now_ms, by=by, reason=reason)


def _times_explained(conn: Connection, line_id: int) -> int:
    """In whole or in part, also by what was taken back since."""
    found = select(func.count()).select_from(bank_match).where(bank_match.c.bank_line_id == line_id)
    return int(conn.execute(found).scalar_one())


def _whole_line(conn: Connection, organisation_id: int, line_id: int) -> Line:
    line = lock_line(conn, organisation_id, line_id)
    if line is None:
        raise UnknownBankLineError(f"your organisation has no bank line {line_id}")
    if line.left_minor != line.amount_minor:
        raise LineExplainedError(f"line {line_id} is explained already, in part or in whole")
    return line


def _invoices_named(conn: Connection, line: Line) -> Sequence[Suggestion]:
    """Invoices whose number stands in what the payer wrote."""
    found = []
    for series, number in _NUMBER.findall(line.text)[:10]:
        row = conn.execute(
            select(invoice.c.id, invoice.c.account_id, account.c.name)
            .join(account, account.c.id == invoice.c.account_id)
            .where(
                invoice.c.organisation_id == line.organisation_id,
                invoice.c.legal_entity_id == line.legal_entity_id,
                func.upper(invoice.c.series) == series.upper(),
                invoice.c.number == int(number),
            )
        ).one_or_none()
        if row is not None:
            found.append(
                Suggestion(
                    rule=Rule.TRANSFER,
                    id=row.id,
                    account_id=row.account_id,
                    text=f"{series.upper()}-{number}",
                    name=row.name,
                )
            )
    return found


def _payers_named(conn: Connection, line: Line) -> Sequence[Suggestion]:
    """Accounts that are called like whoever paid."""
    if not line.counterparty:
        return ()
    column = account.c
    rows = conn.execute(
        select(column.id, column.name)
        .where(
            column.organisation_id == line.organisation_id,
            column.legal_entity_id == line.legal_entity_id,
            func.lower(column.name) == line.counterparty.lower(),
        )
        .order_by(column.id)
        .limit(SUGGESTED_MAX)
    )
    return [Suggestion(rule=Rule.TRANSFER, id=row.id, account_id=row.id, text="", name=row.name) for row in rows]
