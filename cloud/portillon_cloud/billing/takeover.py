"""Take over a subscription that ran elsewhere, in the middle of its periods: what was paid, agreed and frozen there."""

import datetime
from dataclasses import dataclass, replace

from sqlalchemy import Connection, select, update

from portillon_cloud.billing import changes, event_store
from portillon_cloud.billing.calendar import Interval, IntervalUnit, add_months, first_boundary_from
from portillon_cloud.billing.catalogue import prices_of_entity
from portillon_cloud.billing.errors import CatalogueError
from portillon_cloud.billing.event_store import Author
from portillon_cloud.billing.planning import plan_invoice_run
from portillon_cloud.billing.proration import Proration
from portillon_cloud.billing.reckoning import keep_standing, reckon_one
from portillon_cloud.billing.span import Moment
from portillon_cloud.billing.subscription import Decided
from portillon_cloud.billing.tables import contract, subscription
from portillon_cloud.billing.timeline import Discounted, Event, Frozen, Started
from portillon_cloud.clock.local import local_date
from portillon_cloud.members.organisations import time_zone_of

_MONTHS_BACK = 24  # a billing day of 29 to 31 has a month that long within so many


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """How it stands elsewhere. `charged_from_on`: the first day that nobody paid for; `next_due_on`: the first day of
    the next whole period, which sets the billing day; None: as the contract's start says.

    `agreed_minor`: what a period costs, where it is not the list price.
    """

    charged_from_on: datetime.date | None = None
    next_due_on: datetime.date | None = None
    agreed_minor: int | None = None
    discount: Discounted | None = None
    frozen_from_on: datetime.date | None = None
    frozen_until_on: datetime.date | None = None


def take_over(
    conn: Connection, *, organisation_id: int, subscription_id: int, running: Running, by: str, now_ms: int
) -> None:
    """Let a subscription that was just made go on from where it stood. Raises CatalogueError for what cannot be.

    The contract's own start is withdrawn for one that says what was paid elsewhere: both stay on record.
    """
    row = conn.execute(
        select(subscription.c.contract_id, subscription.c.legal_entity_id, subscription.c.proration).where(
            subscription.c.id == subscription_id
        )
    ).one()
    recorded = event_store.recorded(conn, [subscription_id])[subscription_id]
    first_id, first = next((one.id, one.event) for one in recorded if isinstance(one.event, Started))
    started = _started(first, running)
    record: tuple[Event, ...] = (started,) if running.discount is None else (started, running.discount)
    event_store.record(
        conn,
        organisation_id=organisation_id,
        subscription_id=subscription_id,
        decided=Decided(record=record, withdraw=(first_id,)),
        author=Author(name=by, at_ms=now_ms),
    )
    if running.agreed_minor is not None:
        _agree(conn, row.contract_id, running.agreed_minor)
    zone = time_zone_of(conn, organisation_id)
    today = local_date(now_ms, zone)
    recorded = event_store.recorded(conn, [subscription_id])[subscription_id]
    # As of the day before: what begins today is still to be billed.
    reckoned = reckon_one(
        recorded,
        (),
        until_on=today - datetime.timedelta(days=1),
        policy=Proration(row.proration),
        prices=prices_of_entity(conn, row.legal_entity_id),
    )
    standing = replace(reckoned.standing, plain=False)  # until the first run has looked at it
    keep_standing(conn, subscription_id, standing)
    if standing.next_invoice_on is None:
        raise CatalogueError(f"nothing is left to bill after {running.charged_from_on}: leave it out")
    plan_invoice_run(
        conn,
        organisation_id=organisation_id,
        legal_entity_id=row.legal_entity_id,
        due_on=max(standing.next_invoice_on, today),
        time_zone=zone,
        because=f"t{subscription_id}",
    )
    if running.frozen_until_on is not None:
        frozen = Frozen(at=Moment(running.frozen_from_on or today), until=Moment(running.frozen_until_on))
        changes.change(
            conn,
            organisation_id=organisation_id,
            subscription_id=subscription_id,
            ask=lambda _recorded, _today: Decided(record=(frozen,)),
            author=Author(name=by, at_ms=now_ms),
        )


def _started(first: Started, running: Running) -> Started:
    """The start as it was elsewhere: its own price, its billing day, and paid up to a day."""
    tariff, anchor_on = first.tariff, first.anchor_on
    charged_on = running.charged_from_on or running.next_due_on
    if running.next_due_on is not None:
        anchor_on = billing_anchor(first.at.day, tariff.interval, running.next_due_on)
        if charged_on is not None and charged_on > running.next_due_on:
            raise CatalogueError(f"it is paid beyond {running.next_due_on}, when the next period begins: one is wrong")
    if running.agreed_minor is not None:
        tariff = replace(tariff, unit_minor=running.agreed_minor)
    if charged_on is None:
        return replace(first, tariff=tariff, anchor_on=anchor_on)
    return replace(
        first,
        tariff=tariff,
        anchor_on=anchor_on,
        charged_from=Moment(max(charged_on, first.at.day)),
        paid_elsewhere=charged_on > first.at.day,
        joining_minor=0 if charged_on > first.at.day else first.joining_minor,
    )


def billing_anchor(starts_on: datetime.date, interval: Interval, next_due_on: datetime.date) -> datetime.date:
    """From where periods are counted, so that one begins on `next_due_on`: the contract's start if that does, else the
    last day that many periods before. Raises CatalogueError."""
    if next_due_on <= starts_on:
        raise CatalogueError(f"the next period begins on {next_due_on}, and the contract only on {starts_on}")
    if first_boundary_from(starts_on, interval, next_due_on) == next_due_on:
        return starts_on
    if interval.unit is IntervalUnit.MONTH:
        backs = (add_months(next_due_on, -months) for months in range(interval.count, _MONTHS_BACK + 1, interval.count))
        same_day = [day for day in backs if day.day == next_due_on.day]
        return next((day for day in same_day if day <= starts_on), same_day[-1] if same_day else next_due_on)
    days = interval.count * (7 if interval.unit is IntervalUnit.WEEK else 1)
    periods = -(-(next_due_on - starts_on).days // days)
    return next_due_on - datetime.timedelta(days=days * periods)


def _agree(conn: Connection, contract_id: int, agreed_minor: int) -> None:
    """What the contract comes to is what was agreed, not what the list says."""
    conn.execute(
        update(contract)
        .where(contract.c.id == contract_id, contract.c.instalments.is_not(None))
        .values(total_minor=contract.c.instalments * agreed_minor)
    )
