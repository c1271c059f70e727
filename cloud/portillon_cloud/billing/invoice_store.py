"""Write invoices and all that belongs to one: number, lines, taxes, postings, payment intents, word to the gateways."""

import datetime
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select
from sqlalchemy.exc import IntegrityError

from portillon_cloud import webhooks
from portillon_cloud.billing import tax_catalogue
from portillon_cloud.billing.errors import RunConflictError
from portillon_cloud.billing.invoice import ENGINE, Draft, Line
from portillon_cloud.billing.numbers import printed, series_of, take_numbers
from portillon_cloud.billing.sale_draft import SaleDraft, SaleLine
from portillon_cloud.billing.tables import invoice, invoice_line, invoice_tax, price
from portillon_cloud.database.rows import insert_many, reserve_ids
from portillon_cloud.ledger import Entry, LedgerCode, Posting, post_many
from portillon_cloud.members.tables import legal_entity, organisation
from portillon_cloud.money import split
from portillon_cloud.outbox import accounts_changed
from portillon_cloud.payments.operations import InvoiceDue, open_intents

_INVOICE = (
    "id",
    "organisation_id",
    "legal_entity_id",
    "account_id",
    "series",
    "number",
    "issued_on",
    "due_on",
    "issued_at_ms",
    "currency",
    "tax_inclusive",
    "net_minor",
    "tax_minor",
    "total_minor",
    "buyer",
    "seller",
    "engine",
    "tax_catalogue",
)
_LINE = (
    "organisation_id",
    "invoice_id",
    "position",
    "description",
    "subscription_id",
    "component",
    "price_id",
    "period_start",
    "period_end",
    "start_second",
    "end_second",
    "cycle_start",
    "cycle_end",
    "generation",
    "quantity",
    "unit_minor",
    "taken_from_minor",
    "priced_minor",
    "net_minor",
    "taxable",
)
_TAX = ("organisation_id", "invoice_id", "tax", "rate_ppm", "base_minor", "amount_minor")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seller:
    """Who sells, and by which rules."""

    organisation_id: int
    legal_entity_id: int
    mode: str
    time_zone: str
    name: str
    currency: str
    tax_regime: str
    tax_numbers: dict[str, str]
    payment_days: int


def seller(conn: Connection, legal_entity_id: int) -> Seller:
    """The legal entity as it is now."""
    row = conn.execute(
        select(legal_entity, organisation.c.mode, organisation.c.time_zone)
        .join(organisation, organisation.c.id == legal_entity.c.organisation_id)
        .where(legal_entity.c.id == legal_entity_id)
    ).one()
    return Seller(
        organisation_id=row.organisation_id,
        legal_entity_id=row.id,
        mode=row.mode,
        time_zone=row.time_zone,
        name=row.name,
        currency=row.currency,
        tax_regime=row.tax_regime,
        tax_numbers=row.tax_numbers,
        payment_days=row.payment_days,
    )


def issue(
    conn: Connection, seller: Seller, drafts: Sequence[Draft | SaleDraft], *, issued_on: datetime.date, now_ms: int
) -> Sequence[int]:
    """Write `drafts` as invoices, numbered in their order; their ids. RunConflictError: a period billed twice."""
    series = series_of(seller.mode)
    numbers = take_numbers(
        conn,
        organisation_id=seller.organisation_id,
        legal_entity_id=seller.legal_entity_id,
        series=series,
        count=len(drafts),
        issued_on=issued_on,
    )
    ids = reserve_ids(conn, invoice, len(drafts))
    printed_seller = {"name": seller.name, "tax_numbers": seller.tax_numbers}
    insert_many(
        conn,
        invoice,
        _INVOICE,
        [
            (
                invoice_id,
                seller.organisation_id,
                seller.legal_entity_id,
                draft.buyer.account_id,
                series,
                number,
                issued_on,
                draft.due_on,
                now_ms,
                seller.currency,
                draft.inclusive,
                draft.net_minor,
                draft.tax_minor,
                draft.total_minor,
                {"name": draft.buyer.name, "email": draft.buyer.email},
                printed_seller,
                ENGINE,
                tax_catalogue.VERSION,
            )
            for invoice_id, number, draft in zip(ids, numbers, drafts, strict=True)
        ],
    )
    _write_lines(conn, seller, ids, drafts)
    post_many(
        conn,
        [
            _entry(invoice_id, printed(series, number, issued_on), draft, issued_on)
            for invoice_id, number, draft in zip(ids, numbers, drafts, strict=True)
            if draft.total_minor > 0
        ],
        organisation_id=seller.organisation_id,
        legal_entity_id=seller.legal_entity_id,
        currency=seller.currency,
        recorded_at_ms=now_ms,
    )
    in_parts = _in_parts(conn, drafts)
    due = [_due(seller, invoice_id, draft, in_parts) for invoice_id, draft in zip(ids, drafts, strict=True)]
    open_intents(conn, invoices=due, now_ms=now_ms)
    accounts_changed(conn, seller.organisation_id, sorted({draft.buyer.account_id for draft in drafts}))
    webhooks.tell(conn, webhooks.EventKind.INVOICE_ISSUED, seller.organisation_id, ids, at_ms=now_ms)
    return ids


