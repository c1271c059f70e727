"""What is sold: every plan with its prices, made, edited, sold at a new price, and sold no more."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form
from fastapi.responses import RedirectResponse, Response
from portillon_rules.entitlement import ALWAYS
from sqlalchemy import Connection, Row, select

from portillon_cloud.access.errors import UnknownSiteError
from portillon_cloud.access.tables import schedule
from portillon_cloud.billing.catalogue import PlanKind, Price, prices_of_entity
from portillon_cloud.billing.errors import CatalogueError
from portillon_cloud.billing.selling import (
    change_plan,
    held_at,
    make_plan,
    replace_price,
    replaced_by,
    stop_selling,
)
from portillon_cloud.billing.tables import plan
from portillon_cloud.http.dependencies import ServicesDep
from portillon_cloud.http.paging import ID_MAX, PathId
from portillon_cloud.http.problem import not_found
from portillon_cloud.http.services import Services
from portillon_cloud.identity.roles import Permission
from portillon_cloud.members.tables import site
from portillon_cloud.reports.book import Book, books_of
from portillon_cloud.reports.organisation_view import sites_of
from portillon_cloud.web.plan_form import (
    FREEZE,
    PRICE,
    TERMS,
    VISITS,
    WHYS,
    PlanFormError,
    PriceTyped,
    plan_typed,
    price_fields,
    price_typed,
)
from portillon_cloud.web.plan_words import KINDS, PlanWords
from portillon_cloud.web.rendering import Notice, page
from portillon_cloud.web.settings import kind_of, typed_fields, typed_lists
from portillon_cloud.web.visit import Visit, genuine_form, visit_with
from portillon_cloud.web.wording import N_

router = APIRouter()
Reader = Annotated[Visit, Depends(visit_with(Permission.SEE_MONEY))]
Owner = Annotated[Visit, Depends(visit_with(Permission.SET_RULES))]
Typed = Annotated[dict[str, str], Depends(typed_fields)]
Lists = Annotated[dict[str, list[str]], Depends(typed_lists)]
NOT_SO = N_("Nothing was changed: somebody changed sites, zones or hours meanwhile. Look at it again.")


class Done(StrEnum):
    """What was just done on this page."""

    MADE = "made"
    EDITED = "edited"
    SOLD = "sold"
    STOPPED = "stopped"


DONE: Mapping[Done, str] = {
    Done.MADE: N_("The plan is there. Give it a price, and it can be sold."),
    Done.EDITED: N_("Noted. It is so for everybody who has the plan, at every door within a second."),
    Done.SOLD: N_("From now on it is sold at this price."),
    Done.STOPPED: N_("Sold no more at that price. Who has it keeps it."),
}


@router.get("/plans")
def plans_page(services: ServicesDep, reader: Reader) -> Response:
    """Every plan: what it opens, what it is sold at, and who is at an older price."""
    return _draw_all(services, reader)


@router.post("/plans", dependencies=[Depends(genuine_form)])
def new_plan_form(
    services: ServicesDep,
    owner: Owner,
    typed: Lists,
    legal_entity_id: Annotated[int, Form(ge=1, le=ID_MAX)],
    code: Annotated[str, Form(max_length=64, pattern=r"^([A-Za-z0-9][A-Za-z0-9_.-]*)?$")] = "",
    kind: Annotated[PlanKind, Form()] = PlanKind.MEMBERSHIP,
) -> Response:
    """A plan, which wants a price next; or the page again with what is missing."""
    try:
        terms = plan_typed(typed)
        if not code:
            raise PlanFormError(WHYS["code"])
        with services.db.write() as conn:
            made = make_plan(
                conn,
                organisation_id=owner.principal.organisation_id,
                legal_entity_id=legal_entity_id,
                code=code,
                kind=kind,
                terms=terms,
                by=owner.changer,
            )
    except PlanFormError as error:
        return _draw_all(services, owner, typed=typed, notice=said(owner, error), status=422)
    except CatalogueError as error:
        text = WHYS["code"] if "already" in str(error) else NOT_SO
        return _draw_all(services, owner, typed=typed, notice=Notice("bad", owner.words.say(text)), status=409)
    except UnknownSiteError:
        return _draw_all(services, owner, typed=typed, notice=Notice("bad", owner.words.say(NOT_SO)), status=409)
    return _to(made, Done.MADE)


@router.get("/plans/{plan_id}")
def plan_page(
    plan_id: PathId,
    services: ServicesDep,
    owner: Owner,
    like: int = 0,
    done: Done | None = None,
) -> Response:
    """One plan to be edited and priced; `like`: the new price begins as this one."""
    notice = None if done is None else Notice("ok", owner.words.say(DONE[done]))
    return _draw_one(services, owner, plan_id, like=like, notice=notice)


@router.post("/plans/{plan_id}", dependencies=[Depends(genuine_form)])
def plan_form(plan_id: PathId, services: ServicesDep, owner: Owner, typed: Lists) -> Response:
    """The plan is so from now on, for all who have it; or the page again with what is wrong."""
    try:
        terms = plan_typed(typed)
        with services.db.write() as conn:
            change_plan(
                conn,
                organisation_id=owner.principal.organisation_id,
                plan_id=plan_id,
                terms=terms,
                by=owner.changer,
            )
    except PlanFormError as error:
        return _draw_one(services, owner, plan_id, edited=typed, notice=said(owner, error), status=422)
    except (CatalogueError, UnknownSiteError):
        notice = Notice("bad", owner.words.say(NOT_SO))
        return _draw_one(services, owner, plan_id, edited=typed, notice=notice, status=409)
    return _to(plan_id, Done.EDITED)


@router.get("/plans/{plan_id}/prices")
def prices_page(plan_id: PathId, _owner: Owner) -> Response:
    """Where the language is changed or the page read anew before a price is confirmed: nothing was sold yet."""
    return RedirectResponse(f"/plans/{plan_id}", 303)


@router.post("/plans/{plan_id}/prices", dependencies=[Depends(genuine_form)])
def price_form(
    plan_id: PathId, services: ServicesDep, owner: Owner, typed: Typed, confirmed: Annotated[bool, Form()] = False
) -> Response:
    """Say what is sold at this price, and who keeps the one before; once confirmed, sell at it."""
    organisation_id = owner.principal.organisation_id
    with services.db.read() as conn:
        book = _book(conn, organisation_id, _plan(conn, organisation_id, plan_id).legal_entity_id)
    try:
        asked = price_typed(typed, book.currency)
    except PlanFormError as error:
        return _draw_one(services, owner, plan_id, priced=typed, notice=said(owner, error), status=422)
    if not confirmed:
        return _draw_one(services, owner, plan_id, priced=typed, asked=asked)
    with services.db.write() as conn:
        replace_price(
            conn,
            organisation_id=organisation_id,
            plan_id=plan_id,
            amount_minor=asked.amount_minor,
            interval=asked.interval,
            term_months=asked.term_months,
            tax_inclusive=asked.tax_inclusive,
            taxable=asked.taxable,
            tax_category=asked.tax_category,
            extras=asked.extras,
            terms=asked.terms,
            by=owner.changer,
        )
    return _to(plan_id, Done.SOLD)


@router.post("/plans/{plan_id}/prices/{price_id}/stop", dependencies=[Depends(genuine_form)])
def stop_form(plan_id: PathId, price_id: PathId, services: ServicesDep, owner: Owner) -> Response:
    """Nobody signs at this price any more; who has it keeps it."""
    with services.db.write() as conn:
        stop_selling(conn, organisation_id=owner.principal.organisation_id, price_id=price_id, by=owner.changer)
    return _to(plan_id, Done.STOPPED)


def said(visit: Visit, error: PlanFormError) -> Notice:
    """What is wrong with a form."""
    return Notice(
        "bad", visit.words.say(error.text, **({"field": visit.words.say(error.field)} if error.field else {}))
    )


def _draw_all(
    services: Services,
    visit: Visit,
    *,
    typed: Mapping[str, Sequence[str]] | None = None,
    notice: Notice | None = None,
    status: int = 200,
) -> Response:
    organisation_id = visit.principal.organisation_id
    with services.db.read() as conn:
        plans = conn.execute(select(plan).where(plan.c.organisation_id == organisation_id).order_by(plan.c.id)).all()
        books = books_of(conn, organisation_id)
        prices = [one for book in books for one in prices_of_entity(conn, book.legal_entity_id).values()]
        context = _context(conn, visit, prices)
    prices.sort(key=lambda one: one.id, reverse=True)
    return page(
        "plans/plans.html",
        visit,
        status=status,
        notice=notice,
        plans=plans,
        sold={row.id: [one for one in prices if one.plan_id == row.id and one.active] for row in plans},
        older={
            row.id: [one for one in prices if one.plan_id == row.id and not one.active and context["held"].get(one.id)]
            for row in plans
        },
        books=books,
        kinds=KINDS,
        planned=_fields(None, typed),
        typed=typed,
        **context,
    )


def _draw_one(
    services: Services,
    visit: Visit,
    plan_id: int,
    *,
    like: int = 0,
    edited: Mapping[str, Sequence[str]] | None = None,
    priced: Mapping[str, str] | None = None,
    asked: PriceTyped | None = None,
    notice: Notice | None = None,
    status: int = 200,
) -> Response:
    organisation_id = visit.principal.organisation_id
    with services.db.read() as conn:
        row = _plan(conn, organisation_id, plan_id)
        book = _book(conn, organisation_id, row.legal_entity_id)
        prices = [one for one in prices_of_entity(conn, book.legal_entity_id).values() if one.plan_id == plan_id]
        context = _context(conn, visit, prices)
        gone = [] if asked is None else _replaced(conn, plan_id, asked)
    prices.sort(key=lambda one: one.id, reverse=True)
    begun = next((one for one in prices if one.id == like), None)
    ready = price_fields(begun, visit.words, tax_inclusive=book.tax_regime not in ("ca-qc", "none"))
    if priced is not None:
        ready = {**{name: "" for name in ready}, **{name: priced[name] for name in ready if name in priced}}
    return page(
        "plans/plan.html",
        visit,
        status=status,
        notice=notice,
        plan=row,
        sold=[one for one in prices if one.active],
        older=[one for one in prices if not one.active],
        gone=[one for one in prices if one.id in gone],
        shown=None if asked is None else _as_price(asked, row, book),
        priced=priced or {},
        open_price=bool(like or priced),
        planned=_fields(row, edited),
        ready=ready,
        currency=book.currency,
        settings=(PRICE, TERMS, FREEZE),
        **context,
    )


def _replaced(conn: Connection, plan_id: int, asked: PriceTyped) -> list[int]:
    return replaced_by(
        conn, plan_id=plan_id, interval=asked.interval, term_months=asked.term_months, extras=asked.extras
    )


def _as_price(asked: PriceTyped, row: Row[Any], book: Book) -> Price:
    """What would be sold, to be said like what is."""
    return Price(
        id=0,
        organisation_id=book.organisation_id,
        legal_entity_id=book.legal_entity_id,
        plan_id=row.id,
        plan_name=row.name,
        amount_minor=asked.amount_minor,
        currency=book.currency,
        interval=asked.interval,
        tax_inclusive=asked.tax_inclusive,
        taxable=asked.taxable,
        tax_category=asked.tax_category,
        term_months=asked.term_months,
        extras=asked.extras,
        terms=asked.terms,
    )


def _context(conn: Connection, visit: Visit, prices: Sequence[Price]) -> dict[str, Any]:
    """What both pages say things with."""
    organisation_id = visit.principal.organisation_id
    sites = sites_of(conn, organisation_id)
    zones = conn.scalars(select(site.c.zones).where(site.c.organisation_id == organisation_id))
    hours = conn.scalars(select(schedule.c.name).where(schedule.c.organisation_id == organisation_id).distinct())
    return {
        "held": held_at(conn, [one.id for one in prices]),
        "sites": sites,
        "site_names": {one.id: one.name for one in sites},
        "zones": sorted({zone for names in zones for zone in names}),
        "hours": [ALWAYS, *sorted(set(hours) - {ALWAYS})],
        "said": PlanWords(visit.words),
        "visit_settings": VISITS,
        "kind_of": kind_of,
        "may_sell": visit.principal.may(Permission.SET_RULES),
    }


def _fields(row: Row[Any] | None, typed: Mapping[str, Sequence[str]] | None) -> dict[str, Any]:
    """What stands in the form of a plan: as it was typed, as it is, or as is usual."""
    if typed is not None:
        one = {name: values[0] for name, values in typed.items() if values}
        return {
            "name": one.get("name", ""),
            "zones": list(typed.get("zones", ())),
            "schedule": one.get("schedule", ALWAYS),
            "where": one.get("where", "home"),
            "sites": list(typed.get("sites", ())),
            "visits": {name: one.get(name, "") for name in VISITS},
        }
    if row is None:
        blank = {name: None for name in VISITS}
        return {"name": "", "zones": [], "schedule": ALWAYS, "where": "home", "sites": [], "visits": blank}
    where = "home" if row.sites is None else "all" if row.sites == "all" else "some"
    return {
        "name": row.name,
        "zones": row.zones,
        "schedule": row.schedule,
        "where": where,
        "sites": [str(one) for one in row.sites] if where == "some" else [],
        "visits": {name: (row.visits or {}).get(name.removeprefix("visits_")) for name in VISITS},
    }


def _plan(conn: Connection, organisation_id: int, plan_id: int) -> Row[Any]:
    """Raises Problem 404."""
    row = conn.execute(
        select(plan).where(plan.c.id == plan_id, plan.c.organisation_id == organisation_id)
    ).one_or_none()
    if row is None:
        raise not_found("plan")
    return row


def _book(conn: Connection, organisation_id: int, legal_entity_id: int) -> Book:
    return next(one for one in books_of(conn, organisation_id) if one.legal_entity_id == legal_entity_id)


def _to(plan_id: int, done: Done) -> Response:
    return RedirectResponse(f"/plans/{plan_id}?done={done}", 303)
