"""Write credit notes and all that belongs to one: number, lines, taxes, posting, and what it settles."""

import datetime
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, func, select

from portillon_cloud import webhooks
from portillon_cloud.billing.credit_note import CreditDraft, CreditedInvoice, draft_credit_note
from portillon_cloud.billing.difference import Credit
from portillon_cloud.billing.invoice import ENGINE, days_in_words
from portillon_cloud.billing.invoice_store import Seller
from portillon_cloud.billing.numbers import credit_series_of, take_numbers
from portillon_cloud.billing.span import Moment
from portillon_cloud.billing.tables import (
    credit_note,
    credit_note_line,
    credit_note_tax,
    invoice,
    invoice_line,
    invoice_tax,
)
from portillon_cloud.billing.tax import issued_rates
from portillon_cloud.database.rows import insert_many, reserve_ids
from portillon_cloud.ledger import Entry, LedgerCode, Posting, post_many
from portillon_cloud.members.tables import account
from portillon_cloud.payments import credit as member_credit

_NOTE = (
    "id",
    "organisation_id",
    "legal_entity_id",
    "account_id",
    "invoice_id",
    "series",
    "number",
    "issued_on",
    "issued_at_ms",
    "currency",
    "net_minor",
    "tax_minor",
    "total_minor",
    "reason",
    "buyer",
    "seller",
    "engine",
)
_LINE = (
    "organisation_id",
    "credit_note_id",
    "invoice_line_id",
    "position",
    "description",
    "period_start",
    "period_end",
    "start_second",
    "end_second",
    "priced_minor",
    "net_minor",
)
_TAX = ("organisation_id", "credit_note_id", "tax", "rate_ppm", "base_minor", "amount_minor")


def drafts_for(conn: Connection, credits: Sequence[Credit]) -> list[CreditDraft]:
    """One credit note for each invoice that these lines are of, in the order of the invoices."""
    line = invoice_line.c
    of_line = {
        row.id: row.invoice_id
        for row in conn.execute(select(line.id, line.invoice_id).where(line.id.in_([one.line_id for one in credits])))
    }
    by_invoice: defaultdict[int, list[Credit]] = defaultdict(list)
    for one in credits:
        by_invoice[of_line[one.line_id]].append(one)
    invoices = _credited_invoices(conn, sorted(by_invoice))
    return [draft_credit_note(invoices[invoice_id], by_invoice[invoice_id]) for invoice_id in sorted(by_invoice)]


def issue_credit_notes(
    conn: Connection,
    seller: Seller,
    drafts: Sequence[CreditDraft],
    *,
    reason: str,
    issued_on: datetime.date,
    now_ms: int,
) -> Sequence[int]:
    """Write them, numbered in their order, and use what they come to for what the account owes; their ids."""
    if not drafts:
        return ()
    series = credit_series_of(seller.mode)
    numbers = take_numbers(
        conn,
        organisation_id=seller.organisation_id,
        legal_entity_id=seller.legal_entity_id,
        series=series,
        count=len(drafts),
        issued_on=issued_on,
    )
    ids = reserve_ids(conn, credit_note, len(drafts))
    buyers = {
        row.id: row.buyer
        for row in conn.execute(
            select(invoice.c.id, invoice.c.buyer).where(invoice.c.id.in_([one.invoice.invoice_id for one in drafts]))
        )
    }
    printed_seller = {"name": seller.name, "tax_numbers": seller.tax_numbers}
    insert_many(
        conn,
        credit_note,
        _NOTE,
        [
            (
                note_id,
                seller.organisation_id,
                seller.legal_entity_id,
                draft.invoice.account_id,
                draft.invoice.invoice_id,
                series,
                number,
                issued_on,
                now_ms,
                seller.currency,
                draft.taxed.net_minor,
                draft.taxed.tax_minor,
                draft.taxed.total_minor,
                reason,
                buyers[draft.invoice.invoice_id],
                printed_seller,
                ENGINE,
            )
            for note_id, number, draft in zip(ids, numbers, drafts, strict=True)
        ],
    )
    _write_lines(conn, seller, ids, drafts)
    post_many(
        conn,
        [
            _entry(note_id, draft, issued_on)
            for note_id, draft in zip(ids, drafts, strict=True)
            if draft.taxed.total_minor
        ],
        organisation_id=seller.organisation_id,
        legal_entity_id=seller.legal_entity_id,
        currency=seller.currency,
        recorded_at_ms=now_ms,
    )
    for note_id, draft in zip(ids, drafts, strict=True):
        member_credit.add_credit(
            conn,
            member_credit.Credit(
                organisation_id=seller.organisation_id,
                account_id=draft.invoice.account_id,
                credit_note_id=note_id,
                currency=seller.currency,
                left_minor=draft.taxed.total_minor,
            ),
        )
        member_credit.use_credit(
            conn, draft.invoice.account_id, now_ms=now_ms, first_invoice_id=draft.invoice.invoice_id
        )
    webhooks.tell(conn, webhooks.EventKind.CREDIT_NOTE_ISSUED, seller.organisation_id, ids, at_ms=now_ms)
    return ids


