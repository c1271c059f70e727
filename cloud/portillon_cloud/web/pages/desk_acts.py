"""What is done at the desk: a payment, grace, a promise, a waiver, instalments. Each once, however often it is sent."""

import datetime
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Connection

from portillon_cloud.desk.grace import GraceAsked, give_grace
from portillon_cloud.desk.instalments import Every
from portillon_cloud.desk.letters import write_pay_link
from portillon_cloud.desk.payment_plan import PlanAsked, agree, preview
from portillon_cloud.desk.plan_view import PlanView
from portillon_cloud.desk.search import Payer, payer_of
from portillon_cloud.desk.tables import PlanState
from portillon_cloud.desk.waiving import waive
from portillon_cloud.dunning.promises import PromiseTaken, take_promise
from portillon_cloud.http.dependencies import ServicesDep
from portillon_cloud.http.paging import ID_MAX, PathId
from portillon_cloud.http.problem import not_found
from portillon_cloud.http.services import Services
from portillon_cloud.identity.roles import Permission
from portillon_cloud.payments.operations import DeskPayment, take_payment
from portillon_cloud.payments.pay_link import PayLinks
from portillon_cloud.payments.tables import Means
from portillon_cloud.payments.write_off import WriteOff
from portillon_cloud.web.amount import amount_minor
from portillon_cloud.web.desk_words import REFUSALS, DeskWords
from portillon_cloud.web.pages.desk import Cashier, Done, Shown, Site, draw_person
from portillon_cloud.web.rendering import Notice
from portillon_cloud.web.visit import Visit, genuine_form
from portillon_cloud.web.wording import N_

router = APIRouter()
GENUINE = [Depends(genuine_form)]
Amount = Annotated[str, Form(max_length=30)]
Key = Annotated[str, Form(min_length=8, max_length=64)]
Reason = Annotated[str, Form(min_length=1, max_length=200, pattern=r"\S")]
LINK_SENT = N_("The link is on its way to %(email)s.")
NO_ADDRESS = N_("Whoever pays has given no address. Open the page here.")
Act = Callable[[Connection, Payer, int], object]
"""Does it for a payer at a business instant."""


@router.get("/desk/members/{member_id}/{act}")
def where_the_form_is(member_id: PathId, act: str, _cashier: Cashier, site: Site = None) -> Response:
    """Where the language is changed after a refusal: the forms are on the person's page."""
    return RedirectResponse(_page(member_id, site), 303)


@router.post("/desk/members/{member_id}/payment", dependencies=GENUINE)
def payment_form(
    member_id: PathId,
    services: ServicesDep,
    cashier: Cashier,
    amount: Amount,
    means: Annotated[Means, Form()],
    request_key: Key,
    prepay: Annotated[bool, Form()] = False,
    site: Site = None,
) -> Response:
    """Take money; with `prepay` what is more than is owed is kept for what comes."""

    def take(conn: Connection, payer: Payer, now_ms: int) -> object:
        paid = DeskPayment(
            organisation_id=cashier.principal.organisation_id,
            account_id=payer.account_id,
            amount_minor=amount_minor(amount, payer.currency),
            currency=payer.currency,
            means=means,
            request_key=f"staff:{cashier.principal.id}:{request_key}",
            taken_by=cashier.principal.name,
            prepay=prepay,
        )
        return take_payment(conn, paid, now_ms=now_ms)

    return _done(services, cashier, member_id, site, Done.PAID, take)


@router.post("/desk/members/{member_id}/grace", dependencies=GENUINE)
def grace_form(
    member_id: PathId,
    services: ServicesDep,
    cashier: Cashier,
    until_on: Annotated[datetime.date, Form()],
    reason: Reason,
    request_key: Key,
    site: Site = None,
) -> Response:
    """Let them in until and with that day."""

    def give(conn: Connection, payer: Payer, now_ms: int) -> object:
        asked = GraceAsked(
            organisation_id=cashier.principal.organisation_id,
            account_id=payer.account_id,
            until_on=until_on,
            by=cashier.principal.name,
            reason=reason,
            request_key=f"staff:{cashier.principal.id}:{request_key}",
            owner=cashier.principal.may(Permission.KEEP_BOOKS),
        )
        return give_grace(conn, asked, now_ms=now_ms)

    return _done(services, cashier, member_id, site, Done.GRACE, give)


@router.post("/desk/members/{member_id}/promise", dependencies=GENUINE)
def promise_form(
    member_id: PathId,
    services: ServicesDep,
    cashier: Cashier,
    pay_on: Annotated[datetime.date, Form()],
    request_key: Key,
    site: Site = None,
) -> Response:
    """Take their word that they pay by that day."""

    def promise(conn: Connection, payer: Payer, now_ms: int) -> object:
        taken = PromiseTaken(
            organisation_id=cashier.principal.organisation_id,
            account_id=payer.account_id,
            pay_on=pay_on,
            by=cashier.principal.name,
            request_key=f"staff:{cashier.principal.id}:{request_key}",
        )
        return take_promise(conn, taken, now_ms=now_ms)

    return _done(services, cashier, member_id, site, Done.PROMISED, promise)


