"""Who brought whom, and what they get for it: less for some cycles, once the other's first invoice is paid.

1. Nobody brings themselves, somebody of their own payer, or somebody who has paid here before.
2. The reward is given by a timer that the payment sets: once, held by the row itself, whatever crashes or is retried.
3. Whoever has no membership at that moment is not forgotten: the referral waits until somebody asks for it again.
"""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, Row, delete, func, or_, select

from portillon_cloud.billing.catalogue import PlanKind
from portillon_cloud.billing.errors import (
    CatalogueError,
    ReferralRefusedError,
    SubscriptionRefusedError,
    UnknownReferralError,
)
from portillon_cloud.billing.event_store import Author
from portillon_cloud.billing.gifts import give
from portillon_cloud.billing.offer import Gift
from portillon_cloud.billing.sales_tables import referral, referral_reward, referral_terms
from portillon_cloud.billing.tables import invoice, plan, price, subscription
from portillon_cloud.clock.local import local_date
from portillon_cloud.database.rows import insert_one
from portillon_cloud.members.organisations import time_zone_of
from portillon_cloud.members.tables import member
from portillon_cloud.money import PPM
from portillon_cloud.payments.owed import overdue_minor
from portillon_cloud.payments.tables import payment
from portillon_cloud.timers import Timer, Work, finish

CODE = "FRIEND"
"""The discount's name on the invoice."""


@dataclass(frozen=True, slots=True)
class Reward:
    """Less of each of the next `cycles`: a share, or an amount."""

    cycles: int
    share_ppm: int = 0
    amount_minor: int = 0


class ReferralState(StrEnum):
    """Where a referral is."""

    UNPAID = "unpaid"  # the first invoice of who was brought is not paid
    WAITING = "waiting"  # it is, and who brought them has had nothing yet
    REWARDED = "rewarded"


class ReferralWhy(StrEnum):
    """Why a referral or its reward is refused."""

    ONESELF = "oneself"
    HOUSEHOLD = "household"
    PAID_BEFORE = "paid_before"
    BROUGHT_ALREADY = "brought_already"
    NOT_DUE = "not_due"  # the reward: not earned yet, or given already
    NO_REWARD = "no_reward"
    NO_MEMBERSHIP = "no_membership"


@dataclass(frozen=True, slots=True, kw_only=True)
class Referral:
    """One referral; `subscription_id`: what costs less for it."""

    id: int
    referrer_id: int
    referred_id: int
    state: ReferralState
    subscription_id: int | None


def set_reward(conn: Connection, organisation_id: int, reward: Reward | None) -> None:
    """What every referral brings from now on, those that wait too; None: nothing. Raises CatalogueError."""
    if reward is not None and not (0 < reward.share_ppm <= PPM or reward.amount_minor > 0):
        raise CatalogueError("share_percent, amount_minor: a reward of nothing is none")
    conn.execute(delete(referral_terms).where(referral_terms.c.organisation_id == organisation_id))
    if reward is not None:
        conn.execute(
            referral_terms.insert().values(
                organisation_id=organisation_id,
                share_ppm=reward.share_ppm,
                amount_minor=reward.amount_minor,
                cycles=reward.cycles,
            )
        )


def reward_of(conn: Connection, organisation_id: int) -> Reward | None:
    """What a referral brings; None: nothing."""
    row = conn.execute(select(referral_terms).where(referral_terms.c.organisation_id == organisation_id)).one_or_none()
    return None if row is None else Reward(row.cycles, row.share_ppm, row.amount_minor)


def note(conn: Connection, *, organisation_id: int, referrer_id: int, referred_id: int, by: str, now_ms: int) -> int:
    """Write down who brought whom; its id. Raises ReferralRefusedError, UnknownReferralError: no such members."""
    ours = (member.c.organisation_id == organisation_id, member.c.id.in_((referrer_id, referred_id)))
    payers = {row.id: row.account_id for row in conn.execute(select(member.c.id, member.c.account_id).where(*ours))}
    if referrer_id == referred_id:
        raise ReferralRefusedError(ReferralWhy.ONESELF, "referrer_id: nobody brings themselves")
    if len(payers) < 2:
        raise UnknownReferralError("one of these members does not exist in your organisation")
    if payers[referrer_id] == payers[referred_id]:
        raise ReferralRefusedError(
            ReferralWhy.HOUSEHOLD, "referrer_id: both are paid for by one account; a household brings nobody to itself"
        )
    if conn.scalar(select(payment.c.id).where(payment.c.account_id == payers[referred_id]).limit(1)) is not None:
        raise ReferralRefusedError(
            ReferralWhy.PAID_BEFORE, "referred_id: this member has paid before; somebody new is brought"
        )
    known = conn.scalar(select(referral.c.id).where(referral.c.referred_id == referred_id))
    if known is not None:
        raise ReferralRefusedError(
            ReferralWhy.BROUGHT_ALREADY, f"referred_id: this member was brought already (referral {known})"
        )
    return insert_one(
        conn,
        referral,
        organisation_id=organisation_id,
        referrer_id=referrer_id,
        referred_id=referred_id,
        noted_at_ms=now_ms,
        noted_by=by,
    )


