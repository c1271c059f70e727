"""Another price for subscriptions that run: proposed, announced, told in writing, in force from a day; or taken back.

1. It is told at least NOTICE_DAYS before it holds, more where the law says so; what is told late holds later.
2. It holds from each member's first period that begins on the announced day or after: no part of a period is repriced.
   A term that renews itself is repriced where the next begins. A fixed term that the law protects keeps its price: who
   is left out is listed with the clause. Who is not named keeps theirs.
3. Whoever is told of a higher price may leave at no cost up to the day in the letter (`legal_side` gives the way out).
4. The event is recorded once, in the transaction that marks it recorded. Until the first is, it can be taken back.
"""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, insert

from portillon_cloud.billing.catalogue import Price, price_by_id
from portillon_cloud.billing.errors import CatalogueError, UnknownSubscriptionError, UnlawfulContractError
from portillon_cloud.billing.event_store import Author
from portillon_cloud.billing.law import LAWS, Repricing, Violation
from portillon_cloud.billing.law.tables import price_change, price_change_for
from portillon_cloud.billing.price_change_timers import NOTICE_DAYS, first_day_at, held_at_price, plan_notices
from portillon_cloud.billing.tables import subscription
from portillon_cloud.clock.local import local_date
from portillon_cloud.database.rows import insert_one
from portillon_cloud.members.organisations import time_zone_of

_DAY = datetime.timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPrice:
    """What shall change. `subscription_ids` None: all that are at the old price."""

    organisation_id: int
    from_price_id: int
    to_price_id: int
    from_on: datetime.date
    subscription_ids: Sequence[int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """A subscription that is repriced: from its own day, refusable up to and with another."""

    subscription_id: int
    holds_from_on: datetime.date
    refusable_until_on: datetime.date


@dataclass(frozen=True, slots=True)
class Kept:
    """A subscription that keeps its price, and the rule that says so; None: it ends before."""

    subscription_id: int
    because: Violation | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """Whom a new price would reach, and whom not."""

    rises: bool
    reached: Sequence[Reached]
    kept: Sequence[Kept]


def propose(conn: Connection, new: NewPrice, *, now_ms: int) -> Proposal:
    """Whom it would reach; nothing is written.

    Raises UnknownPlanError, CatalogueError naming the field, UnknownSubscriptionError, and UnlawfulContractError if it
    would reach nobody because the law keeps it from all.
    """
    was = price_by_id(conn, new.organisation_id, new.from_price_id)
    becomes = price_by_id(conn, new.organisation_id, new.to_price_id)
    _require_alike(was, becomes)
    today = local_date(now_ms, time_zone_of(conn, new.organisation_id))
    if new.from_on < today + NOTICE_DAYS * _DAY:
        raise CatalogueError(
            f"from_on: a new price is told at least {NOTICE_DAYS} days before: from {today + NOTICE_DAYS * _DAY} on"
        )
    rises = becomes.amount_minor > was.amount_minor
    found = [_one(row, was, new.from_on, today, rises=rises) for row in _held(conn, new, today)]
    reached = [one for one in found if isinstance(one, Reached)]
    kept = [one for one in found if isinstance(one, Kept)]
    refused = [one.because for one in kept if one.because is not None]
    if refused and not reached:
        raise UnlawfulContractError(refused[:1])
    return Proposal(rises=rises, reached=reached, kept=kept)


def announce(conn: Connection, new: NewPrice, *, author: Author) -> tuple[int, Proposal]:
    """Write it down and have everybody it reaches told; its id, and whom it reaches. Raises as `propose`."""
    proposal = propose(conn, new, now_ms=author.at_ms)
    if not proposal.reached:
        raise CatalogueError("from_price_id: nobody is at this price, or all who are leave before; nothing to announce")
    change_id = insert_one(
        conn,
        price_change,
        organisation_id=new.organisation_id,
        legal_entity_id=price_by_id(conn, new.organisation_id, new.from_price_id).legal_entity_id,
        from_price_id=new.from_price_id,
        to_price_id=new.to_price_id,
        from_on=new.from_on,
        announced_at_ms=author.at_ms,
        announced_by=author.name,
        reason=author.reason,
    )
    conn.execute(
        insert(price_change_for),
        [
            {
                "organisation_id": new.organisation_id,
                "price_change_id": change_id,
                "subscription_id": one.subscription_id,
                "holds_from_on": one.holds_from_on,
                "refusable_until_on": one.refusable_until_on,
                "rises": proposal.rises,
            }
            for one in proposal.reached
        ],
    )
    plan_notices(conn, organisation_id=new.organisation_id, price_change_id=change_id, at_ms=author.at_ms)
    return change_id, proposal


def _require_alike(was: Price, becomes: Price) -> None:
    """Only the amount is another: what is billed when, and how it is taxed, was agreed."""
    if becomes.id == was.id:
        raise CatalogueError("to_price_id: that is the price they have; name another")
    for name in ("legal_entity_id", "interval", "currency", "tax_inclusive", "taxable", "tax_category"):
        if getattr(was, name) != getattr(becomes, name):
            raise CatalogueError(
                f"to_price_id: its {name.replace('_', ' ')} is another than that of price {was.id}; "
                "change the plan of each subscription instead"
            )


def _held(conn: Connection, new: NewPrice, today: datetime.date) -> Sequence[Row[Any]]:
    column = subscription.c
    query = (
        held_at_price()
        .where(
            column.organisation_id == new.organisation_id,
            column.price_id == new.from_price_id,
            column.ends_on.is_(None) | (column.ends_on > today),
        )
        .order_by(column.id)
    )
    if new.subscription_ids is None:
        return conn.execute(query).all()
    rows = conn.execute(query.where(column.id.in_(new.subscription_ids))).all()
    missing = set(new.subscription_ids) - {row.id for row in rows}
    if missing:
        raise UnknownSubscriptionError(f"subscription_ids: {min(missing)} is not at price {new.from_price_id} now")
    return rows


def _one(row: Row[Any], was: Price, from_on: datetime.date, today: datetime.date, *, rises: bool) -> Reached | Kept:
    law = LAWS[row.law]
    holds_from_on = first_day_at(row, was.interval, from_on)
    # Where the next term begins, nothing of the old one runs.
    term_ends_on = None if row.renews else row.ends_on
    if term_ends_on is not None and term_ends_on <= holds_from_on:
        return Kept(row.id, None)
    broken = law.repricing_violations(
        Repricing(announced_on=today, from_on=holds_from_on, ends_on=term_ends_on, rises=rises)
    )
    if broken:
        return Kept(row.id, broken[0])
    return Reached(
        subscription_id=row.id,
        holds_from_on=holds_from_on,
        refusable_until_on=holds_from_on + law.refuses_price_days * _DAY,
    )