def _lines(draft: Draft | SaleDraft) -> Sequence[Line | SaleLine]:
    return draft.lines


def _write_lines(conn: Connection, seller: Seller, ids: Sequence[int], drafts: Sequence[Draft | SaleDraft]) -> None:
    lines = [
        (
            seller.organisation_id,
            invoice_id,
            position,
            line.description,
            charge.subscription_id,
            charge.component,
            charge.price_id,
            charge.start.day,
            charge.end.day,
            charge.start.second,
            charge.end.second,
            charge.cycle.start,
            charge.cycle.end,
            charge.generation,
            charge.quantity,
            charge.unit_minor,
            charge.taken_from_minor,
            charge.priced_minor,
            line.net_minor,
            charge.taxable,
        )
        for invoice_id, draft in zip(ids, drafts, strict=True)
        for position, line in enumerate(_lines(draft), start=1)
        for charge in (line.charge,)
    ]
    try:
        insert_many(conn, invoice_line, _LINE, lines)
    except IntegrityError as error:
        raise RunConflictError(
            f"legal entity {seller.legal_entity_id} has billed a period already; nothing was written: {error.orig}"
        ) from error
    insert_many(
        conn,
        invoice_tax,
        _TAX,
        [
            (seller.organisation_id, invoice_id, line.rate.tax, line.rate.rate_ppm, line.base_minor, line.amount_minor)
            for invoice_id, draft in zip(ids, drafts, strict=True)
            for line in draft.taxes
        ],
    )


def _in_parts(conn: Connection, drafts: Sequence[Draft | SaleDraft]) -> Mapping[int, int]:
    """By price, in how many instalments its invoices are paid, of those paid in more than one."""
    sold = {line.charge.price_id for draft in drafts for line in draft.lines if line.charge.price_id is not None}
    rows = conn.execute(select(price.c.id, price.c.instalments).where(price.c.id.in_(sold), price.c.instalments > 1))
    return {row.id: row.instalments for row in rows}


def _due(seller: Seller, invoice_id: int, draft: Draft | SaleDraft, in_parts: Mapping[int, int]) -> InvoiceDue:
    return InvoiceDue(
        organisation_id=seller.organisation_id,
        legal_entity_id=seller.legal_entity_id,
        account_id=draft.buyer.account_id,
        invoice_id=invoice_id,
        amount_minor=draft.total_minor,
        currency=seller.currency,
        due_on=draft.due_on,
        instalments_minor=_instalments(draft, in_parts) if in_parts and isinstance(draft, Draft) else (),
    )


def _instalments(draft: Draft, in_parts: Mapping[int, int]) -> tuple[int, ...]:
    """What is due each month of it: equal parts of what is paid so, and everything else with the first.

    Of a part of a cycle as many as it has months of that cycle's, so that nothing is paid after what it is for.
    """
    weights: Counter[int] = Counter()
    for line in draft.lines:
        charge = line.charge
        count = in_parts.get(charge.price_id, 1)
        if charge.part is not None:
            days, whole = (charge.end.day - charge.start.day).days, (charge.cycle.end - charge.cycle.start).days
            count = max(1, -(-count * days // whole))
        weights[count] += charge.priced_minor
    counts = sorted(count for count, minor in weights.items() if minor > 0)
    if not counts or counts == [1]:
        return ()
    shares = split(draft.total_minor, [weights[count] for count in counts])
    parts = [split(share, [1] * count) for count, share in zip(counts, shares, strict=True)]
    return tuple(sum(part[month] for part in parts if month < len(part)) for month in range(counts[-1]))


def _entry(invoice_id: int, number: str, draft: Draft | SaleDraft, issued_on: datetime.date) -> Entry:
    """The member owes the total; the net is not earned before its period passes, the taxes are owed on."""
    amounts = [(LedgerCode.DEFERRED_REVENUE, draft.net_minor)]
    amounts += [(line.rate.code, line.amount_minor) for line in draft.taxes]
    return Entry(
        kind="invoice",
        source=str(invoice_id),
        occurred_on=issued_on,
        postings=tuple(Posting(LedgerCode.RECEIVABLE, code, amount) for code, amount in amounts if amount > 0),
    )
