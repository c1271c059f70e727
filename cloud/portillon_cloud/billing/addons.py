"""Add-ons: subscriptions that are only had beside a membership, and end with it, whenever that is changed."""

import datetime
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import Connection, or_, select

from portillon_cloud.billing import changes
from portillon_cloud.billing.catalogue import PlanKind, price_by_id
from portillon_cloud.billing.errors import CatalogueError, SubscriptionRefusedError
from portillon_cloud.billing.event_store import Author
from portillon_cloud.billing.life import Condition, Recorded, life_on
from portillon_cloud.billing.span import Moment
from portillon_cloud.billing.subscription import Answer, Decided, Refused, Why
from portillon_cloud.billing.tables import contract, plan, price, subscription
from portillon_cloud.billing.timeline import Ended
from portillon_cloud.timers import Timer, Work, finish


@dataclass(frozen=True, slots=True)
class Membership:
    """What an add-on is beside, and the first day without it."""

    subscription_id: int
    ends_on: datetime.date | None


def membership_of(conn: Connection, organisation_id: int, member_id: int, starts_on: datetime.date) -> Membership:
    """The member's newest membership that is not over on `starts_on`. Raises CatalogueError: there is none."""
    column = subscription.c
    row = conn.execute(
        select(column.id, column.ends_on)
        .join(price, price.c.id == column.price_id)
        .join(plan, plan.c.id == price.c.plan_id)
        .where(
            column.organisation_id == organisation_id,
            column.member_id == member_id,
            or_(column.ends_on.is_(None), column.ends_on > starts_on),
            plan.c.kind == PlanKind.MEMBERSHIP.value,
        )
        .order_by(column.id.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        raise CatalogueError(
            f"price_id: this is only sold beside a membership, and the member has none on {starts_on}; sell one first"
        )
    return Membership(row.id, row.ends_on)


def end_with_memberships(work: Work, timer: Timer) -> None:
    """Timer addons_end: what is beside the subscription ends on the day on which that does now."""
    with work.db.write() as conn:
        membership = conn.execute(
            select(subscription.c.ends_on).where(
                subscription.c.id == timer.subject_id, subscription.c.organisation_id == timer.organisation_id
            )
        ).one()
        for addon_id in _beside(conn, timer.organisation_id, timer.subject_id):
            with suppress(SubscriptionRefusedError):  # it is over already
                changes.change(
                    conn,
                    organisation_id=timer.organisation_id,
                    subscription_id=addon_id,
                    ask=_ending(conn, timer.organisation_id, addon_id, membership.ends_on),
                    author=Author(name="membership", at_ms=work.now_ms, reason="ends with the membership"),
                )
        finish(conn, timer)


def shown_beside(
    conn: Connection, *, organisation_id: int, subscription_id: int, ends_on: datetime.date | None, now_ms: int
) -> tuple[changes.Outcome, ...]:
    """What its add-ons would be billed and credited if the membership ended on `ends_on`; of those it changes.

    Raises BillsInDoubtError.
    """
    shown = []
    for addon_id in _beside(conn, organisation_id, subscription_id):
        with suppress(SubscriptionRefusedError):  # it is over already
            ask = _ending(conn, organisation_id, addon_id, ends_on)
            shown.append(
                changes.preview(conn, organisation_id=organisation_id, subscription_id=addon_id, ask=ask, now_ms=now_ms)
            )
    return tuple(one for one in shown if one.invoices or one.credit_notes)


def _beside(conn: Connection, organisation_id: int, subscription_id: int) -> Sequence[int]:
    column = subscription.c
    beside = (column.organisation_id == organisation_id, column.beside_id == subscription_id)
    return conn.scalars(select(column.id).where(*beside).order_by(column.id)).all()


def _ending(conn: Connection, organisation_id: int, addon_id: int, ends_on: datetime.date | None) -> changes.Ask:
    """To end with the membership, or with its own term if that is first."""
    row = conn.execute(
        select(contract.c.starts_on, subscription.c.price_id)
        .join(subscription, subscription.c.contract_id == contract.c.id)
        .where(subscription.c.id == addon_id, subscription.c.organisation_id == organisation_id)
    ).one()
    own = price_by_id(conn, organisation_id, row.price_id)
    own_end_on = own.ends_on(row.starts_on + datetime.timedelta(days=own.extras.trial_days))
    target_on = min((on for on in (own_end_on, ends_on) if on is not None), default=None)

    def ask(recorded: Sequence[Recorded], today: datetime.date) -> Answer:
        life = life_on(recorded, today)
        if life.condition is Condition.ENDED:
            return Refused(Why.ENDED)
        terms = [one for one in recorded if isinstance(one.event, Ended) and one.event.of_term]
        wanted_on = None if target_on is None else max(target_on, life.starts_on)
        if [one.event.at.day for one in terms] == ([] if wanted_on is None else [wanted_on]):
            return Decided()
        ended = () if wanted_on is None else (Ended(at=Moment(wanted_on), of_term=True),)
        return Decided(record=ended, withdraw=tuple(one.id for one in terms))

    return ask
