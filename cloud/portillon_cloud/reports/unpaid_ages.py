"""What is owed today by how long it has been due."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from portillon_cloud.billing.tables import invoice
from portillon_cloud.payments.store import due_day
from portillon_cloud.payments.tables import LIVE_INTENT, payment_intent
from portillon_cloud.reports.book import Book

BOUNDS_DAYS = (0, 30, 60, 90)
"""The last day of each age but the oldest; 0: not late yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpaidAge:
    """Invoices late by `from_days` to `to_days` (None: or more), and what is still to collect of them, with tax."""

    from_days: int | None
    to_days: int | None
    invoices: int
    owed_minor: int


def unpaid_ages(conn: Connection, book: Book, *, today: datetime.date) -> tuple[UnpaidAge, ...]:
    """Every age, empty or not. All of it together is what members owe in the ledger."""
    intent = payment_intent.c
    rows = conn.execute(
        select(
            due_day().label("due_on"), func.count().label("invoices"), func.sum(intent.amount_minor).label("owed_minor")
        )
        .join_from(payment_intent, invoice, invoice.c.id == intent.invoice_id)
        .where(
            intent.organisation_id == book.organisation_id,
            intent.legal_entity_id == book.legal_entity_id,
            LIVE_INTENT,
        )
        .group_by(due_day())
    )
    return aged([((today - row.due_on).days, int(row.invoices), int(row.owed_minor)) for row in rows])


def aged(owed: Iterable[tuple[int, int, int]]) -> tuple[UnpaidAge, ...]:
    """Days late, number and amount, put into their ages. Pure."""
    ages = list(zip((None, *(last + 1 for last in BOUNDS_DAYS)), (*BOUNDS_DAYS, None), strict=True))
    sums = [[0, 0] for _ in ages]
    for days_late, count, owed_minor in owed:
        age = next(place for place, last in enumerate((*BOUNDS_DAYS, days_late)) if days_late <= last)
        sums[age][0] += count
        sums[age][1] += owed_minor
    return tuple(
        UnpaidAge(from_days=first, to_days=last, invoices=count, owed_minor=owed_minor)
        for (first, last), (count, owed_minor) in zip(ages, sums, strict=True)
    )
