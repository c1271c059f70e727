"""What this version of the engine would have done otherwise with what was billed already. Reads only, changes nothing.

A past document is changed by a recorded event and a new document, never by another way of computing it (ADR 0014). So
what another version would do is listed here instead, line by line, with the version that made it:

1. A line that stands and would come to another amount.
2. A line that stands and would not be written at all; what would be written and is not there.
3. An invoice whose taxes, of the same lines and rates, would come to another sum.
"""

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, select

from portillon_cloud.billing import event_store
from portillon_cloud.billing.catalogue import Price, prices_of_entity
from portillon_cloud.billing.difference import Billed, difference
from portillon_cloud.billing.errors import TimelineError
from portillon_cloud.billing.invoice import ENGINE
from portillon_cloud.billing.life import Recorded
from portillon_cloud.billing.proration import Proration
from portillon_cloud.billing.tables import invoice, invoice_line, invoice_tax, subscription
from portillon_cloud.billing.tax import issued_rates, tax
from portillon_cloud.billing.wanted import tariff_minor

CHUNK = 500


class Otherwise(StrEnum):
    """In which way it would be otherwise."""

    AMOUNT = "amount"
    NOT_WRITTEN = "not_written"
    WRITTEN = "written"
    TAXES = "taxes"
    NO_LIFE = "no_life"


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineDifference:
    """`was_minor`: what stands; `would_minor`: what this version would write. `engine`: which one wrote it."""

    kind: Otherwise
    subscription_id: int | None = None
    invoice_id: int | None = None
    component: str | None = None
    period_start: datetime.date | None = None
    period_end: datetime.date | None = None
    was_minor: int = 0
    would_minor: int = 0
    engine: str | None = None
    detail: str | None = None


def engine_differences(conn: Connection, legal_entity_id: int, *, chunk: int = CHUNK) -> Iterator[EngineDifference]:
    """Everything of a legal entity that this version would have done otherwise, subscriptions first; none: nothing."""
    yield from _of_subscriptions(conn, legal_entity_id, chunk)
    yield from _of_taxes(conn, legal_entity_id, chunk)


def of_subscription(
    recorded: Sequence[Recorded], billed: Sequence[Billed], policy: Proration
) -> Iterator[tuple[Otherwise, Billed | None, datetime.date, datetime.date, str, int, int]]:
    """What would be otherwise of one, up to the last cycle that was billed. Pure. Raises TimelineError."""
    if not billed:
        return
    until_on = max(one.span.start.day for one in billed)
    left = difference([one.event for one in recorded], billed, until_on=until_on, policy=policy)
    credited = {one.line_id for one in left.credits}
    by_id = {one.line_id: one for one in billed}
    for credit in left.credits:
        line, span = by_id[credit.line_id], credit.span
        yield Otherwise.NOT_WRITTEN, line, span.start.day, span.end.day, line.component, credit.amount_minor, 0
    for new in left.lines:
        piece = new.piece
        yield (
            Otherwise.WRITTEN, None, piece.span.start.day, piece.span.end.day, piece.component, 0, piece.amount_minor,
        )  # fmt: skip
    for line in billed:
        if line.line_id in credited:
            continue
        would_minor = sum(tariff_minor(line.tariff, span, cycle=line.cycle, policy=policy) for span in line.left)
        if would_minor != line.left_minor:
            start, end = line.span.start.day, line.span.end.day
            yield Otherwise.AMOUNT, line, start, end, line.component, line.left_minor, would_minor


def _of_subscriptions(conn: Connection, legal_entity_id: int, chunk: int) -> Iterator[EngineDifference]:
    prices = prices_of_entity(conn, legal_entity_id)
    after = 0
    while True:
        rows = conn.execute(
            select(subscription.c.id, subscription.c.proration)
            .where(subscription.c.legal_entity_id == legal_entity_id, subscription.c.id > after)
            .order_by(subscription.c.id)
            .limit(chunk)
        ).all()
        if not rows:
            return
        yield from _of_chunk(conn, {row.id: Proration(row.proration) for row in rows}, prices)
        after = rows[-1].id


def _of_chunk(
    conn: Connection, policies: Mapping[int, Proration], prices: Mapping[int, Price]
) -> Iterator[EngineDifference]:
    recorded = event_store.recorded(conn, list(policies))
    billed = event_store.billed(conn, list(policies), prices)
    found = []
    for subscription_id, policy in policies.items():
        lines = billed.get(subscription_id, ())
        try:
            found += [(subscription_id, one) for one in of_subscription(recorded[subscription_id], lines, policy)]
        except TimelineError as error:
            yield EngineDifference(kind=Otherwise.NO_LIFE, subscription_id=subscription_id, detail=str(error))
    line_ids = [line.line_id for _, (_, line, *_) in found if line is not None]
    made = _made_by(conn, line_ids) if line_ids else {}
    for subscription_id, (kind, line, start, end, component, was_minor, would_minor) in found:
        invoice_id, engine = (None, None) if line is None else made[line.line_id]
        yield EngineDifference(
            kind=kind,
            subscription_id=subscription_id,
            invoice_id=invoice_id,
            component=component,
            period_start=start,
            period_end=end,
            was_minor=was_minor,
            would_minor=would_minor,
            engine=engine,
        )


def _made_by(conn: Connection, line_ids: Sequence[int]) -> Mapping[int, tuple[int, str]]:
    """By line, its invoice and the engine that made it."""
    rows = conn.execute(
        select(invoice_line.c.id, invoice_line.c.invoice_id, invoice.c.engine)
        .join(invoice, invoice.c.id == invoice_line.c.invoice_id)
        .where(invoice_line.c.id.in_(line_ids))
    )
    return {row.id: (row.invoice_id, row.engine) for row in rows}


def _of_taxes(conn: Connection, legal_entity_id: int, chunk: int) -> Iterator[EngineDifference]:
    """Invoices that another version made, taxed anew with the rates that stand on them."""
    after, column = 0, invoice.c
    while True:
        rows = conn.execute(
            select(column.id, column.tax_inclusive, column.tax_minor, column.engine)
            .where(column.legal_entity_id == legal_entity_id, column.id > after, column.engine != ENGINE)
            .order_by(column.id)
            .limit(chunk)
        ).all()
        if not rows:
            return
        ids = [row.id for row in rows]
        lines: dict[int, list[tuple[int, bool]]] = {one: [] for one in ids}
        for line in conn.execute(
            select(invoice_line.c.invoice_id, invoice_line.c.priced_minor, invoice_line.c.taxable)
            .where(invoice_line.c.invoice_id.in_(ids))
            .order_by(invoice_line.c.invoice_id, invoice_line.c.position)
        ):
            lines[line.invoice_id].append((line.priced_minor, line.taxable))
        rates: dict[int, dict[str, int]] = {one: {} for one in ids}
        for rate in conn.execute(
            select(invoice_tax.c.invoice_id, invoice_tax.c.tax, invoice_tax.c.rate_ppm).where(
                invoice_tax.c.invoice_id.in_(ids)
            )
        ):
            rates[rate.invoice_id][rate.tax] = rate.rate_ppm
        for row in rows:
            priced, taxable = zip(*lines[row.id], strict=True) if lines[row.id] else ((), ())
            would = tax(priced, taxable, inclusive=row.tax_inclusive, rates=issued_rates(rates[row.id]))
            if would.tax_minor != row.tax_minor:
                yield EngineDifference(
                    kind=Otherwise.TAXES,
                    invoice_id=row.id,
                    was_minor=row.tax_minor,
                    would_minor=would.tax_minor,
                    engine=row.engine,
                )
        after = rows[-1].id
