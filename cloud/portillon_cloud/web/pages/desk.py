"""The front desk: type a number or a name, see green or red with the reason, do the one thing."""

import datetime
import secrets
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import RedirectResponse, Response

from portillon_cloud.access.errors import UnknownSiteError
from portillon_cloud.clock.local import local_date
from portillon_cloud.desk.instalments import Every
from portillon_cloud.desk.payment_plan import PlanAsked
from portillon_cloud.desk.person import at_desk
from portillon_cloud.desk.plan_view import PlanView, plans_of
from portillon_cloud.desk.policy import limits
from portillon_cloud.desk.search import FOUND_MOST, find
from portillon_cloud.http.dependencies import ServicesDep
from portillon_cloud.http.paging import ID_MAX, PathId
from portillon_cloud.http.problem import not_found
from portillon_cloud.http.services import Services
from portillon_cloud.identity.roles import Permission
from portillon_cloud.money import Money
from portillon_cloud.payments.tables import Means
from portillon_cloud.reports.invoice_view import payments_of
from portillon_cloud.reports.organisation_view import sites_of
from portillon_cloud.web.amount import amount_text
from portillon_cloud.web.desk_words import DeskWords
from portillon_cloud.web.rendering import Notice, page
from portillon_cloud.web.visit import Visit, visit_with
from portillon_cloud.web.wording import N_

router = APIRouter()
Cashier = Annotated[Visit, Depends(visit_with(Permission.TAKE_PAYMENT))]
Site = Annotated[int | None, Query(ge=1, le=ID_MAX)]
DESK_MEANS = (Means.TERMINAL, Means.CASH, Means.CHEQUE, Means.TRANSFER)
PAYMENTS_SHOWN = 5


class Done(StrEnum):
    """What was just done at the desk."""

    PAID = "paid"
    GRACE = "grace"
    PROMISED = "promised"
    WAIVED = "waived"
    PLAN = "plan"


DONE = {
    Done.PAID: N_("The payment is recorded. If it opens the door, every turnstile knows within a second."),
    Done.GRACE: N_("Given. Every turnstile knows it within a second."),
    Done.PROMISED: N_("Noted. Until the morning after nothing is shut and nobody is reminded."),
    Done.WAIVED: N_("Waived. They owe it no longer."),
    Done.PLAN: N_("Agreed. They are told the days in writing."),
}


@dataclass(frozen=True, slots=True)
class Shown:
    """Instalments that are looked at before they are agreed."""

    asked: PlanAsked
    view: PlanView


@router.get("/desk")
def desk_page(
    services: ServicesDep, cashier: Cashier, q: Annotated[str, Query(max_length=100)] = "", site: Site = None
) -> Response:
    """The search; whoever is found alone is shown at once."""
    with services.db.read() as conn:
        found = find(conn, services.keyring, organisation_id=cashier.principal.organisation_id, asked=q)
        sites = sites_of(conn, cashier.principal.organisation_id)
    if len(found) == 1:
        return RedirectResponse(f"/desk/members/{found[0].id}{_at(site)}", 303)
    return page(
        "desk/desk.html",
        cashier,
        found=found,
        asked=q,
        most=FOUND_MOST,
        sites=sites,
        site=site,
        may_set_limits=cashier.principal.may(Permission.MANAGE_STAFF),
    )


@router.get("/desk/members/{member_id}")
def person_page(
    member_id: PathId, services: ServicesDep, cashier: Cashier, site: Site = None, done: Done | None = None
) -> Response:
    """Green or red, why, what is owed, what comes next, and the one thing to do."""
    notice = None if done is None else Notice("ok", cashier.words.say(DONE[done]))
    return draw_person(services, cashier, member_id, site=site, notice=notice)


def draw_person(
    services: Services,
    cashier: Visit,
    member_id: int,
    *,
    site: int | None = None,
    notice: Notice | None = None,
    shown: Shown | None = None,
    status: int = 200,
) -> Response:
    """The person's page. Raises Problem 404."""
    organisation_id, words = cashier.principal.organisation_id, cashier.words
    with services.db.read() as conn:
        try:
            found = at_desk(
                conn,
                services.keyring,
                organisation_id=organisation_id,
                member_id=member_id,
                now_ms=cashier.organisation.clock.business_ms,
                site_id=site,
            )
        except UnknownSiteError:
            raise not_found("site") from None
        if found is None:
            raise not_found("member")
        payments = payments_of(conn, organisation_id=organisation_id, account_id=found.account_id, limit=PAYMENTS_SHOWN)
        plan = next(iter(plans_of(conn, organisation_id, found.account_id)), None)
        may = limits(conn, organisation_id, owner=cashier.principal.may(Permission.KEEP_BOOKS))
        sites = sites_of(conn, organisation_id)
    today = local_date(cashier.organisation.clock.business_ms, cashier.organisation.time_zone)
    due = found.overdue or Money(sum(one.amount.amount_minor for one in found.owed), found.currency)
    return page(
        "desk/person.html",
        cashier,
        status=status,
        notice=notice,
        person=found,
        said=DeskWords(words),
        payments=payments,
        plan=plan,
        shown=shown,
        may=may,
        sites=sites,
        site=site,
        at=_at(site),
        today=today,
        grace_last=today + datetime.timedelta(days=may.grace_days_most),
        plan_last=today + datetime.timedelta(days=may.plan_days_most),
        every=list(Every),
        means=DESK_MEANS,
        due=due,
        amount=amount_text(due, words) if due.amount_minor else "",
        request_key=secrets.token_urlsafe(16),
    )


def _at(site: int | None) -> str:
    return "" if site is None else f"?site={site}"
