"""Sign a contract and begin its subscription, if the law of the place allows these terms."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from portillon_cloud.billing import addons, coupons, event_store
from portillon_cloud.billing.agreement import to_body
from portillon_cloud.billing.catalogue import PlanKind, price_by_id
from portillon_cloud.billing.errors import CatalogueError, UnlawfulContractError
from portillon_cloud.billing.held_changes import require_open
from portillon_cloud.billing.law import LAWS, VERSIONS, Terms
from portillon_cloud.billing.offer import Offer, Payment, offer, payments
from portillon_cloud.billing.payers import bill_beside_payer
from portillon_cloud.billing.planning import plan_invoice_run, plan_recognition
from portillon_cloud.billing.renewal import plan_renewal
from portillon_cloud.billing.subscription import Decided
from portillon_cloud.billing.tables import contract, subscription
from portillon_cloud.billing.timeline import stretches
from portillon_cloud.billing.wanted import next_start
from portillon_cloud.clock.local import local_date
from portillon_cloud.database.rows import insert_one
from portillon_cloud.members.tables import legal_entity, organisation
from portillon_cloud.outbox import account_changed
from portillon_cloud.visits.from_plans import keep_plan_visits


@dataclass(frozen=True, slots=True)
class Subscribed:
    """What was made."""

    contract_id: int
    subscription_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where it is sold: whose law, which taxes, which days."""

    law: str
    tax_regime: str
    time_zone: str
    payment_days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is asked for; `subscribe` says what each means."""

    organisation_id: int
    member_id: int
    price_id: int
    starts_on: datetime.date
    renews: bool = False
    billed_from_on: datetime.date | None = None
    at_distance: bool = False
    proof: str | None = None
    coupon_code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """What signing comes to: the terms, every payment of it, what it is beside, the coupon that it uses."""

    offered: Offer
    place: Place
    signed_on: datetime.date
    first_invoice_on: datetime.date
    payments: Sequence[Payment]
    beside: addons.Membership | None
    coupon: coupons.Coupon | None


def subscribe(
    conn: Connection,
    *,
    organisation_id: int,
    account_id: int,
    member_id: int,
    price_id: int,
    starts_on: datetime.date,
    now_ms: int,
    renews: bool = False,
    billed_from_on: datetime.date | None = None,
    at_distance: bool = False,
    proof: str | None = None,
    coupon_code: str | None = None,
    by: str = "contract",
) -> Subscribed:
    """Sign for a member from `starts_on`; raises UnlawfulContractError with every rule broken.

    `billed_from_on`: periods that begin before it were billed elsewhere (an import of running contracts).
    `at_distance`: signed online or by telephone, so that the consumer may withdraw where the law says so.
    `proof`: what staff saw, of a price that is not for everybody. `by`: who sells, kept with a coupon's use.
    Raises UnknownPlanError, CatalogueError, CouponRefusedError; SubscriptionRefusedError while changes are held off.
    """
    wish = Wish(
        organisation_id=organisation_id,
        member_id=member_id,
        price_id=price_id,
        starts_on=starts_on,
        renews=renews,
        billed_from_on=billed_from_on,
        at_distance=at_distance,
        proof=proof,
        coupon_code=coupon_code,
    )
    agreed = agree(conn, wish, now_ms=now_ms)
    offered, price, place = agreed.offered, agreed.offered.price, agreed.place
    contract_id = insert_one(
        conn,
        contract,
        organisation_id=organisation_id,
        account_id=account_id,
        law=place.law,
        law_version=VERSIONS[place.law],
        signed_on=agreed.signed_on,
        starts_on=starts_on,
        ends_on=offered.ends_on,
        renews=renews,
        at_distance=at_distance,
        total_minor=None if offered.periods is None else price.amount_minor * offered.periods,
        instalments=offered.periods,
        agreement=to_body(price.terms.agreement(price_id=price_id, interval=price.interval, starts_on=starts_on)),
        proof=proof,
        state="active",
    )
    subscription_id = insert_one(
        conn,
        subscription,
        organisation_id=organisation_id,
        legal_entity_id=price.legal_entity_id,
        account_id=account_id,
        member_id=member_id,
        contract_id=contract_id,
        price_id=price_id,
        component="membership",
        beside_id=None if agreed.beside is None else agreed.beside.subscription_id,
        proration=price.terms.proration.value,
        plain=offered.plain,
        anchor_on=offered.anchor_on,
        next_invoice_on=agreed.first_invoice_on,
        ends_on=offered.ends_on,
        state="active",
    )
    event_store.record(
        conn,
        organisation_id=organisation_id,
        subscription_id=subscription_id,
        decided=Decided(record=offered.events),
        author=event_store.Author(name="contract", at_ms=now_ms),
    )
    plan_invoice_run(
        conn,
        organisation_id=organisation_id,
        legal_entity_id=price.legal_entity_id,
        due_on=agreed.first_invoice_on,
        time_zone=place.time_zone,
        because=f"s{subscription_id}",
    )
    plan_recognition(
        conn,
        organisation_id=organisation_id,
        legal_entity_id=price.legal_entity_id,
        month=agreed.first_invoice_on,
        time_zone=place.time_zone,
    )
    if offered.ends_on is not None and agreed.beside is None:
        plan_renewal(
            conn,
            organisation_id=organisation_id,
            subscription_id=subscription_id,
            law=place.law,
            renews=renews,
            starts_on=starts_on,
            ends_on=offered.ends_on,
            time_zone=place.time_zone,
        )
    bill_beside_payer(conn, account_id, agreed.signed_on)
    keep_plan_visits(conn, organisation_id, [account_id], now_ms)
    account_changed(conn, organisation_id, account_id)
    if agreed.coupon is not None:
        coupons.use(conn, agreed.coupon, member_id=member_id, subscription_id=subscription_id, by=by, now_ms=now_ms)
    return Subscribed(contract_id, subscription_id)


def agree(conn: Connection, wish: Wish, *, now_ms: int) -> Agreed:
    """What signing would come to; nothing is written. Raises as `subscribe`."""
    require_open(conn, wish.organisation_id, wish.member_id, now_ms)
    price = price_by_id(conn, wish.organisation_id, wish.price_id)
    place = _place(conn, wish.organisation_id, price.legal_entity_id)
    today = local_date(now_ms, place.time_zone)
    if price.extras.audience is not None and not wish.proof:
        raise CatalogueError(f"proof: this price is for {price.extras.audience} only; note what you saw of them")
    beside = None
    if price.plan_kind is PlanKind.ADDON:
        beside = addons.membership_of(conn, wish.organisation_id, wish.member_id, wish.starts_on)
    coupon = None
    if wish.coupon_code is not None:
        coupon = coupons.look_up(
            conn, wish.organisation_id, wish.coupon_code, plan_id=price.plan_id, member_id=wish.member_id, on=today
        )
    offered = offer(
        price,
        starts_on=wish.starts_on,
        billed_from_on=wish.billed_from_on,
        beside_until_on=None if beside is None else beside.ends_on,
        gift=None if coupon is None else coupon.gift,
    )
    due = payments(offered, regime=place.tax_regime, payment_days=place.payment_days)
    signed_on = min(today, wish.starts_on)
    _require_lawful(
        place.law,
        Terms(
            signed_on=signed_on,
            starts_on=wish.starts_on,
            ends_on=offered.ends_on,
            renews=wish.renews,
            instalments_minor=tuple(one.uncut_minor for one in due),
            first_payment_on=wish.starts_on,
            tax_inclusive=price.tax_inclusive,
        ),
    )
    begins = next_start(stretches(offered.events), wish.starts_on - datetime.timedelta(days=1))
    return Agreed(
        offered=offered,
        place=place,
        signed_on=signed_on,
        first_invoice_on=begins or offered.first_on,
        payments=due,
        beside=beside,
        coupon=coupon,
    )


def _require_lawful(law: str, terms: Terms) -> None:
    violations = LAWS[law].violations(terms)
    if violations:
        raise UnlawfulContractError(violations)


def _place(conn: Connection, organisation_id: int, legal_entity_id: int) -> Place:
    row = conn.execute(
        select(
            organisation.c.country,
            organisation.c.province,
            organisation.c.time_zone,
            legal_entity.c.tax_regime,
            legal_entity.c.payment_days,
        )
        .join(legal_entity, legal_entity.c.organisation_id == organisation.c.id)
        .where(organisation.c.id == organisation_id, legal_entity.c.id == legal_entity_id)
    ).one()
    law = {("CA", "QC"): "ca-qc"}.get((row.country, row.province), "fr" if row.country == "FR" else "none")
    return Place(law=law, tax_regime=row.tax_regime, time_zone=row.time_zone, payment_days=row.payment_days)
