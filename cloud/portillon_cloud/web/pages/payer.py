"""Who pays: what is owed and what comes next, papers, credit, doubts and letters; paying back, and billing again."""

import datetime
import secrets
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Connection

from portillon_cloud.accounting.statement import Statement, StatementLine, statement
from portillon_cloud.billing.event_store import Author
from portillon_cloud.billing.parking import open_doubts, unpark
from portillon_cloud.clock.local import local_date
from portillon_cloud.http.dependencies import ServicesDep
from portillon_cloud.http.paging import PathId
from portillon_cloud.http.problem import not_found
from portillon_cloud.http.services import Services
from portillon_cloud.identity.roles import Permission
from portillon_cloud.ledger.errors import PeriodClosedError
from portillon_cloud.payments.errors import OverpaymentError
from portillon_cloud.payments.questions.operations import questions
from portillon_cloud.payments.refunds import Refund, refund_credit
from portillon_cloud.reports.csv_sheet import csv_sheet
from portillon_cloud.reports.payer_view import PayerView, payer_view
from portillon_cloud.web.amount import AmountError, amount_minor, amount_text
from portillon_cloud.web.payer_words import PayerWords
from portillon_cloud.web.rendering import Notice, page
from portillon_cloud.web.report_words import ReportWords
from portillon_cloud.web.subscription_words import SubscriptionWords
from portillon_cloud.web.visit import Visit, genuine_form, visit_with
from portillon_cloud.web.wording import N_

router = APIRouter()
Reader = Annotated[Visit, Depends(visit_with(Permission.SEE_MONEY))]
Clerk = Annotated[Visit, Depends(visit_with(Permission.CHANGE_MEMBERS))]
Keeper = Annotated[Visit, Depends(visit_with(Permission.KEEP_BOOKS))]
Reason = Annotated[str, Form(min_length=1, max_length=500, pattern=r"\S")]
FirstDay = Annotated[datetime.date | None, Query(alias="from", ge=datetime.date(2000, 1, 1))]
LastDay = Annotated[datetime.date | None, Query(alias="through", le=datetime.date(2199, 12, 31))]
STATEMENT_DAYS = 365
QUESTIONS_SHOWN = 12

PAID_BACK = N_("Noted. It is no credit any more: it waits to be paid back.")
UNPARKED = N_("Noted. The account is billed again, with what waited.")
SOLD = N_("It is sold: the invoice is here. Take the payment now if they pay now.")
BROUGHT_BACK = N_("It is taken back: the credit note is here. It pays what is owed; the rest is credit.")
DONE = {"paid-back": PAID_BACK, "unparked": UNPARKED, "sold": SOLD, "brought-back": BROUGHT_BACK}
NOT_THAT_MUCH = N_("There is not that much credit that no bank disputes. Pay back at most what is there.")
MONTH_CLOSED = N_("This month is closed in the books. Open it again first.")
NO_SUCH_DOUBT = N_("Somebody else was faster: this doubt is settled.")
DAYS_CROSSED = N_("The last day is before the first.")


@router.get("/accounts/{account_id}")
def payer_page(
    account_id: PathId,
    services: ServicesDep,
    reader: Reader,
    from_on: FirstDay = None,
    through_on: LastDay = None,
    done: Annotated[str, Query(pattern="^(paid-back|unparked|sold|brought-back)?$")] = "",
) -> Response:
    """The account as it stands, with the statement of the days asked for; without them of the last year."""
    notice = Notice("ok", reader.words.say(DONE[done])) if done else None
    return _draw(services, reader, account_id, days=(from_on, through_on), notice=notice)


@router.get("/accounts/{account_id}/statement.csv")
def statement_file(
    account_id: PathId, services: ServicesDep, reader: Reader, from_on: FirstDay = None, through_on: LastDay = None
) -> Response:
    """The statement's lines for a spreadsheet."""
    with services.db.read() as conn:
        _known(conn, reader, account_id)
        found = _statement(conn, reader, account_id, (from_on, through_on))
    # A spreadsheet takes UTF-8 for what it is only when the file begins with its mark.
    return Response(
        "\ufeff" + csv_sheet(found.lines, StatementLine, found.currency),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="statement-{account_id}.csv"'},
    )


@router.get("/accounts/{account_id}/refunds")
def refunds_page(account_id: PathId, _keeper: Keeper) -> Response:
    """Where the language is changed after a refusal: the form is on the account's page."""
    return RedirectResponse(f"/accounts/{account_id}", 303)


