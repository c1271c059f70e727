"""When a payment comes in of somebody who was brought: the reward is looked at, after the payment is committed."""

from sqlalchemy import Connection, bindparam, select

from portillon_cloud import timers
from portillon_cloud.billing.sales_tables import referral, referral_reward
from portillon_cloud.members.tables import member

REFERRAL_REWARD = "referral_reward"
"""Kind of the timers; the subject is the referral."""

_WAITING = (
    select(referral.c.id)
    .join(member, member.c.id == referral.c.referred_id)
    .join(referral_reward, referral_reward.c.referral_id == referral.c.id, isouter=True)
    .where(member.c.account_id == bindparam("account_id"), referral_reward.c.referral_id.is_(None))
)


def plan_rewards(conn: Connection, *, organisation_id: int, account_id: int, payment_id: int, now_ms: int) -> None:
    """Have the rewards looked at that a payment of this account may earn; most accounts earn none."""
    for referral_id in conn.scalars(_WAITING, {"account_id": account_id}).all():
        timers.schedule(
            conn,
            organisation_id=organisation_id,
            kind=REFERRAL_REWARD,
            subject_id=referral_id,
            due_at_ms=now_ms,
            key=f"{REFERRAL_REWARD}:{referral_id}:payment-{payment_id}",
        )
