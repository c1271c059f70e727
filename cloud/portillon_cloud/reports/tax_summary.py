"""What was charged of each tax at each rate, by month: what a return asks for."""

import datetime
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, Table, func, select

from portillon_cloud.billing.calendar import Period
from portillon_cloud.billing.tables import credit_note, credit_note_tax, invoice, invoice_tax
from portillon_cloud.reports.book import Book
from portillon_cloud.reports.months import whole


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxMonth:
    """Base and tax of documents issued in the month: invoices less credit notes, as printed on them."""

    month: datetime.date
    tax: str
    rate_ppm: int
    base_minor: int
    amount_minor: int


def tax_summary(conn: Connection, book: Book, months: Sequence[Period]) -> tuple[TaxMonth, ...]:
    """Month by month, in each the taxes by name and rate; without a row where nothing was charged.

    Never reckoned anew from a total and a rate: a return adds up what the documents say, rounding included.
    """
    sums: defaultdict[tuple[datetime.date, str, int], list[int]] = defaultdict(lambda: [0, 0])
    for document, taxes, key, sign in (
        (invoice, invoice_tax, "invoice_id", 1),
        (credit_note, credit_note_tax, "credit_note_id", -1),
    ):
        for row in conn.execute(_charged(document, taxes, key, book, whole(months))):
            found = sums[row.issued_on.replace(day=1), row.tax, row.rate_ppm]
            found[0] += sign * int(row.base_minor)
            found[1] += sign * int(row.amount_minor)
    return tuple(
        TaxMonth(month=month, tax=tax, rate_ppm=rate_ppm, base_minor=base_minor, amount_minor=amount_minor)
        for (month, tax, rate_ppm), (base_minor, amount_minor) in sorted(sums.items())
    )


def _charged(document: Table, taxes: Table, key: str, book: Book, span: Period) -> Select[Any]:
    column = document.c
    return (
        select(
            column.issued_on,
            taxes.c.tax,
            taxes.c.rate_ppm,
            func.sum(taxes.c.base_minor).label("base_minor"),
            func.sum(taxes.c.amount_minor).label("amount_minor"),
        )
        .join(taxes, taxes.c[key] == column.id)
        .where(
            column.legal_entity_id == book.legal_entity_id,
            column.issued_on >= span.start,
            column.issued_on < span.end,
        )
        .group_by(column.issued_on, taxes.c.tax, taxes.c.rate_ppm)
    )
