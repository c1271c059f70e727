"""The figures of a batch that an invoice run is about to commit, and the refusal to commit what leaves its forecast."""

import datetime
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from portillon_cloud.billing.catalogue import Price
from portillon_cloud.billing.difference import Credit
from portillon_cloud.billing.errors import RunStoppedError
from portillon_cloud.billing.forecast.figures import Bounds, Figures, leavings
from portillon_cloud.billing.invoice import Charge, Draft
from portillon_cloud.billing.tables import invoice_line


@dataclass(frozen=True, slots=True, kw_only=True)
class DueNow:
    """A subscription that fell due: its own component, its price, and the day its new cycle begins."""

    subscription_id: int
    component: str
    price_id: int
    on: datetime.date


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What a batch is about to write, as the run computed it."""

    due: Sequence[DueNow]
    prices: Mapping[int, Price]
    drafts: Sequence[Draft]
    credits: Sequence[Credit]


Judge = Callable[[Connection, Planned], None]
"""Called in each batch's transaction, before it is committed; raises RunStoppedError."""


def judge_by(bounds: Bounds) -> Judge:
    """A judge that lets no batch out of these bounds."""

    def judge(conn: Connection, planned: Planned) -> None:
        figures = figures_of(conn, planned)
        found = leavings(figures, bounds)
        if found:
            raise RunStoppedError(figures.to_body(), found)

    return judge


def figures_of(conn: Connection, planned: Planned) -> Figures:
    """What the batch comes to, and what was foretold of it."""
    by_id = {one.subscription_id: one for one in planned.due}
    before = _before(conn, by_id)
    charges = list(_charges(planned.drafts, by_id))
    repairs = [charge for charge in charges if _is_repair(charge, by_id[charge.subscription_id])]
    return Figures(
        due=len(by_id),
        foretold_minor=sum(
            before.get(one.subscription_id, planned.prices[one.price_id].amount_minor) for one in planned.due
        ),
        billed_minor=sum(
            charge.priced_minor
            for charge in charges
            if charge.component == by_id[charge.subscription_id].component and charge not in repairs
        ),
        repairs=len(planned.credits) + len(repairs),
    )


def _charges(drafts: Sequence[Draft], by_id: Mapping[int, DueNow]) -> Iterator[Charge]:
    return (line.charge for draft in drafts for line in draft.lines if line.charge.subscription_id in by_id)


def _is_repair(charge: Charge, due: DueNow) -> bool:
    return charge.generation > 1 or charge.start.day < due.on


def _before(conn: Connection, by_id: Mapping[int, DueNow]) -> Mapping[int, int]:
    """By subscription, the price of the cycle that ended where the new one begins, if one was billed."""
    line = invoice_line.c
    rows = conn.execute(
        select(line.subscription_id, line.component, line.cycle_end, line.unit_minor, line.quantity)
        .where(
            line.subscription_id.in_(by_id),
            line.cycle_end.in_({one.on for one in by_id.values()}),
        )
        .order_by(line.id)
    )
    return {
        row.subscription_id: row.unit_minor * row.quantity
        for row in rows
        if (row.component, row.cycle_end) == (by_id[row.subscription_id].component, by_id[row.subscription_id].on)
    }
