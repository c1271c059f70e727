"""Plans and prices over /api/v1: what is sold, what it opens, and at what price from now on."""

from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from portillon_rules.entitlement import ALWAYS
from portillon_rules.visits import Per
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from portillon_cloud.access.given import ZONES_MAX
from portillon_cloud.access.rule_changes import Changer
from portillon_cloud.billing.calendar import Interval, IntervalUnit
from portillon_cloud.billing.catalogue import (
    INSTALMENTS_MOST,
    TIMES_MOST,
    TRIAL_DAYS_MOST,
    Extras,
    PlanKind,
)
from portillon_cloud.billing.errors import CatalogueError
from portillon_cloud.billing.selling import PlanTerms, change_plan, held_at, make_plan, replace_price
from portillon_cloud.billing.sold_terms import USUAL, SoldTerms
from portillon_cloud.billing.tables import plan, price
from portillon_cloud.billing.tax_catalogue import TaxCategory
from portillon_cloud.http.dependencies import ServicesDep, require
from portillon_cloud.http.paging import Id, PathId
from portillon_cloud.identity.principal import Principal
from portillon_cloud.identity.roles import Permission
from portillon_cloud.visits.plan_visits import MOST_MAX, PlanVisits

router = APIRouter(tags=["plans"])
Reader = Annotated[Principal, Depends(require(Permission.SEE_MONEY))]
Owner = Annotated[Principal, Depends(require(Permission.SET_RULES))]
Most = Annotated[int, Field(ge=1, le=MOST_MAX)]
Zone = Annotated[str, Field(min_length=1, max_length=64)]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PlanBody(Body):
    """What a plan opens, when, where and how often."""

    name: str = Field(min_length=1, max_length=100)
    zones: list[Zone] = Field(min_length=1, max_length=ZONES_MAX)
    schedule: str = Field(default=ALWAYS, min_length=1, max_length=100)
    sites: Literal["all"] | list[Id] | None = Field(default=None, description="Null: the member's home site")
    visits: dict[Per | Literal["pack"], Most] | None = Field(
        default=None, description="Null: no limit; visits in each day, week, month; or a pack of so many in all"
    )


class NewPlan(PlanBody):
    code: str = Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    legal_entity_id: Id
    kind: PlanKind = Field(default=PlanKind.MEMBERSHIP, description="An addon is only sold beside a membership")


class Sold(BaseModel):
    """What a price says beside its amount."""

    times: int | None = Field(
        default=None, ge=1, le=TIMES_MOST, description="Sold for so many intervals: a day pass is one day, once"
    )
    joining_minor: int = Field(default=0, ge=0, le=100_000_000, description="Once, with the first period")
    trial_days: int = Field(default=0, ge=0, le=TRIAL_DAYS_MOST, description="For nothing, before the first period")
    instalments: int = Field(
        default=1, ge=1, le=INSTALMENTS_MOST, description="In how many parts an interval's invoice is paid, by month"
    )
    audience: str | None = Field(
        default=None, pattern=r"^[a-z][a-z0-9-]{0,39}$", description="Only for them, upon proof: student; null: for all"
    )
    tax_category: TaxCategory = Field(default=TaxCategory.STANDARD, description="What it is, as tax laws tell it apart")
    terms: SoldTerms = Field(
        default=USUAL, description="How parts count, on which day it bills, how one freezes, leaves"
    )


class NewPrice(Body, Sold):
    amount_minor: int = Field(ge=0, le=10_000_000_000)
    interval_unit: IntervalUnit
    interval_count: int = Field(default=1, ge=1, le=120)
    term_months: int | None = Field(default=None, ge=1, le=120, description="Null: open-ended, not lawful everywhere")
    tax_inclusive: bool = False
    taxable: bool = True


class SoldPrice(Sold):
    id: int
    amount_minor: int
    currency: str
    interval_unit: IntervalUnit
    interval_count: int
    term_months: int | None
    tax_inclusive: bool
    taxable: bool
    active: bool = Field(description="False: sold no more; who signed at it keeps it")
    held_by: int = Field(description="How many active subscriptions are at it")


