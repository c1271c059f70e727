"""Tell a payer something of a subscription: whom it concerns, in their language, left for the carrier."""

from sqlalchemy import Connection, select

from portillon_cloud.billing.event_store import recorded
from portillon_cloud.billing.life import life_on
from portillon_cloud.billing.tables import plan, price, subscription
from portillon_cloud.clock.local import local_date
from portillon_cloud.members.tables import account, legal_entity, member, organisation
from portillon_cloud.messages.notice_letters import About
from portillon_cloud.messages.notice_store import Addressee, tell
from portillon_cloud.messages.notices import Notice


def tell_about(
    conn: Connection,
    *,
    organisation_id: int,
    subscription_id: int,
    said: Notice,
    purpose: str,
    now_ms: int,
    link: str | None = None,
) -> None:
    """Write it to who pays for the subscription, once for its purpose."""
    row = conn.execute(
        select(
            subscription.c.account_id,
            account.c.name.label("payer"),
            account.c.email,
            account.c.language,
            member.c.first_name,
            member.c.last_name,
            organisation.c.name.label("gym"),
            organisation.c.country,
            organisation.c.time_zone,
            legal_entity.c.currency,
        )
        .join(account, account.c.id == subscription.c.account_id)
        .join(member, member.c.id == subscription.c.member_id)
        .join(organisation, organisation.c.id == subscription.c.organisation_id)
        .join(legal_entity, legal_entity.c.id == subscription.c.legal_entity_id)
        .where(subscription.c.id == subscription_id, subscription.c.organisation_id == organisation_id)
    ).one()
    today = local_date(now_ms, row.time_zone)
    tariff = life_on(recorded(conn, [subscription_id])[subscription_id], today).tariff
    tell(
        conn,
        Addressee(
            organisation_id=organisation_id,
            account_id=row.account_id,
            subscription_id=subscription_id,
            language=row.language,
            email=row.email,
        ),
        said,
        About(
            gym=row.gym,
            payer=row.payer,
            member=f"{row.first_name} {row.last_name}",
            plan=conn.execute(
                select(plan.c.name).join(price, price.c.plan_id == plan.c.id).where(price.c.id == tariff.price_id)
            ).scalar_one(),
            currency=row.currency,
            territory=row.country,
            link=link,
        ),
        purpose=purpose,
        told_on=today,
        now_ms=now_ms,
    )