@router.post("/desk/members/{member_id}/waiver", dependencies=GENUINE)
def waiver_form(
    member_id: PathId,
    services: ServicesDep,
    cashier: Cashier,
    invoice_id: Annotated[int, Form(ge=1, le=ID_MAX)],
    amount: Amount,
    reason: Reason,
    request_key: Key,
    site: Site = None,
) -> Response:
    """Waive a part of a bill, as far as whoever asks may."""

    def waived(conn: Connection, payer: Payer, now_ms: int) -> object:
        asked = WriteOff(
            organisation_id=cashier.principal.organisation_id,
            account_id=payer.account_id,
            invoice_id=invoice_id,
            by=cashier.principal.name,
            reason=reason,
            request_key=f"staff:{cashier.principal.id}:{request_key}",
            amount_minor=amount_minor(amount, payer.currency),
        )
        return waive(conn, asked, owner=cashier.principal.may(Permission.KEEP_BOOKS), now_ms=now_ms)

    return _done(services, cashier, member_id, site, Done.WAIVED, waived)


@router.post("/desk/members/{member_id}/plan", dependencies=GENUINE)
def plan_form(
    member_id: PathId,
    services: ServicesDep,
    cashier: Cashier,
    count: Annotated[int, Form(ge=0, le=100)],
    first_on: Annotated[datetime.date, Form()],
    every: Annotated[Every, Form()],
    reason: Reason,
    request_key: Key,
    agreed: Annotated[bool, Form()] = False,
    site: Site = None,
) -> Response:
    """Show the instalments; with `agreed` hold to them."""

    def asked(payer: Payer) -> PlanAsked:
        return PlanAsked(
            organisation_id=cashier.principal.organisation_id,
            account_id=payer.account_id,
            count=count,
            first_on=first_on,
            every=every,
            by=cashier.principal.name,
            reason=reason,
            request_key=f"staff:{cashier.principal.id}:{request_key}",
            owner=cashier.principal.may(Permission.KEEP_BOOKS),
        )

    if agreed:
        return _done(
            services,
            cashier,
            member_id,
            site,
            Done.PLAN,
            lambda conn, payer, now_ms: agree(conn, asked(payer), now_ms=now_ms),
        )
    try:
        with services.db.read() as conn:
            wanted = asked(_payer(conn, cashier, member_id))
            debt, parts = preview(conn, wanted, now_ms=cashier.organisation.clock.business_ms)
    except REFUSALS as error:
        return _refused(services, cashier, member_id, site, error)
    view = PlanView(id=None, total=debt, state=PlanState.AGREED, agreed_by=None, instalments=parts)
    return draw_person(services, cashier, member_id, site=site, shown=Shown(wanted, view))


@router.post("/desk/members/{member_id}/link", dependencies=GENUINE)
def link_form(
    member_id: PathId,
    request: Request,
    services: ServicesDep,
    cashier: Cashier,
    here: Annotated[bool, Form()] = False,
    site: Site = None,
) -> Response:
    """Send the payer the link to the page on which they confirm or give a card; or with `here` open it at the desk."""
    organisation = cashier.organisation
    now_ms = organisation.clock.business_ms
    with services.db.write() as conn:
        payer = _payer(conn, cashier, member_id)
        links = PayLinks.of(services.keyring, str(request.base_url))
        link = links.link(organisation.id, payer.account_id, now_ms=now_ms)
        if here:
            return RedirectResponse(link, 303)
        sent_to = write_pay_link(
            conn, organisation_id=organisation.id, account_id=payer.account_id, link=link, now_ms=now_ms
        )
    if sent_to is None:
        notice = Notice("bad", cashier.words.say(NO_ADDRESS))
        return draw_person(services, cashier, member_id, site=site, notice=notice, status=422)
    notice = Notice("ok", cashier.words.say(LINK_SENT, email=sent_to))
    return draw_person(services, cashier, member_id, site=site, notice=notice)


def _done(services: Services, cashier: Visit, member_id: int, site: int | None, done: Done, act: Act) -> Response:
    try:
        with services.db.write() as conn:
            act(conn, _payer(conn, cashier, member_id), cashier.organisation.clock.business_ms)
    except REFUSALS as error:
        return _refused(services, cashier, member_id, site, error)
    return RedirectResponse(f"{_page(member_id, site)}{'?' if site is None else '&'}done={done}", 303)


def _refused(services: Services, cashier: Visit, member_id: int, site: int | None, error: Exception) -> Response:
    notice = Notice("bad", DeskWords(cashier.words).refused(error))
    return draw_person(services, cashier, member_id, site=site, notice=notice, status=422)


def _payer(conn: Connection, cashier: Visit, member_id: int) -> Payer:
    """Raises Problem 404 for somebody of another organisation."""
    found = payer_of(conn, cashier.principal.organisation_id, member_id)
    if found is None:
        raise not_found("member")
    return found


def _page(member_id: int, site: int | None) -> str:
    return f"/desk/members/{member_id}" + ("" if site is None else f"?site={site}")
