"""Coupons for owners: what is offered, how often it was used; a new one, and one taken no more."""

import datetime
import re
from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import select

from portillon_cloud.billing.coupons import CouponTerms, coupons_of, end_coupon, make_coupon
from portillon_cloud.billing.errors import CatalogueError
from portillon_cloud.billing.offer import Gift
from portillon_cloud.billing.tables import plan
from portillon_cloud.clock.local import local_date
from portillon_cloud.http.dependencies import ServicesDep
from portillon_cloud.http.paging import PathId
from portillon_cloud.http.services import Services
from portillon_cloud.identity.roles import Permission
from portillon_cloud.money import PPM
from portillon_cloud.reports.book import book_of
from portillon_cloud.web.pages.plans import said
from portillon_cloud.web.plan_form import UNREAD, PlanFormError, money_typed, read
from portillon_cloud.web.plan_words import PlanWords
from portillon_cloud.web.rendering import Notice, page
from portillon_cloud.web.settings import Number, Setting, Tick, kind_of, typed_lists
from portillon_cloud.web.visit import Visit, genuine_form, visit_with
from portillon_cloud.web.wording import N_

router = APIRouter()
Reader = Annotated[Visit, Depends(visit_with(Permission.SEE_MONEY))]
Owner = Annotated[Visit, Depends(visit_with(Permission.SET_RULES))]
Lists = Annotated[dict[str, list[str]], Depends(typed_lists)]
_CODE = re.compile(r"[A-Z0-9-]{1,20}")
DONE = N_("Done.")
NOTHING = N_("Nothing was changed: a coupon gives a share, an amount, or no joining fee.")
TAKEN = N_("Nothing was changed: there is a coupon of that code. Its uses stand; choose another code.")
OFF = N_("Amount off each period")
SETTINGS: Mapping[str, Setting] = {
    "share_percent": Number(
        label=N_("Off each period"), unit=N_("per cent"), least=1, most=100, none=0, example=N_("100: free.")
    ),
    "cycles": Number(
        label=N_("For the first so many"), unit=N_("periods"), least=1, most=120, example=N_("Empty: for good.")
    ),
    "waives_joining": Tick(label=N_("No joining fee"), example=N_("Alone, or beside what is off.")),
    "uses_most": Number(
        label=N_("Used in all at most"), unit=N_("times"), least=1, most=1_000_000, example=N_("Empty: no limit.")
    ),
    "member_uses_most": Number(
        label=N_("Used by one member at most"), unit=N_("times"), least=1, most=100, none=1, example=N_("Empty: once.")
    ),
}


@router.get("/coupons")
def coupons_page(services: ServicesDep, reader: Reader, done: bool = False) -> Response:
    """Every coupon that was ever offered."""
    return _draw(services, reader, notice=Notice("ok", reader.words.say(DONE)) if done else None)


@router.post("/coupons", dependencies=[Depends(genuine_form)])
def new_coupon_form(services: ServicesDep, owner: Owner, typed: Lists) -> Response:
    """It is taken from now on; or the page again with what is wrong."""
    organisation_id = owner.principal.organisation_id
    try:
        with services.db.write() as conn:
            terms = _coupon(typed, book_of(conn, organisation_id, None).currency)
            now_ms = owner.organisation.clock.business_ms
            make_coupon(conn, organisation_id, terms, by=owner.principal.name, now_ms=now_ms)
    except PlanFormError as error:
        return _draw(services, owner, typed=typed, notice=said(owner, error), status=422)
    except CatalogueError as error:
        text = TAKEN if str(error).startswith("code") else NOTHING
        return _draw(services, owner, typed=typed, notice=Notice("bad", owner.words.say(text)), status=409)
    return RedirectResponse("/coupons?done=true", 303)


@router.post("/coupons/{coupon_id}/end", dependencies=[Depends(genuine_form)])
def end_form(coupon_id: PathId, services: ServicesDep, owner: Owner) -> Response:
    """It is taken no more; who has used it keeps what it gives."""
    with services.db.write() as conn:
        end_coupon(conn, owner.principal.organisation_id, coupon_id)
    return RedirectResponse("/coupons?done=true", 303)


def _coupon(typed: Mapping[str, list[str]], currency: str) -> CouponTerms:
    one = {name: values[0].strip() for name, values in typed.items() if values}
    chosen, code = read(SETTINGS, one), one.get("code", "").upper()
    if _CODE.fullmatch(code) is None:
        raise PlanFormError(UNREAD, N_("Code"))
    try:
        until_on = datetime.date.fromisoformat(one["valid_until_on"]) if one.get("valid_until_on") else None
        plans = tuple(int(text) for text in typed.get("plans", ()))
    except ValueError as error:
        raise PlanFormError(UNREAD, N_("Taken until")) from error
    return CouponTerms(
        gift=Gift(
            code=code,
            share_ppm=chosen["share_percent"] * (PPM // 100),
            amount_minor=money_typed(one.get("amount", ""), currency, OFF),
            cycles=chosen["cycles"],
            waives_joining=chosen["waives_joining"],
        ),
        plans=plans or None,
        valid_until_on=until_on,
        uses_most=chosen["uses_most"],
        member_uses_most=chosen["member_uses_most"],
    )


def _draw(
    services: Services,
    visit: Visit,
    *,
    typed: Mapping[str, list[str]] | None = None,
    notice: Notice | None = None,
    status: int = 200,
) -> Response:
    organisation_id = visit.principal.organisation_id
    with services.db.read() as conn:
        coupons = coupons_of(conn, organisation_id)
        names = select(plan.c.id, plan.c.name).where(plan.c.organisation_id == organisation_id).order_by(plan.c.id)
        plans = {row.id: row.name for row in conn.execute(names)}
        currency = book_of(conn, organisation_id, None).currency
    return page(
        "plans/coupons.html",
        visit,
        status=status,
        notice=notice,
        coupons=coupons,
        plans=plans,
        currency=currency,
        today=local_date(visit.organisation.clock.business_ms, visit.organisation.time_zone),
        typed=typed or {},
        settings=SETTINGS,
        kind_of=kind_of,
        off_label=OFF,
        said=PlanWords(visit.words),
        may_sell=visit.principal.may(Permission.SET_RULES),
    )
