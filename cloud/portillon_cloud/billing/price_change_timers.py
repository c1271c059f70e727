"""An announced price as it goes: letters, the events from each one's day, and what is taken back. In batches."""

import datetime
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, Select, func, select, update

from portillon_cloud.billing import changes, subscription
from portillon_cloud.billing.agreement import agreement_of
from portillon_cloud.billing.calendar import Interval, add_months, first_boundary_from
from portillon_cloud.billing.catalogue import Price, price_by_id
from portillon_cloud.billing.errors import BillsInDoubtError, PriceChangeBegunError, UnknownPriceChangeError
from portillon_cloud.billing.event_store import Author, recorded
from portillon_cloud.billing.exit_link import ExitLinks, Purpose
from portillon_cloud.billing.law import LAWS
from portillon_cloud.billing.law.tables import price_change, price_change_for
from portillon_cloud.billing.life import Condition, life_on
from portillon_cloud.billing.tables import contract
from portillon_cloud.billing.tables import subscription as subscription_row
from portillon_cloud.billing.tax import rates_on, tax
from portillon_cloud.billing.told import tell_about
from portillon_cloud.clock.local import local_date, start_of_day_ms
from portillon_cloud.members.organisations import time_zone_of
from portillon_cloud.members.tables import legal_entity
from portillon_cloud.messages.notices import PriceChanges, PriceStays
from portillon_cloud.timers import Handler, Timer, Work, finish, hold, schedule

PRICE_NOTICES = "price_notices"
PRICE_HOLDS = "price_holds"
"""Kinds of the timers of the letters and of the day; the subject is the price change."""

NOTICE_DAYS = 30  # from the letter to the new price; no law here asks for more
BATCH = 100
_BACK_DAYS = 3650  # a worker that was down records it late, and it holds from its day all the same
_DAY = datetime.timedelta(days=1)


def first_day_at(row: Row[Any], interval: Interval, from_on: datetime.date) -> datetime.date:
    """The first day on `from_on` or after that a subscription can be repriced on: a period begins, or another term."""
    if not row.renews or row.ends_on is None:
        return first_boundary_from(row.anchor_on, interval, from_on)
    months = (row.signed_until_on.year - row.starts_on.year) * 12 + row.signed_until_on.month - row.starts_on.month
    begins_on: datetime.date = row.ends_on
    while begins_on < from_on:
        begins_on = add_months(begins_on, max(months, 1))
    return begins_on


def held_at_price() -> Select[Any]:
    """Subscriptions with what says when they can be repriced."""
    column = subscription_row.c
    return select(
        column.id,
        column.anchor_on,
        func.coalesce(column.ends_on, contract.c.ends_on).label("ends_on"),
        contract.c.law,
        contract.c.renews,
        contract.c.starts_on,
        contract.c.ends_on.label("signed_until_on"),
    ).join(contract, contract.c.id == column.contract_id)


def plan_notices(conn: Connection, *, organisation_id: int, price_change_id: int, at_ms: int) -> None:
    """Have everybody told from now on."""
    schedule(
        conn,
        organisation_id=organisation_id,
        kind=PRICE_NOTICES,
        subject_id=price_change_id,
        due_at_ms=at_ms,
        key=f"{PRICE_NOTICES}:{price_change_id}",
    )


def notices_timer(links: ExitLinks | None) -> Handler:
    """The handler of price_notices; letters carry a link if there is something to make one with."""

    def send(work: Work, timer: Timer) -> None:
        while True:
            with work.db.write() as conn:
                hold(conn, timer, real_ms=work.clock.real_ms())
                change = _locked(conn, timer.subject_id)
                rows = conn.execute(_of(timer.subject_id).where(price_change_for.c.told_at_ms.is_(None))).all()
                if change.withdrawn_at_ms is not None or not rows:
                    finish(conn, timer)
                    return
                for row in rows:
                    _tell(conn, change, row, links, work.now_ms)

    return send


