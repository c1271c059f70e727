"""Give something to a subscription that runs already: less of its next cycles, by a coupon or as a reward."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from portillon_cloud.billing import changes, coupons, subscription
from portillon_cloud.billing.errors import CouponRefusedError, UnknownSubscriptionError
from portillon_cloud.billing.event_store import Author
from portillon_cloud.billing.life import Recorded, life_on
from portillon_cloud.billing.offer import Gift, after_cycles
from portillon_cloud.billing.span import Moment
from portillon_cloud.billing.tables import price
from portillon_cloud.billing.tables import subscription as subscription_row
from portillon_cloud.billing.timeline import Discounted
from portillon_cloud.clock.local import local_date
from portillon_cloud.members.organisations import time_zone_of


@dataclass(frozen=True, slots=True)
class Given:
    """From when it costs less, and the first day on which it does no more; None: for good."""

    from_on: datetime.date
    until_on: datetime.date | None


def less_of(recorded: Sequence[Recorded], gift: Gift, today: datetime.date) -> Discounted:
    """The discount on the next cycles, the one that runs left alone: no part of a period is credited."""
    on = subscription.at_renewal(recorded, today)
    life = life_on(recorded, on)
    until_on = None if gift.cycles is None else after_cycles(life.anchor_on, life.tariff.interval, on, gift.cycles)
    return Discounted(
        at=Moment(on),
        code=gift.code,
        until=None if until_on is None else Moment(until_on),
        share_ppm=gift.share_ppm,
        amount_minor=gift.amount_minor,
    )


def give(conn: Connection, *, organisation_id: int, subscription_id: int, gift: Gift, author: Author) -> Given:
    """Have its next cycles cost less. Raises as changes.change."""
    given: list[Discounted] = []

    def ask(recorded: Sequence[Recorded], today: datetime.date) -> subscription.Answer:
        given.append(less_of(recorded, gift, today))
        return subscription.discount(recorded, given[-1], today=today)

    changes.change(conn, organisation_id=organisation_id, subscription_id=subscription_id, ask=ask, author=author)
    less = given[-1]
    return Given(less.at.day, None if less.until is None else less.until.day)


def redeem(conn: Connection, *, organisation_id: int, subscription_id: int, code: str, author: Author) -> Given:
    """Use a coupon for its next cycles. Raises UnknownSubscriptionError, CouponRefusedError, and as changes.change."""
    row = conn.execute(
        select(subscription_row.c.member_id, price.c.plan_id)
        .join(price, price.c.id == subscription_row.c.price_id)
        .where(subscription_row.c.id == subscription_id, subscription_row.c.organisation_id == organisation_id)
    ).one_or_none()
    if row is None:
        raise UnknownSubscriptionError(f"there is no subscription {subscription_id} in your organisation")
    today = local_date(author.at_ms, time_zone_of(conn, organisation_id))
    coupon = coupons.look_up(conn, organisation_id, code, plan_id=row.plan_id, member_id=row.member_id, on=today)
    if not (coupon.gift.share_ppm or coupon.gift.amount_minor):
        raise CouponRefusedError(f"code: {code} only waives the joining fee, which is behind this member")
    given = give(
        conn, organisation_id=organisation_id, subscription_id=subscription_id, gift=coupon.gift, author=author
    )
    coupons.use(
        conn,
        coupon,
        member_id=row.member_id,
        subscription_id=subscription_id,
        by=author.name,
        now_ms=author.at_ms,
    )
    return given
