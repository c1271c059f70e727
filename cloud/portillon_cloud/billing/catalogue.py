"""Make plans and their prices."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, Connection, select

from portillon_cloud.access.sites import Sites, require_sites, stored
from portillon_cloud.billing.calendar import Interval, IntervalUnit, add_months, boundary
from portillon_cloud.billing.errors import CatalogueError, UnknownPlanError
from portillon_cloud.billing.sold_terms import USUAL, SoldTerms, from_body, to_body
from portillon_cloud.billing.tables import plan, price
from portillon_cloud.billing.tax_catalogue import TaxCategory
from portillon_cloud.database.rows import insert_one
from portillon_cloud.members.tables import legal_entity
from portillon_cloud.visits.plan_visits import PlanVisits

TIMES_MOST = 520  # ten years of weeks
TRIAL_DAYS_MOST = 90
INSTALMENTS_MOST = 12


class PlanKind(StrEnum):
    """What a plan is: a membership of its own, or something that is only had beside one."""

    MEMBERSHIP = "membership"
    ADDON = "addon"


@dataclass(frozen=True, slots=True, kw_only=True)
class Extras:
    """What a price says beside its amount.

    `times`: for how many intervals it is sold (a day pass: one day, once); else its term says. `joining_minor`: once,
    with the first period. `trial_days`: had for nothing before it. `instalments`: in how many parts, a month apart,
    each interval's invoice is paid. `audience`: whom alone it is sold to, upon proof; None: everybody.
    """

    times: int | None = None
    joining_minor: int = 0
    trial_days: int = 0
    instalments: int = 1
    audience: str | None = None


NO_EXTRAS = Extras()


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a plan costs per interval (minor units), and the contract term it is sold under (None: open-ended)."""

    id: int
    organisation_id: int
    legal_entity_id: int
    plan_id: int
    plan_name: str
    plan_kind: PlanKind = PlanKind.MEMBERSHIP
    amount_minor: int
    currency: str
    interval: Interval
    tax_inclusive: bool
    taxable: bool
    tax_category: TaxCategory = TaxCategory.STANDARD
    term_months: int | None
    extras: Extras = NO_EXTRAS
    terms: SoldTerms = USUAL
    active: bool = True

    def ends_on(self, anchor_on: datetime.date) -> datetime.date | None:
        """The first day without what begins to be charged on `anchor_on`; None: no end is agreed."""
        if self.extras.times is not None:
            return boundary(anchor_on, self.interval, self.extras.times)
        return None if self.term_months is None else add_months(anchor_on, self.term_months)


def create_plan(
    conn: Connection,
    *,
    organisation_id: int,
    legal_entity_id: int,
    code: str,
    name: str,
    zones: Sequence[str] = ("gym",),
    schedule: str = "always",
    sites: Sites = None,
    visits: PlanVisits | None = None,
    kind: PlanKind = PlanKind.MEMBERSHIP,
) -> int:
    """Make a plan: what it opens, when, where and how often; `code` is what imports and the API call it.

    Raises UnknownSiteError.
    """
    require_sites(conn, organisation_id, sites)
    return insert_one(
        conn,
        plan,
        organisation_id=organisation_id,
        legal_entity_id=legal_entity_id,
        code=code,
        name=name,
        kind=kind.value,
        zones=list(zones),
        schedule=schedule,
        sites=stored(sites),
        visits=None if visits is None else visits.to_body(),
    )


def create_price(
    conn: Connection,
    *,
    plan_id: int,
    amount_minor: int,
    interval: Interval,
    term_months: int | None,
    tax_inclusive: bool = False,
    taxable: bool = True,
    tax_category: TaxCategory = TaxCategory.STANDARD,
    extras: Extras = NO_EXTRAS,
    terms: SoldTerms = USUAL,
) -> int:
    """Make a price in the currency of the plan's legal entity; CatalogueError if its term is no whole intervals."""
    if amount_minor < 0:
        raise CatalogueError(f"amount_minor: a price of {amount_minor} is negative; give a discount instead")
    require_sense(interval, term_months, extras, terms)
    owner = conn.execute(
        select(plan.c.organisation_id, legal_entity.c.currency)
        .join(legal_entity, legal_entity.c.id == plan.c.legal_entity_id)
        .where(plan.c.id == plan_id)
    ).one_or_none()
    if owner is None:
        raise UnknownPlanError(f"plan {plan_id} does not exist")
    return insert_one(
        conn,
        price,
        organisation_id=owner.organisation_id,
        plan_id=plan_id,
        amount_minor=amount_minor,
        currency=owner.currency,
        interval_unit=interval.unit.value,
        interval_count=interval.count,
        tax_inclusive=tax_inclusive,
        taxable=taxable,
        tax_category=tax_category.value,
        term_months=term_months,
        times=extras.times,
        joining_minor=extras.joining_minor,
        trial_days=extras.trial_days,
        instalments=extras.instalments,
        audience=extras.audience,
        terms=to_body(terms),
        active=True,
    )