def referrals_of(
    conn: Connection, organisation_id: int, *, on: datetime.date, limit: int | None = None, after: int = 0
) -> Sequence[Referral]:
    """The newest first: all, or `limit` of them behind the first `after`."""
    rows = conn.execute(
        select(referral, member.c.account_id, referral_reward.c.subscription_id)
        .join(member, member.c.id == referral.c.referred_id)
        .join(referral_reward, referral_reward.c.referral_id == referral.c.id, isouter=True)
        .where(referral.c.organisation_id == organisation_id)
        .order_by(referral.c.id.desc())
        .limit(limit)
        .offset(after)
    ).all()
    return [
        Referral(
            id=row.id,
            referrer_id=row.referrer_id,
            referred_id=row.referred_id,
            state=_state(conn, row, on),
            subscription_id=row.subscription_id,
        )
        for row in rows
    ]


def give_reward(conn: Connection, organisation_id: int, referral_id: int, *, now_ms: int) -> int:
    """Give what was earned; the id of the subscription that costs less. Raises ReferralRefusedError with the reason,
    UnknownReferralError."""
    held = referral.c.id == referral_id, referral.c.organisation_id == organisation_id
    row = conn.execute(
        select(referral, member.c.account_id, referral_reward.c.subscription_id)
        .join(member, member.c.id == referral.c.referred_id)
        .join(referral_reward, referral_reward.c.referral_id == referral.c.id, isouter=True)
        .where(*held)
        .with_for_update(of=referral)
    ).one_or_none()
    if row is None:
        raise UnknownReferralError(f"there is no referral {referral_id} in your organisation")
    today = local_date(now_ms, time_zone_of(conn, organisation_id))
    state, reward = _state(conn, row, today), reward_of(conn, organisation_id)
    if state is not ReferralState.WAITING:
        raise ReferralRefusedError(
            ReferralWhy.NOT_DUE, f"referral {referral_id} is {state}: a reward is given once, for a paid invoice"
        )
    if reward is None:
        raise ReferralRefusedError(ReferralWhy.NO_REWARD, "no reward is set: say what a referral brings first")
    subscription_id = _membership(conn, row.referrer_id, today)
    if subscription_id is None:
        raise ReferralRefusedError(
            ReferralWhy.NO_MEMBERSHIP, f"member {row.referrer_id} has no membership that could cost less"
        )
    conn.execute(
        referral_reward.insert().values(
            referral_id=referral_id,
            organisation_id=organisation_id,
            subscription_id=subscription_id,
            given_at_ms=now_ms,
        )
    )
    give(
        conn,
        organisation_id=organisation_id,
        subscription_id=subscription_id,
        gift=Gift(code=CODE, share_ppm=reward.share_ppm, amount_minor=reward.amount_minor, cycles=reward.cycles),
        author=Author(name="referral", at_ms=now_ms, reason=f"brought member {row.referred_id}"),
    )
    return subscription_id


def reward_when_due(work: Work, timer: Timer) -> None:
    """Timer referral_reward: give it if it can be given; if not, the referral says why and waits."""
    try:
        with work.db.write() as conn:
            give_reward(conn, timer.organisation_id, timer.subject_id, now_ms=work.now_ms)
            finish(conn, timer)
    except (ReferralRefusedError, SubscriptionRefusedError):
        with work.db.write() as conn:
            finish(conn, timer)


def _membership(conn: Connection, member_id: int, today: datetime.date) -> int | None:
    column = subscription.c
    found: int | None = conn.scalar(
        select(column.id)
        .join(price, price.c.id == column.price_id)
        .join(plan, plan.c.id == price.c.plan_id)
        .where(
            column.member_id == member_id,
            or_(column.ends_on.is_(None), column.ends_on > today),
            plan.c.kind == PlanKind.MEMBERSHIP.value,
        )
        .order_by(column.id.desc())
        .limit(1)
    )
    return found


def _state(conn: Connection, row: Row[tuple[object, ...]], on: datetime.date) -> ReferralState:
    if row.subscription_id is not None:
        return ReferralState.REWARDED
    first = conn.scalar(
        select(func.min(invoice.c.id)).where(invoice.c.account_id == row.account_id, invoice.c.total_minor > 0)
    )
    paid = conn.scalar(select(payment.c.id).where(payment.c.account_id == row.account_id).limit(1)) is not None
    if first is None or not paid or overdue_minor(conn, first, on) > 0:
        return ReferralState.UNPAID
    return ReferralState.WAITING
