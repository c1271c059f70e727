"""What France wants reported of sales to consumers: by day and rate, what was sold and what was paid (CGI, 290, 290 A).

Sales are the documents of the day, as printed: invoices less credit notes. Payments are those of the day, with tax,
each parted over the rates of the invoices that it settled; what settles no invoice yet has no rate. Nothing is sent
anywhere: the business hands these totals to its platform. Sales to companies go by electronic invoice instead.
"""

import datetime
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, func, literal, select, union, union_all

from portillon_cloud.accounting.errors import ExportRefusedError
from portillon_cloud.billing.tables import credit_note, credit_note_tax, invoice, invoice_tax
from portillon_cloud.clock.local import local_date, start_of_day_ms
from portillon_cloud.ledger.periods import Book
from portillon_cloud.members.organisations import time_zone_of
from portillon_cloud.members.tables import account, legal_entity
from portillon_cloud.money import split
from portillon_cloud.payments.return_tables import allocation_undone, payment_return
from portillon_cloud.payments.tables import Means, allocation, payment

CHUNK = 500  # payments in memory at a time
_DAY = datetime.timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SoldDay:
    """Of documents issued on the day at this rate (0: without tax): how many, their amount before tax, their tax."""

    on: datetime.date
    rate_ppm: int
    documents: int
    net_minor: int
    tax_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidDay:
    """Paid on the day for what bears this rate, with tax; without a rate: it settles no invoice yet."""

    on: datetime.date
    rate_ppm: int | None
    amount_minor: int


def require_french(conn: Connection, book: Book) -> None:
    """Raises ExportRefusedError."""
    regime = conn.scalar(select(legal_entity.c.tax_regime).where(legal_entity.c.id == book.legal_entity_id))
    if regime != "fr":
        raise ExportRefusedError("only sales that bear France's taxes are reported so")


def sold(conn: Connection, book: Book, *, from_on: datetime.date, through_on: datetime.date) -> Sequence[SoldDay]:
    """Day by day, in each the rates from the lowest; no row where nothing was sold."""
    sums: defaultdict[tuple[datetime.date, int], list[int]] = defaultdict(lambda: [0, 0, 0])
    for document, taxes, key, sign in (
        (invoice, invoice_tax, "invoice_id", 1),
        (credit_note, credit_note_tax, "credit_note_id", -1),
    ):
        for query in (_taxed(document, taxes, key), _untaxed(document, taxes, key)):
            for row in conn.execute(_of_consumers(query, document, book, from_on, through_on)):
                found = sums[row.issued_on, row.rate_ppm]
                found[0] += row.documents
                found[1] += sign * int(row.net_minor)
                found[2] += sign * int(row.tax_minor)
    return [
        SoldDay(on=on, rate_ppm=rate_ppm, documents=documents, net_minor=net_minor, tax_minor=tax_minor)
        for (on, rate_ppm), (documents, net_minor, tax_minor) in sorted(sums.items())
    ]


def paid(conn: Connection, book: Book, *, from_on: datetime.date, through_on: datetime.date) -> Sequence[PaidDay]:
    """Day by day, in each the rates from the lowest; the rows of a day add up to its payments.

    What a bank took back is taken off on the day on which it did.
    """
    zone = time_zone_of(conn, book.organisation_id)
    moved = conn.execute(
        union_all(
            _of_days(payment, payment.c.received_at_ms, payment.c.amount_minor, book, zone, from_on, through_on)
            # Taken, and told, where it came from:
            .where(payment.c.means != Means.BROUGHT.value),
            _of_days(
                payment_return,
                payment_return.c.returned_at_ms,
                -payment_return.c.amount_minor,
                book,
                zone,
                from_on,
                through_on,
            ),
        ).order_by("at_ms"),
        execution_options={"yield_per": CHUNK},
    )
    sums: defaultdict[tuple[datetime.date, int | None], int] = defaultdict(int)
    for chunk in moved.partitions():
        by_rate = _by_rate(conn, [(row.of, row.id) for row in chunk])
        for row in chunk:
            on, left_minor = local_date(row.at_ms, zone), row.amount_minor
            for rate_ppm, minor in by_rate.get((row.of, row.id), ()):
                sums[on, rate_ppm] += minor
                left_minor -= minor
            if left_minor:
                sums[on, None] += left_minor
    return [
        PaidDay(on=on, rate_ppm=rate_ppm, amount_minor=minor)
        for (on, rate_ppm), minor in sorted(sums.items(), key=lambda one: (one[0][0], one[0][1] is None, one[0][1]))
    ]


def parts_of(amounts_minor: Sequence[int], rates: Mapping[int, int]) -> Iterator[Mapping[int, int]]:
    """What of each amount, in turn, settles which rate of an invoice of `rates` (with tax, by rate).

    Once all is settled the parts come to the invoice's own amounts, however it was paid.
    """
    before, settled_minor = [0] * len(rates), 0
    for amount_minor in amounts_minor:
        settled_minor += amount_minor
        after = split(settled_minor, list(rates.values()))
        yield {rate: now - then for rate, now, then in zip(rates, after, before, strict=True) if now != then}
        before = after