def require_sense(interval: Interval, term_months: int | None, extras: Extras, terms: SoldTerms) -> None:
    """Raises CatalogueError for what contradicts itself: two terms, parts of no months, a term of no whole periods."""
    if extras.times is not None and term_months is not None:
        raise CatalogueError("times: a price has a term in months or a number of intervals, not both; leave one out")
    if extras.times is not None and not 1 <= extras.times <= TIMES_MOST:
        raise CatalogueError(f"times: sold for {extras.times} intervals; sell 1 to {TIMES_MOST}")
    if extras.joining_minor < 0:
        raise CatalogueError(f"joining_minor: a fee of {extras.joining_minor} is negative; give a coupon instead")
    if not 0 <= extras.trial_days <= TRIAL_DAYS_MOST:
        raise CatalogueError(f"trial_days: {extras.trial_days}; a trial lasts at most {TRIAL_DAYS_MOST} days")
    months = interval.count if interval.unit is IntervalUnit.MONTH else 1
    if not 1 <= extras.instalments <= min(months, INSTALMENTS_MOST):
        raise CatalogueError(
            f"instalments: {extras.instalments}; an interval of {interval.count} {interval.unit} is paid in 1 to "
            f"{min(months, INSTALMENTS_MOST)}, a month apart"
        )
    terms.require_days_in_common(interval)
    if term_months is not None and (interval.unit is not IntervalUnit.MONTH or term_months % interval.count != 0):
        raise CatalogueError(
            f"a term of {term_months} months is no whole number of periods of {interval.count} {interval.unit}; "
            "choose a monthly interval that divides the term"
        )


def prices_of_entity(conn: Connection, legal_entity_id: int) -> dict[int, Price]:
    """Every price of a legal entity by id, also those no longer sold."""
    return {found.id: found for found in _read(conn, plan.c.legal_entity_id == legal_entity_id)}


def price_by_id(conn: Connection, organisation_id: int, price_id: int) -> Price:
    """One price; raises UnknownPlanError."""
    found = _read(conn, price.c.id == price_id, price.c.organisation_id == organisation_id)
    if not found:
        raise UnknownPlanError(f"price {price_id} does not exist in organisation {organisation_id}")
    return found[0]


def prices_by_plan_code(conn: Connection, organisation_id: int) -> dict[str, Price]:
    """For each plan's code the price it is sold to everybody at now (the newest active one)."""
    rows = conn.execute(
        select(plan.c.code, price.c.id)
        .join(price, price.c.plan_id == plan.c.id)
        .where(plan.c.organisation_id == organisation_id, price.c.active, price.c.audience.is_(None))
        .order_by(price.c.id)
    )
    return {row.code: price_by_id(conn, organisation_id, row.id) for row in rows}


def _read(conn: Connection, *conditions: ColumnElement[bool]) -> list[Price]:
    rows = conn.execute(
        select(price, plan.c.name.label("plan_name"), plan.c.kind.label("plan_kind"), plan.c.legal_entity_id)
        .join(plan, plan.c.id == price.c.plan_id)
        .where(*conditions)
    )
    return [
        Price(
            id=row.id,
            organisation_id=row.organisation_id,
            legal_entity_id=row.legal_entity_id,
            plan_id=row.plan_id,
            plan_name=row.plan_name,
            plan_kind=PlanKind(row.plan_kind),
            amount_minor=row.amount_minor,
            currency=row.currency,
            interval=Interval(IntervalUnit(row.interval_unit), row.interval_count),
            tax_inclusive=row.tax_inclusive,
            taxable=row.taxable,
            tax_category=TaxCategory(row.tax_category),
            term_months=row.term_months,
            extras=Extras(
                times=row.times,
                joining_minor=row.joining_minor,
                trial_days=row.trial_days,
                instalments=row.instalments,
                audience=row.audience,
            ),
            terms=from_body(row.terms),
            active=row.active,
        )
        for row in rows
    ]