def hold_when_due(work: Work, timer: Timer) -> None:
    """Timer price_holds: record the new price of everybody whose day has come, and who was told.

    One whose bills are in doubt holds nobody else up: the others are recorded, then the timer says whose it was.
    """
    in_doubt: dict[int, str] = {}
    while True:
        with work.db.write() as conn:
            hold(conn, timer, real_ms=work.clock.real_ms())
            change = _locked(conn, timer.subject_id)
            zone = time_zone_of(conn, timer.organisation_id)
            rows = conn.execute(
                _of(timer.subject_id).where(
                    price_change_for.c.told_at_ms.is_not(None),
                    price_change_for.c.applied_at_ms.is_(None),
                    price_change_for.c.holds_from_on <= local_date(timer.due_at_ms, zone) + _DAY,
                    subscription_row.c.id.not_in(in_doubt),
                )
            ).all()
            if change.withdrawn_at_ms is not None or not rows:
                if in_doubt:
                    raise BillsInDoubtError("; ".join(in_doubt.values()))
                finish(conn, timer)
                return
            for row in rows:
                try:
                    _apply(conn, change, row, work.now_ms)
                except BillsInDoubtError as error:  # raised before anything of it is written
                    in_doubt[row.id] = str(error)


def withdraw_price_change(conn: Connection, organisation_id: int, price_change_id: int, *, author: Author) -> None:
    """Take it back before it holds for anybody; whoever was told is told that.

    Raises UnknownPriceChangeError, PriceChangeBegunError.
    """
    known = select(price_change.c.id).where(
        price_change.c.id == price_change_id, price_change.c.organisation_id == organisation_id
    )
    if conn.scalar(known) is None:
        raise UnknownPriceChangeError(f"there is no price change {price_change_id} in your organisation")
    change = _locked(conn, price_change_id)
    if change.withdrawn_at_ms is not None:
        return
    of_it = select(price_change_for).where(price_change_for.c.price_change_id == price_change_id)
    rows = conn.execute(of_it).all()
    if any(row.applied_at_ms is not None for row in rows):
        raise PriceChangeBegunError(f"price change {price_change_id} holds already; announce another price instead")
    conn.execute(
        update(price_change)
        .where(price_change.c.id == price_change_id)
        .values(withdrawn_at_ms=author.at_ms, withdrawn_by=author.name)
    )
    was_minor = with_tax(conn, price_by_id(conn, organisation_id, change.from_price_id), author.at_ms)
    for row in rows:
        if row.told_at_ms is not None:
            tell_about(
                conn,
                organisation_id=organisation_id,
                subscription_id=row.subscription_id,
                said=PriceStays(from_on=row.holds_from_on, was_minor=was_minor),
                purpose=f"price:{price_change_id}:stays",
                now_ms=author.at_ms,
            )


def _tell(conn: Connection, change: Row[Any], row: Row[Any], links: ExitLinks | None, now_ms: int) -> None:
    organisation_id, zone = change.organisation_id, time_zone_of(conn, change.organisation_id)
    was = price_by_id(conn, organisation_id, change.from_price_id)
    becomes = price_by_id(conn, organisation_id, change.to_price_id)
    law = LAWS[row.law]
    # Told late, by a worker that was down: it holds later, as long after the letter as it must.
    earliest_on = max(row.holds_from_on, local_date(now_ms, zone) + NOTICE_DAYS * _DAY)
    holds_from_on = first_day_at(row, was.interval, earliest_on)
    until_on = holds_from_on + law.refuses_price_days * _DAY
    tell_about(
        conn,
        organisation_id=organisation_id,
        subscription_id=row.id,
        said=PriceChanges(
            from_on=holds_from_on,
            until_on=until_on,
            was_minor=with_tax(conn, was, now_ms),
            becomes_minor=with_tax(conn, becomes, now_ms),
            clause=law.repricing if row.rises and row.law != "none" else "",
        ),
        purpose=f"price:{change.id}",
        now_ms=now_ms,
        link=None if links is None else links.link(organisation_id, row.id, Purpose.LEAVE, now_ms=now_ms),
    )
    conn.execute(
        update(price_change_for)
        .where(
            price_change_for.c.price_change_id == change.id,
            price_change_for.c.subscription_id == row.id,
        )
        .values(told_at_ms=now_ms, holds_from_on=holds_from_on, refusable_until_on=until_on)
    )
    # The evening before, so that the night's invoice run finds it.
    schedule(
        conn,
        organisation_id=organisation_id,
        kind=PRICE_HOLDS,
        subject_id=change.id,
        due_at_ms=start_of_day_ms(holds_from_on, zone) - 1,
        key=f"{PRICE_HOLDS}:{change.id}:{holds_from_on}",
    )