def _write_lines(conn: Connection, seller: Seller, ids: Sequence[int], drafts: Sequence[CreditDraft]) -> None:
    insert_many(
        conn,
        credit_note_line,
        _LINE,
        [
            (
                seller.organisation_id,
                note_id,
                one.line_id,
                position,
                description,
                one.span.start.day,
                one.span.end.day,
                one.span.start.second,
                one.span.end.second,
                one.amount_minor,
                net_minor,
            )
            for note_id, draft in zip(ids, drafts, strict=True)
            for position, (one, description, net_minor) in enumerate(
                zip(draft.credits, draft.descriptions, draft.taxed.nets_minor, strict=True), start=1
            )
        ],
    )
    insert_many(
        conn,
        credit_note_tax,
        _TAX,
        [
            (seller.organisation_id, note_id, line.rate.tax, line.rate.rate_ppm, line.base_minor, line.amount_minor)
            for note_id, draft in zip(ids, drafts, strict=True)
            for line in draft.taxed.taxes
        ],
    )


def _entry(note_id: int, draft: CreditDraft, issued_on: datetime.date) -> Entry:
    """What was not earned yet, and the taxes on it, become the member's credit."""
    amounts = [(LedgerCode.DEFERRED_REVENUE, draft.taxed.net_minor)]
    amounts += [(line.rate.code, line.amount_minor) for line in draft.taxed.taxes]
    return Entry(
        kind="credit_note",
        source=str(note_id),
        occurred_on=issued_on,
        postings=tuple(Posting(code, LedgerCode.MEMBER_CREDIT, amount) for code, amount in amounts if amount > 0),
    )


def _credited_invoices(conn: Connection, invoice_ids: Sequence[int]) -> Mapping[int, CreditedInvoice]:
    taxes: defaultdict[int, dict[str, int]] = defaultdict(dict)
    for row in conn.execute(select(invoice_tax).where(invoice_tax.c.invoice_id.in_(invoice_ids))):
        taxes[row.invoice_id][row.tax] = row.rate_ppm
    line, credit = invoice_line.c, credit_note_line.c
    taken = (
        select(func.coalesce(func.sum(credit.priced_minor), 0))
        .where(credit.invoice_line_id == line.id)
        .scalar_subquery()
    )
    lines: defaultdict[int, list[Row[Any]]] = defaultdict(list)
    for row in conn.execute(
        select(invoice_line, taken.label("taken_minor")).where(line.invoice_id.in_(invoice_ids)).order_by(line.id)
    ):
        lines[row.invoice_id].append(row)
    rows = conn.execute(
        select(invoice.c.id, invoice.c.account_id, invoice.c.tax_inclusive, account.c.name, account.c.language)
        .join(account, account.c.id == invoice.c.account_id)
        .where(invoice.c.id.in_(invoice_ids))
    )
    return {
        row.id: CreditedInvoice(
            invoice_id=row.id,
            account_id=row.account_id,
            name=row.name,
            language=row.language,
            inclusive=row.tax_inclusive,
            rates=issued_rates(taxes[row.id]),
            taxable={one.id: one.taxable for one in lines[row.id]},
            left_minor={one.id: one.priced_minor - int(one.taken_minor) for one in lines[row.id]},
            sold={one.id: _sold(one, row.language) for one in lines[row.id]},
        )
        for row in rows
    }


def _sold(line: Row[Any], language: str) -> str:
    """What a line sold to whom, without its days."""
    start, end = Moment(line.period_start, line.start_second), Moment(line.period_end, line.end_second)
    said: str = line.description
    return said.removesuffix(f", {days_in_words(start, end, language)}")