class SoldPlan(PlanBody):
    id: int
    code: str
    kind: PlanKind
    prices: list[SoldPrice] = Field(description="Newest first")


class Made(BaseModel):
    id: int


@router.get("/catalogue")
def list_plans(services: ServicesDep, reader: Reader) -> list[SoldPlan]:
    """Every plan with every price that it was ever sold at."""
    with services.db.read() as conn:
        mine = price.c.organisation_id == reader.organisation_id
        prices = conn.execute(select(price).where(mine).order_by(price.c.id.desc())).all()
        held = held_at(conn, [row.id for row in prices])
        plans = conn.execute(select(plan).where(plan.c.organisation_id == reader.organisation_id).order_by(plan.c.id))
        names = SoldPrice.model_fields.keys() - {"held_by"}
        return [
            SoldPlan(
                **{name: row._mapping[name] for name in ("id", "code", "kind", *PlanBody.model_fields)},
                prices=[
                    SoldPrice(**{name: one._mapping[name] for name in names}, held_by=held.get(one.id, 0))
                    for one in prices
                    if one.plan_id == row.id
                ],
            )
            for row in plans
        ]


@router.post("/catalogue", status_code=HTTPStatus.CREATED)
def offer_plan(new: NewPlan, services: ServicesDep, owner: Owner) -> Made:
    """A new plan, which is sold once it has a price."""
    terms = _terms(new)
    with services.db.write() as conn:
        made = make_plan(
            conn,
            organisation_id=owner.organisation_id,
            legal_entity_id=new.legal_entity_id,
            code=new.code,
            kind=new.kind,
            terms=terms,
            by=_by(services, owner),
        )
    return Made(id=made)


@router.put("/catalogue/{plan_id}", status_code=HTTPStatus.NO_CONTENT)
def edit_plan(plan_id: PathId, new: PlanBody, services: ServicesDep, owner: Owner) -> None:
    """Have the plan be so from now on, for everybody who has it; prices and contracts stay."""
    with services.db.write() as conn:
        change_plan(
            conn,
            organisation_id=owner.organisation_id,
            plan_id=plan_id,
            terms=_terms(new),
            by=_by(services, owner),
        )


@router.post("/catalogue/{plan_id}/prices", status_code=HTTPStatus.CREATED)
def set_price(plan_id: PathId, new: NewPrice, services: ServicesDep, owner: Owner) -> Made:
    """Sell at this price from now on in place of the one of the same interval, term, instalments and audience.

    Contracts that were signed at that one keep it.
    """
    with services.db.write() as conn:
        made = replace_price(
            conn,
            organisation_id=owner.organisation_id,
            plan_id=plan_id,
            amount_minor=new.amount_minor,
            interval=Interval(new.interval_unit, new.interval_count),
            term_months=new.term_months,
            tax_inclusive=new.tax_inclusive,
            taxable=new.taxable,
            tax_category=new.tax_category,
            extras=Extras(
                times=new.times,
                joining_minor=new.joining_minor,
                trial_days=new.trial_days,
                instalments=new.instalments,
                audience=new.audience,
            ),
            terms=new.terms,
            by=_by(services, owner),
        )
    return Made(id=made)


def _terms(new: PlanBody) -> PlanTerms:
    try:
        visits = (
            None if new.visits is None else PlanVisits.from_body({str(per): most for per, most in new.visits.items()})
        )
    except ValueError as error:
        raise CatalogueError(str(error)) from error
    sites = tuple(new.sites) if isinstance(new.sites, list) else new.sites
    return PlanTerms(name=new.name, zones=tuple(new.zones), schedule=new.schedule, sites=sites, visits=visits)


def _by(services: ServicesDep, who: Principal) -> Changer:
    return Changer(who=who, real_ms=services.clock.real_ms())