def _apply(conn: Connection, change: Row[Any], row: Row[Any], now_ms: int) -> None:
    """Record it for one, and mark that it was: who left, or has another price by now, is left alone."""
    organisation_id, today = change.organisation_id, local_date(now_ms, time_zone_of(conn, change.organisation_id))
    life = life_on(recorded(conn, [row.id])[row.id], max(today, row.holds_from_on))
    if life.condition is not Condition.ENDED and life.tariff.price_id == change.from_price_id:
        becomes = changes.price_tariff(
            price_by_id(conn, organisation_id, change.to_price_id), quantity=life.tariff.quantity
        )
        agreed = replace(agreement_of(conn, row.contract_id), back_days=_BACK_DAYS)
        changes.change(
            conn,
            organisation_id=organisation_id,
            subscription_id=row.id,
            ask=lambda events, day: subscription.change_tariff(
                events, agreed, becomes, on=row.holds_from_on, today=day
            ),
            author=Author(name=change.announced_by, at_ms=now_ms, reason=change.reason),
        )
    conn.execute(
        update(price_change_for)
        .where(price_change_for.c.price_change_id == change.id, price_change_for.c.subscription_id == row.id)
        .values(applied_at_ms=now_ms)
    )


def repriced_minor(conn: Connection, subscription_id: int, on: datetime.date, now_ms: int) -> int | None:
    """What a period will cost from `on` by an announced price, with tax; None: none was announced for that day."""
    column = price_change_for.c
    row = conn.execute(
        select(price_change.c.organisation_id, price_change.c.to_price_id)
        .join(price_change_for, column.price_change_id == price_change.c.id)
        .where(
            column.subscription_id == subscription_id,
            column.holds_from_on == on,
            price_change.c.withdrawn_at_ms.is_(None),
        )
        .order_by(price_change.c.id.desc())
    ).first()
    return None if row is None else with_tax(conn, price_by_id(conn, row.organisation_id, row.to_price_id), now_ms)


def _locked(conn: Connection, price_change_id: int) -> Row[Any]:
    return conn.execute(select(price_change).where(price_change.c.id == price_change_id).with_for_update()).one()


def _of(price_change_id: int) -> Select[Any]:
    column = price_change_for.c
    return (
        held_at_price()
        .add_columns(contract.c.id.label("contract_id"), column.holds_from_on, column.rises)
        .join(price_change_for, column.subscription_id == subscription_row.c.id)
        .where(column.price_change_id == price_change_id)
        .order_by(subscription_row.c.id)
        .limit(BATCH)
    )


def with_tax(conn: Connection, price: Price, now_ms: int) -> int:
    """What a period at this price comes to for who pays it."""
    regime = conn.execute(
        select(legal_entity.c.tax_regime).where(legal_entity.c.id == price.legal_entity_id)
    ).scalar_one()
    rates = rates_on(regime, local_date(now_ms, time_zone_of(conn, price.organisation_id)), price.tax_category)
    return tax((price.amount_minor,), (price.taxable,), inclusive=price.tax_inclusive, rates=rates).total_minor
