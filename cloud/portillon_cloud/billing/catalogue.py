"""Make plans and their prices."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from portillon_cloud.access.sites import Sites, require_sites, stored
from portillon_cloud.billing.calendar import Interval, IntervalUnit
from portillon_cloud.billing.errors import CatalogueError, UnknownPlanError
from portillon_cloud.billing.tables import plan, price
from portillon_cloud.billing.tax_catalogue import TaxCategory
from portillon_cloud.database.rows import insert_one
from portillon_cloud.members.tables import legal_entity
from portillon_cloud.visits.plan_visits import PlanVisits


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a plan costs per interval (minor units), and the contract term it is sold under (None: open-ended)."""

    id: int
    organisation_id: int
    legal_entity_id: int
    plan_name: str
    amount_minor: int
    currency: str
    interval: Interval
    tax_inclusive: bool
    taxable: bool
    tax_category: TaxCategory = TaxCategory.STANDARD
    term_months: int | None


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
) -> int:
    """Make a price in the currency of the plan's legal entity; CatalogueError if its term is no whole intervals."""
    if amount_minor < 0:
        raise CatalogueError(f"a price of {amount_minor} is negative; give a discount instead")
    if term_months is not None and (interval.unit is not IntervalUnit.MONTH or term_months % interval.count != 0):
        raise CatalogueError(
            f"a term of {term_months} months is no whole number of periods of {interval.count} {interval.unit}; "
            "choose a monthly interval that divides the term"
        )
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
        active=True,
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
    """For each plan's code the price it is sold at now (the newest active one)."""
    rows = conn.execute(
        select(plan.c.code, price.c.id)
        .join(price, price.c.plan_id == plan.c.id)
        .where(plan.c.organisation_id == organisation_id, price.c.active)
        .order_by(price.c.id)
    )
    return {row.code: price_by_id(conn, organisation_id, row.id) for row in rows}


def _read(conn: Connection, *conditions: object) -> list[Price]:
    rows = conn.execute(
        select(price, plan.c.name.label("plan_name"), plan.c.legal_entity_id)
        .join(plan, plan.c.id == price.c.plan_id)
        .where(*conditions)  # type: ignore[arg-type]
    )
    return [
        Price(
            id=row.id,
            organisation_id=row.organisation_id,
            legal_entity_id=row.legal_entity_id,
            plan_name=row.plan_name,
            amount_minor=row.amount_minor,
            currency=row.currency,
            interval=Interval(IntervalUnit(row.interval_unit), row.interval_count),
            tax_inclusive=row.tax_inclusive,
            taxable=row.taxable,
            tax_category=TaxCategory(row.tax_category),
            term_months=row.term_months,
        )
        for row in rows
    ]
