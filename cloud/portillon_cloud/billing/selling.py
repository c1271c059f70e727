"""Change what is sold: plans as they are for everybody who has them, prices only for whoever signs from now on.

A price is never changed. A new one takes the place of that of the same interval, term, instalments and audience;
contracts that were signed at the old one stay at it until somebody changes them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from portillon_rules.entitlement import ALWAYS
from sqlalchemy import ColumnElement, Connection, func, select, update

from portillon_cloud import outbox
from portillon_cloud.access.rule_changes import Changer, note_change
from portillon_cloud.access.rule_kinds import RuleKind
from portillon_cloud.access.sites import Sites, require_sites, stored
from portillon_cloud.access.tables import schedule
from portillon_cloud.billing.calendar import Interval, IntervalUnit
from portillon_cloud.billing.catalogue import NO_EXTRAS, Extras, PlanKind, create_plan, create_price
from portillon_cloud.billing.errors import CatalogueError, UnknownPlanError
from portillon_cloud.billing.sold_terms import USUAL, SoldTerms, to_body
from portillon_cloud.billing.tables import plan, price, subscription
from portillon_cloud.billing.tax_catalogue import TaxCategory
from portillon_cloud.clock import business_now_ms
from portillon_cloud.members.tables import legal_entity, site
from portillon_cloud.visits.from_plans import keep_everyones_visits
from portillon_cloud.visits.plan_visits import PlanVisits


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanTerms:
    """What a plan opens, at which hours, where and how often; `visits` None: without a limit."""

    name: str
    zones: tuple[str, ...]
    schedule: str = ALWAYS
    sites: Sites = None
    visits: PlanVisits | None = None

    def to_body(self) -> dict[str, Any]:
        """As it is stored, and as its changes are told."""
        return {
            "name": self.name,
            "zones": list(self.zones),
            "schedule": self.schedule,
            "sites": stored(self.sites),
            "visits": None if self.visits is None else self.visits.to_body(),
        }


def make_plan(
    conn: Connection,
    *,
    organisation_id: int,
    legal_entity_id: int,
    code: str,
    kind: PlanKind,
    terms: PlanTerms,
    by: Changer,
) -> int:
    """A new plan, which is sold once it has a price; its id. Raises CatalogueError, UnknownSiteError."""
    entity, known = legal_entity.c, plan.c
    ours = select(entity.id).where(entity.id == legal_entity_id, entity.organisation_id == organisation_id)
    if conn.scalar(ours) is None:
        raise CatalogueError(f"no legal entity {legal_entity_id} in your organisation")
    if conn.scalar(select(known.id).where(known.organisation_id == organisation_id, known.code == code)) is not None:
        raise CatalogueError(f"there is a plan {code!r} already: choose another code")
    require_known(conn, organisation_id, terms)
    made = create_plan(
        conn,
        organisation_id=organisation_id,
        legal_entity_id=legal_entity_id,
        code=code,
        name=terms.name,
        zones=terms.zones,
        schedule=terms.schedule,
        sites=terms.sites,
        visits=terms.visits,
        kind=kind,
    )
    note_change(conn, by, RuleKind.PLAN, code, organisation_id=organisation_id, was=None, becomes=terms.to_body())
    return made


def change_plan(conn: Connection, *, organisation_id: int, plan_id: int, terms: PlanTerms, by: Changer) -> None:
    """From now on it is so for all who have it; every gateway is told. Raises UnknownPlanError, CatalogueError."""
    had = conn.execute(
        select(plan).where(plan.c.id == plan_id, plan.c.organisation_id == organisation_id).with_for_update()
    ).one_or_none()
    if had is None:
        raise UnknownPlanError(f"organisation {organisation_id} has no plan {plan_id}")
    require_known(conn, organisation_id, terms)
    becomes = terms.to_body()
    was = {name: had._mapping[name] for name in becomes}
    if was == becomes:
        return
    conn.execute(update(plan).where(plan.c.id == plan_id).values(**becomes))
    note_change(conn, by, RuleKind.PLAN, had.code, organisation_id=organisation_id, was=was, becomes=becomes)
    if had.visits is not None or terms.visits is not None:
        now_ms = business_now_ms(conn, organisation_id, by.real_ms)
        keep_everyones_visits(conn, organisation_id, now_ms)
    outbox.everything_changed(conn, organisation_id)


def replace_price(
    conn: Connection,
    *,
    organisation_id: int,
    plan_id: int,
    amount_minor: int,
    interval: Interval,
    term_months: int | None,
    tax_inclusive: bool,
    taxable: bool,
    tax_category: TaxCategory = TaxCategory.STANDARD,
    extras: Extras = NO_EXTRAS,
    terms: SoldTerms = USUAL,
    by: Changer,
) -> int:
    """Sell the plan at this price from now on; returns its id. Raises UnknownPlanError, CatalogueError."""
    known = select(plan.c.code).where(plan.c.id == plan_id, plan.c.organisation_id == organisation_id)
    code = conn.scalar(known.with_for_update())
    if code is None:
        raise UnknownPlanError(f"organisation {organisation_id} has no plan {plan_id}")
    same = _alike(plan_id, interval, term_months, extras)
    had = conn.execute(select(price.c.id, price.c.amount_minor).where(*same).order_by(price.c.id.desc())).first()
    conn.execute(update(price).where(*same).values(active=False))
    made = create_price(
        conn,
        plan_id=plan_id,
        amount_minor=amount_minor,
        interval=interval,
        term_months=term_months,
        tax_inclusive=tax_inclusive,
        taxable=taxable,
        tax_category=tax_category,
        extras=extras,
        terms=terms,
    )
    sold = _sold(interval, term_months, extras)
    note_change(
        conn,
        by,
        RuleKind.PRICE,
        code,
        organisation_id=organisation_id,
        was=None if had is None else {**sold, "price_id": had.id, "amount_minor": had.amount_minor},
        becomes={**sold, "price_id": made, "amount_minor": amount_minor, **({} if terms == USUAL else to_body(terms))},
    )
    return made


def replaced_by(
    conn: Connection, *, plan_id: int, interval: Interval, term_months: int | None, extras: Extras
) -> list[int]:
    """The prices whose place one such would take: they would be sold no more."""
    return list(conn.scalars(select(price.c.id).where(*_alike(plan_id, interval, term_months, extras))))


def stop_selling(conn: Connection, *, organisation_id: int, price_id: int, by: Changer) -> None:
    """Sell nobody anything at this price from now on; who has it keeps it. Raises UnknownPlanError."""
    had = conn.execute(
        select(price, plan.c.code)
        .join(plan, plan.c.id == price.c.plan_id)
        .where(price.c.id == price_id, price.c.organisation_id == organisation_id)
        .with_for_update(of=price)
    ).one_or_none()
    if had is None:
        raise UnknownPlanError(f"price {price_id} does not exist in organisation {organisation_id}")
    if not had.active:
        return
    conn.execute(update(price).where(price.c.id == price_id).values(active=False))
    extras = Extras(times=had.times, instalments=had.instalments, audience=had.audience)
    sold = _sold(Interval(IntervalUnit(had.interval_unit), had.interval_count), had.term_months, extras)
    note_change(
        conn,
        by,
        RuleKind.PRICE,
        had.code,
        organisation_id=organisation_id,
        was={**sold, "price_id": price_id, "amount_minor": had.amount_minor},
        becomes=None,
    )


def _alike(
    plan_id: int, interval: Interval, term_months: int | None, extras: Extras
) -> tuple[ColumnElement[bool], ...]:
    """Of a plan's prices that are sold, those that one such takes the place of."""
    return (
        price.c.plan_id == plan_id,
        price.c.active,
        price.c.interval_unit == interval.unit.value,
        price.c.interval_count == interval.count,
        price.c.term_months.is_not_distinct_from(term_months),
        price.c.times.is_not_distinct_from(extras.times),
        price.c.audience.is_not_distinct_from(extras.audience),
        price.c.instalments == extras.instalments,
    )


