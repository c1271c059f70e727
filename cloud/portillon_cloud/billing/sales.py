"""Sell goods and services without a subscription, and take them back: invoices and credit notes like all others."""

import datetime
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, select

from portillon_cloud.access.account_lock import lock_account
from portillon_cloud.billing import credit_store, invoice_store
from portillon_cloud.billing.calendar import Period
from portillon_cloud.billing.difference import Credit
from portillon_cloud.billing.errors import SaleRefusedError, UnknownSaleError
from portillon_cloud.billing.invoice import Buyer
from portillon_cloud.billing.invoice_store import Seller
from portillon_cloud.billing.planning import plan_recognition
from portillon_cloud.billing.sale_draft import SaleDraft, Thing, sale_drafts
from portillon_cloud.billing.sales_tables import sale, sale_return
from portillon_cloud.billing.span import Span
from portillon_cloud.billing.tables import credit_note_line, invoice, invoice_line
from portillon_cloud.clock.local import local_date
from portillon_cloud.database.rows import insert_one
from portillon_cloud.members.tables import account
from portillon_cloud.payments.credit import use_credit


@dataclass(frozen=True, slots=True, kw_only=True)
class Sold:
    """What is asked for. `request_key`: the same key is the same sale, however often it is sent."""

    organisation_id: int
    account_id: int
    things: tuple[Thing, ...]
    tax_inclusive: bool
    request_key: str
    by: str


@dataclass(frozen=True, slots=True)
class Returned:
    """So many of one line, by its position on the invoice."""

    position: int
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SoldLine:
    """A line of a sale; `left`: how many of it were not brought back."""

    position: int
    description: str
    quantity: int
    left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """What is brought back of one invoice, and why, as it stands on the credit note; once per key."""

    organisation_id: int
    invoice_id: int
    lines: tuple[Returned, ...]
    reason: str
    request_key: str


def preview_sale(conn: Connection, asked: Sold, *, now_ms: int) -> Sequence[SaleDraft]:
    """The invoices that it would be; nothing is written. Raises UnknownSaleError: no such account."""
    return _drafted(conn, asked, now_ms)[1]


def sell(conn: Connection, asked: Sold, *, now_ms: int) -> Sequence[int]:
    """Invoice it, due as every invoice is; the ids of the invoices. Raises UnknownSaleError, SaleRefusedError."""
    lock_account(conn, asked.account_id)
    before = _sold_before(conn, asked)
    if before:
        return before
    seller, drafts, today = _drafted(conn, asked, now_ms)
    ids = invoice_store.issue(conn, seller, drafts, issued_on=today, now_ms=now_ms)
    for position, invoice_id in enumerate(ids, start=1):
        insert_one(
            conn,
            sale,
            organisation_id=asked.organisation_id,
            account_id=asked.account_id,
            invoice_id=invoice_id,
            request_key=asked.request_key,
            position=position,
            content_hash=_content_hash(asked),
            sold_by=asked.by,
        )
    _earned(conn, seller, today)
    use_credit(conn, asked.account_id, now_ms=now_ms)
    return ids


def take_back(conn: Connection, brought: Brought, *, now_ms: int) -> int:
    """Credit what is brought back, with its taxes; the credit note's id. Never more than was sold and not brought back.

    Raises UnknownSaleError, SaleRefusedError.
    """
    row = conn.execute(
        select(sale.c.account_id, invoice.c.legal_entity_id)
        .join(invoice, invoice.c.id == sale.c.invoice_id)
        .where(sale.c.invoice_id == brought.invoice_id, sale.c.organisation_id == brought.organisation_id)
    ).one_or_none()
    if row is None:
        raise UnknownSaleError(f"there is no sale with invoice {brought.invoice_id} in your organisation")
    lock_account(conn, row.account_id)
    before = conn.execute(
        select(sale_return).where(
            sale_return.c.organisation_id == brought.organisation_id, sale_return.c.request_key == brought.request_key
        )
    ).one_or_none()
    content_hash = _hash([brought.invoice_id, [asdict(one) for one in brought.lines]])
    if before is not None:
        if before.content_hash != content_hash:
            raise SaleRefusedError(f"request key {brought.request_key!r} was used for another return; use a new one")
        return int(before.credit_note_id)
    seller = invoice_store.seller(conn, row.legal_entity_id)
    today = local_date(now_ms, seller.time_zone)
    if len({one.position for one in brought.lines}) < len(brought.lines):
        raise SaleRefusedError("position: a line is named twice; say how many of it in one")
    credits = [_credit(conn, brought.invoice_id, one) for one in brought.lines]
    drafts = credit_store.drafts_for(conn, credits)
    [note_id] = credit_store.issue_credit_notes(
        conn, seller, drafts, reason=brought.reason, issued_on=today, now_ms=now_ms
    )
    insert_one(
        conn,
        sale_return,
        organisation_id=brought.organisation_id,
        credit_note_id=note_id,
        request_key=brought.request_key,
        content_hash=content_hash,
    )
    _earned(conn, seller, today)
    return note_id