def _of_days(
    table: Table,
    at_ms: ColumnElement[int],
    amount_minor: ColumnElement[int],
    book: Book,
    zone: str,
    from_on: datetime.date,
    through_on: datetime.date,
) -> Select[Any]:
    """What persons paid, or what was taken back from them, in these days."""
    return (
        select(literal(table.name).label("of"), table.c.id, at_ms.label("at_ms"), amount_minor.label("amount_minor"))
        .join(account, account.c.id == table.c.account_id)
        .where(
            table.c.legal_entity_id == book.legal_entity_id,
            at_ms >= start_of_day_ms(from_on, zone),
            at_ms < start_of_day_ms(through_on + _DAY, zone),
            account.c.kind == "person",
        )
    )


_Move = tuple[str, int]
"""A payment or a return: the name of its table, and its id there."""


def _by_rate(conn: Connection, moves: Sequence[_Move]) -> Mapping[_Move, list[tuple[int, int]]]:
    """By payment or return, what of it settled which rate."""
    ours = set(moves)
    paid_ids, returned_ids = ([id_ for name, id_ in moves if name == of.name] for of in (payment, payment_return))
    allocated, undone = allocation.c, allocation_undone.c
    invoice_ids = conn.scalars(
        union(
            select(allocated.invoice_id).where(allocated.payment_id.in_(paid_ids)),
            select(undone.invoice_id).where(undone.payment_return_id.in_(returned_ids)),
        )
    ).all()
    rates = _rates(conn, invoice_ids)
    # In the order in which it happened: what was told of earlier days comes out as it was told.
    settled: defaultdict[int, list[tuple[tuple[int, int], _Move, int]]] = defaultdict(list)
    for row in conn.execute(select(allocation).where(allocated.invoice_id.in_(invoice_ids))):
        settled[row.invoice_id].append(((row.id, 0), (payment.name, row.payment_id), row.amount_minor))
    for row in conn.execute(select(allocation_undone).where(undone.invoice_id.in_(invoice_ids))):
        settled[row.invoice_id].append(
            ((row.after_id, row.id), (payment_return.name, row.payment_return_id), -row.amount_minor)
        )
    found: defaultdict[_Move, list[tuple[int, int]]] = defaultdict(list)
    for invoice_id, rows in settled.items():
        rows.sort(key=lambda one: one[0])
        parts = parts_of([amount_minor for _, _, amount_minor in rows], rates[invoice_id])
        for (_, move, _), part in zip(rows, parts, strict=True):
            if move in ours:
                found[move] += part.items()
    return found


def _rates(conn: Connection, invoice_ids: Sequence[int]) -> Mapping[int, Mapping[int, int]]:
    """Each invoice's amounts with tax by rate; what bears none at 0."""
    found: defaultdict[int, dict[int, int]] = defaultdict(dict)
    column = invoice_tax.c
    for row in conn.execute(select(invoice_tax).where(column.invoice_id.in_(invoice_ids)).order_by(column.rate_ppm)):
        found[row.invoice_id][row.rate_ppm] = row.base_minor + row.amount_minor
    for row in conn.execute(select(invoice.c.id, invoice.c.total_minor).where(invoice.c.id.in_(invoice_ids))):
        rest_minor = row.total_minor - sum(found[row.id].values())
        if rest_minor:
            found[row.id][0] = rest_minor
    return found


def _taxed(document: Table, taxes: Table, key: str) -> Select[Any]:
    return (
        select(
            document.c.issued_on,
            taxes.c.rate_ppm,
            func.count().label("documents"),
            func.sum(taxes.c.base_minor).label("net_minor"),
            func.sum(taxes.c.amount_minor).label("tax_minor"),
        )
        .join(taxes, taxes.c[key] == document.c.id)
        .group_by(document.c.issued_on, taxes.c.rate_ppm)
    )


def _untaxed(document: Table, taxes: Table, key: str) -> Select[Any]:
    bases = (
        select(func.coalesce(func.sum(taxes.c.base_minor), 0))
        .where(taxes.c[key] == document.c.id)
        .correlate(document)
        .scalar_subquery()
    )
    nothing = func.sum(0)
    return (
        select(
            document.c.issued_on,
            nothing.label("rate_ppm"),
            func.count().label("documents"),
            func.sum(document.c.net_minor - bases).label("net_minor"),
            nothing.label("tax_minor"),
        )
        .where(document.c.net_minor != bases)
        .group_by(document.c.issued_on)
    )


def _of_consumers(
    query: Select[Any], document: Table, book: Book, from_on: datetime.date, through_on: datetime.date
) -> Select[Any]:
    return query.join(account, account.c.id == document.c.account_id).where(
        document.c.legal_entity_id == book.legal_entity_id,
        document.c.issued_on.between(from_on, through_on),
        account.c.kind == "person",
    )