def _sold(interval: Interval, term_months: int | None, extras: Extras) -> Mapping[str, Any]:
    """Which of a plan's prices it is, as its changes are told."""
    said = {
        "times": extras.times,
        "instalments": None if extras.instalments == 1 else extras.instalments,
        "audience": extras.audience,
    }
    known = {name: value for name, value in said.items() if value is not None}
    return {"interval": f"{interval.count} {interval.unit}", "term_months": term_months, **known}


def held_at(conn: Connection, price_ids: Sequence[int]) -> dict[int, int]:
    """By price, how many active subscriptions are at it: of one that is sold no more, those that keep it."""
    held = subscription.c
    rows = conn.execute(
        select(held.price_id, func.count())
        .where(held.price_id.in_(price_ids), held.state == "active")
        .group_by(held.price_id)
    )
    return {price_id: count for price_id, count in rows}


def require_known(conn: Connection, organisation_id: int, terms: PlanTerms) -> None:
    """Raises UnknownSiteError, or CatalogueError for zones and hours that no site of the organisation has."""
    require_sites(conn, organisation_id, terms.sites)
    zones = conn.execute(select(site.c.zones).where(site.c.organisation_id == organisation_id)).scalars()
    if unknown := set(terms.zones) - {zone for names in zones for zone in names}:
        raise CatalogueError(f"no site has a zone {min(unknown)!r}: add it to a site first")
    named = select(schedule.c.id).where(
        schedule.c.organisation_id == organisation_id, schedule.c.name == terms.schedule
    )
    if terms.schedule != ALWAYS and conn.scalar(named.limit(1)) is None:
        raise CatalogueError(f"no site has hours {terms.schedule!r}: write them first")