def sold_lines(conn: Connection, organisation_id: int, invoice_id: int) -> Sequence[SoldLine]:
    """What one sale's invoice sold, and what of it can still be brought back. Raises UnknownSaleError."""
    line = invoice_line.c
    rows = conn.execute(
        select(invoice_line)
        .join(sale, sale.c.invoice_id == line.invoice_id)
        .where(sale.c.organisation_id == organisation_id, line.invoice_id == invoice_id)
        .order_by(line.position)
    ).all()
    if not rows:
        raise UnknownSaleError(f"there is no sale with invoice {invoice_id} in your organisation")
    return [
        SoldLine(position=row.position, description=row.description, quantity=row.quantity, left=_left(conn, row))
        for row in rows
    ]


def _left(conn: Connection, row: Row[Any]) -> int:
    """How many of a line of a sale were not brought back; of what costs nothing, none can be."""
    taken = func.coalesce(func.sum(credit_note_line.c.priced_minor), 0)
    taken_minor = conn.scalar(select(taken).where(credit_note_line.c.invoice_line_id == row.id)) or 0
    return row.quantity - int(taken_minor) // row.unit_minor if row.unit_minor else 0


def _credit(conn: Connection, invoice_id: int, returned: Returned) -> Credit:
    line = invoice_line.c
    row = conn.execute(
        select(invoice_line).where(line.invoice_id == invoice_id, line.position == returned.position)
    ).one_or_none()
    if row is None:
        raise SaleRefusedError(f"position: invoice {invoice_id} has no line {returned.position}")
    left = _left(conn, row)
    if not 0 < returned.quantity <= left:
        raise SaleRefusedError(
            f"quantity: {left} of {row.quantity} of line {returned.position} can still be brought back, "
            f"not {returned.quantity}"
        )
    return Credit(
        line_id=row.id,
        component=row.component,
        cycle=Period(row.cycle_start, row.cycle_end),
        span=Span.of_days(row.period_start, row.period_end),
        amount_minor=returned.quantity * row.unit_minor,
    )


def _drafted(conn: Connection, asked: Sold, now_ms: int) -> tuple[Seller, Sequence[SaleDraft], datetime.date]:
    payer = conn.execute(
        select(account).where(account.c.id == asked.account_id, account.c.organisation_id == asked.organisation_id)
    ).one_or_none()
    if payer is None:
        raise UnknownSaleError(f"there is no account {asked.account_id} in your organisation")
    seller = invoice_store.seller(conn, payer.legal_entity_id)
    today = local_date(now_ms, seller.time_zone)
    drafts = sale_drafts(
        Buyer(account_id=payer.id, name=payer.name, email=payer.email, language=payer.language),
        asked.things,
        regime=seller.tax_regime,
        inclusive=asked.tax_inclusive,
        issued_on=today,
        due_on=today + datetime.timedelta(days=seller.payment_days),
    )
    return seller, tuple(drafts), today


def _sold_before(conn: Connection, asked: Sold) -> Sequence[int]:
    column = sale.c
    rows = conn.execute(
        select(column.invoice_id, column.content_hash)
        .where(column.organisation_id == asked.organisation_id, column.request_key == asked.request_key)
        .order_by(column.position)
    ).all()
    if any(row.content_hash != _content_hash(asked) for row in rows):
        raise SaleRefusedError(f"request key {asked.request_key!r} was used for another sale; use a new one")
    return [row.invoice_id for row in rows]


def _content_hash(asked: Sold) -> str:
    return _hash([asked.account_id, asked.tax_inclusive, [asdict(thing) for thing in asked.things]])


def _hash(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _earned(conn: Connection, seller: Seller, today: datetime.date) -> None:
    plan_recognition(
        conn,
        organisation_id=seller.organisation_id,
        legal_entity_id=seller.legal_entity_id,
        month=today,
        time_zone=seller.time_zone,
    )