@router.post("/accounts/{account_id}/refunds", dependencies=[Depends(genuine_form)])
def refund_form(
    account_id: PathId,
    services: ServicesDep,
    keeper: Keeper,
    amount: Annotated[str, Form(max_length=30)],
    reason: Reason,
    request_key: Annotated[str, Form(min_length=8, max_length=64)],
) -> Response:
    """Have credit paid back, once, however often the button is pressed; or say what was wrong."""
    with services.db.read() as conn:
        currency = _known(conn, keeper, account_id).currency
    try:
        with services.db.write() as conn:
            asked = Refund(
                organisation_id=keeper.principal.organisation_id,
                account_id=account_id,
                by=keeper.principal.name,
                reason=reason,
                request_key=f"staff:{keeper.principal.id}:{request_key}",
                amount_minor=amount_minor(amount, currency),
            )
            refund_credit(conn, asked, now_ms=keeper.organisation.clock.business_ms)
    except AmountError:
        problem = N_("Write the amount as a number, for example 49.99.")
    except OverpaymentError:
        problem = NOT_THAT_MUCH
    except PeriodClosedError:
        problem = MONTH_CLOSED
    else:
        return RedirectResponse(f"/accounts/{account_id}?done=paid-back", 303)
    return _draw(services, keeper, account_id, notice=Notice("bad", keeper.words.say(problem)), status=422)


@router.get("/accounts/{account_id}/doubts/{doubt_id}")
def doubt_page(account_id: PathId, doubt_id: PathId, _clerk: Clerk) -> Response:
    """Where the language is changed after a refusal: the form is on the account's page."""
    return RedirectResponse(f"/accounts/{account_id}", 303)


@router.post("/accounts/{account_id}/doubts/{doubt_id}", dependencies=[Depends(genuine_form)])
def unpark_form(account_id: PathId, doubt_id: PathId, services: ServicesDep, clerk: Clerk, reason: Reason) -> Response:
    """Somebody has looked: the account is billed again, with what waited."""
    organisation = clerk.organisation
    author = Author(name=clerk.principal.name, at_ms=organisation.clock.business_ms, reason=reason.strip())
    with services.db.write() as conn:
        mine = [one.id for one in open_doubts(conn, organisation.id) if one.account_id == account_id]
        if doubt_id in mine:
            unpark(conn, organisation.id, doubt_id, author=author)
            return RedirectResponse(f"/accounts/{account_id}?done=unparked", 303)
    return _draw(services, clerk, account_id, notice=Notice("bad", clerk.words.say(NO_SUCH_DOUBT)), status=409)


def _draw(
    services: Services,
    visit: Visit,
    account_id: int,
    *,
    days: tuple[datetime.date | None, datetime.date | None] = (None, None),
    notice: Notice | None = None,
    status: int = 200,
) -> Response:
    first_on, last_on = days
    crossed = first_on is not None and last_on is not None and last_on < first_on
    with services.db.read() as conn:
        payer = _known(conn, visit, account_id)
        told = _statement(conn, visit, account_id, (None, None) if crossed else days)
        asked = questions(conn, visit.organisation.id, account_id=account_id)[:QUESTIONS_SHOWN]
    return page(
        "billing/payer.html",
        visit,
        status=422 if crossed else status,
        notice=Notice("bad", visit.words.say(DAYS_CROSSED)) if crossed else notice,
        payer=payer,
        statement=told,
        asked=asked,
        said=PayerWords(visit.words),
        subscription_words=SubscriptionWords(visit.words),
        money=ReportWords(visit.words, payer.currency).money,
        may_pay_back=visit.principal.may(Permission.KEEP_BOOKS),
        credit=amount_text(payer.credit_total, visit.words),
        request_key=secrets.token_urlsafe(16),
    )


def _known(conn: Connection, visit: Visit, account_id: int) -> PayerView:
    """Raises Problem 404 for an account of nobody here."""
    organisation = visit.organisation
    found = payer_view(
        conn, organisation_id=organisation.id, account_id=account_id, now_ms=organisation.clock.business_ms
    )
    if found is None:
        raise not_found("account")
    return found


def _statement(
    conn: Connection, visit: Visit, account_id: int, days: tuple[datetime.date | None, datetime.date | None]
) -> Statement:
    """Of these days; what is left open is a year that ends with the last day, and that is today."""
    through_on = days[1] or local_date(visit.organisation.clock.business_ms, visit.organisation.time_zone)
    return statement(
        conn,
        organisation_id=visit.organisation.id,
        account_id=account_id,
        from_on=min(days[0] or through_on - datetime.timedelta(days=STATEMENT_DAYS), through_on),
        through_on=through_on,
    )
