"""Subscriptions that are not plain: what is left to write for them, and where they stand once it is written."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select, update

from portillon_cloud.billing import event_store
from portillon_cloud.billing.calendar import first_boundary_from
from portillon_cloud.billing.catalogue import Price
from portillon_cloud.billing.difference import Billed, Difference, difference
from portillon_cloud.billing.life import Condition, Recorded, life_on
from portillon_cloud.billing.proration import Proration
from portillon_cloud.billing.span import Moment
from portillon_cloud.billing.tables import subscription
from portillon_cloud.billing.timeline import Discounted, Ended, Shared, stretches
from portillon_cloud.billing.wanted import next_start


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the subscription's row says after a reckoning."""

    price_id: int
    anchor_on: datetime.date
    next_invoice_on: datetime.date | None
    ends_on: datetime.date | None
    plain: bool


@dataclass(frozen=True, slots=True)
class Reckoned:
    """One subscription: what is left to write, and where it stands once that is written."""

    difference: Difference
    standing: Standing


def reckon(
    conn: Connection, subscription_ids: Sequence[int], *, until_on: datetime.date, prices: Mapping[int, Price]
) -> Mapping[int, Reckoned]:
    """Reckon these subscriptions up to and with the day `until_on`. Nothing is written."""
    events = event_store.recorded(conn, subscription_ids)
    billed = event_store.billed(conn, subscription_ids, prices)
    policies = conn.execute(
        select(subscription.c.id, subscription.c.proration).where(subscription.c.id.in_(subscription_ids))
    )
    return {
        row.id: reckon_one(
            events[row.id], billed.get(row.id, ()), until_on=until_on, policy=Proration(row.proration), prices=prices
        )
        for row in policies
    }


def reckon_one(
    recorded: Sequence[Recorded],
    billed: Sequence[Billed],
    *,
    until_on: datetime.date,
    policy: Proration,
    prices: Mapping[int, Price],
) -> Reckoned:
    """The same for one, from rows that were read. Pure."""
    events = [one.event for one in recorded]
    return Reckoned(
        difference(events, billed, until_on=until_on, policy=policy),
        _standing(recorded, until_on, prices),
    )


def keep_standing(conn: Connection, subscription_id: int, standing: Standing) -> None:
    """Write where the subscription stands."""
    conn.execute(
        update(subscription)
        .where(subscription.c.id == subscription_id)
        .values(
            price_id=standing.price_id,
            anchor_on=standing.anchor_on,
            next_invoice_on=standing.next_invoice_on,
            ends_on=standing.ends_on,
            plain=standing.plain,
        )
    )


def _standing(recorded: Sequence[Recorded], day: datetime.date, prices: Mapping[int, Price]) -> Standing:
    life = life_on(recorded, day)
    return Standing(
        price_id=life.tariff.price_id,
        anchor_on=life.anchor_on,
        next_invoice_on=next_start(stretches([one.event for one in recorded]), day),
        ends_on=life.ends_on,
        plain=_is_plain(recorded, day, prices),
    )


def _is_plain(recorded: Sequence[Recorded], day: datetime.date, prices: Mapping[int, Price]) -> bool:
    """Whether from the next cycle on every one is whole, at the price of the catalogue, and nothing is planned."""
    life, now = life_on(recorded, day), Moment(day)
    events = [one.event for one in recorded]
    planned = any(event.at > now and not isinstance(event, Ended) for event in events)
    taken_off = (event for event in events if isinstance(event, Discounted | Shared))
    less = any(event.until is None or event.until > now for event in taken_off)
    if planned or less or life.condition is not Condition.RUNNING:
        return False
    tariff = life.tariff
    whole_end = (
        life.ends_on is None or first_boundary_from(life.anchor_on, tariff.interval, life.ends_on) == life.ends_on
    )
    at_list = tariff.quantity == 1 and tariff.unit_minor == prices[tariff.price_id].amount_minor
    return whole_end and at_list and life.anchor_on <= day
