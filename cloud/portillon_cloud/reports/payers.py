"""Every member's recurring pieces, folded from the events of their subscriptions as they are known now."""

import datetime
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, or_, select

from portillon_cloud.billing import event_store
from portillon_cloud.billing.calendar import IntervalUnit
from portillon_cloud.billing.span import Moment
from portillon_cloud.billing.tables import price, subscription
from portillon_cloud.billing.tax import rates_on, tax_sum
from portillon_cloud.billing.timeline import FREEZE_FEE, JOINING, TAKING_OVER, Ended, Event, Started, Stretch, stretches
from portillon_cloud.reports.book import Book
from portillon_cloud.reports.recurring import Payer, Piece, monthly_minor

CHUNK = 500  # subscriptions whose events are read and folded at a time


@dataclass(frozen=True, slots=True)
class _Priced:
    inclusive: bool
    taxable: bool


def payers(conn: Connection, book: Book, *, rates_of: datetime.date) -> list[Payer]:
    """Everybody whom the legal entity ever sold a subscription to. Prices with tax inside: at the rates of that day.

    What somebody records today of a day gone by changes that day: this is what is known now, not what was known then.
    """
    prices = _prices(conn, book)
    held: defaultdict[int, list[tuple[Moment, Moment | None]]] = defaultdict(list)
    pieces: defaultdict[int, list[Piece]] = defaultdict(list)
    for members in _chunks(conn, book):
        for subscription_id, known in event_store.recorded(conn, list(members)).items():
            events = [one.event for one in known]
            span = held_span(events)
            if span is None:
                continue
            member_id = members[subscription_id]
            held[member_id].append(span)
            pieces[member_id] += [
                _piece(stretch, prices[stretch.tariff.price_id], book.tax_regime, rates_of)
                for stretch in stretches(events)
                if stretch.component not in (JOINING, TAKING_OVER)
            ]
    return [
        Payer(member_id=member_id, held=tuple(held[member_id]), pieces=tuple(pieces[member_id]))
        for member_id in sorted(held)
    ]


def held_span(events: Sequence[Event]) -> tuple[Moment, Moment | None] | None:
    """From the first moment that is charged to the end; None: it ended before anything was charged. Pure."""
    starts = [event.charged_from or event.at for event in events if isinstance(event, Started)]
    until = min((event.at for event in events if isinstance(event, Ended)), default=None)
    if not starts or (until is not None and until <= starts[0]):
        return None
    return starts[0], until


def _piece(stretch: Stretch, priced: _Priced, regime: str, rates_of: datetime.date) -> Piece:
    tariff = stretch.tariff
    recurs_minor = monthly_minor(tariff.cycle_minor, tariff.interval)
    if priced.inclusive and priced.taxable:
        recurs_minor = tax_sum(recurs_minor, inclusive=True, rates=rates_on(regime, rates_of)).net_minor
    return Piece(
        start=stretch.start,
        until=stretch.until,
        monthly_minor=recurs_minor,
        frozen=stretch.component == FREEZE_FEE,
    )


def _prices(conn: Connection, book: Book) -> Mapping[int, _Priced]:
    column = price.c
    rows = conn.execute(
        select(column.id, column.tax_inclusive, column.taxable).where(column.organisation_id == book.organisation_id)
    )
    return {row.id: _Priced(row.tax_inclusive, row.taxable) for row in rows}


def _chunks(conn: Connection, book: Book) -> Iterator[Mapping[int, int]]:
    """Subscriptions with their members, by id, so many at once. What is sold once for days or weeks does not recur."""
    recurs = or_(price.c.times.is_(None), price.c.times > 1, price.c.interval_unit == IntervalUnit.MONTH.value)
    column, after = subscription.c, 0
    while True:
        rows = conn.execute(
            select(column.id, column.member_id)
            .join(price, price.c.id == column.price_id)
            .where(
                column.organisation_id == book.organisation_id,
                column.legal_entity_id == book.legal_entity_id,
                column.id > after,
                recurs,
            )
            .order_by(column.id)
            .limit(CHUNK)
        ).all()
        if not rows:
            return
        after = rows[-1].id
        yield {row.id: row.member_id for row in rows}
