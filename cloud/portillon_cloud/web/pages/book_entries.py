"""Entries by hand: deposits, and money that moved between till, bank and provider; and who did what."""

import datetime
import secrets
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Connection, Row, select

from portillon_cloud.access.account_lock import lock_account
from portillon_cloud.accounting.acts import Before, acts
from portillon_cloud.accounting.own_book import own_book
from portillon_cloud.clock.local import local_date
from portillon_cloud.http.dependencies import ServicesDep
from portillon_cloud.http.paging import ID_MAX
from portillon_cloud.http.problem import not_found
from portillon_cloud.http.services import Services
from portillon_cloud.identity.roles import Permission
from portillon_cloud.ledger.errors import PeriodClosedError, PostingError
from portillon_cloud.ledger.manual import ManualEntry, deposit_minor, record
from portillon_cloud.ledger.tables import ManualKind, manual_entry
from portillon_cloud.members.tables import account
from portillon_cloud.reports.book import book_of, books_of
from portillon_cloud.web.act_words import ENTRIES, ActWords
from portillon_cloud.web.amount import AmountError, amount_minor
from portillon_cloud.web.rendering import Notice, page
from portillon_cloud.web.report_words import ReportWords
from portillon_cloud.web.visit import Visit, genuine_form, visit_with
from portillon_cloud.web.wording import N_

router = APIRouter()
Keeper = Annotated[Visit, Depends(visit_with(Permission.KEEP_BOOKS))]
Number = Annotated[int | None, Query(ge=1, le=ID_MAX)]
SHOWN = 50
PAYERS_SHOWN = 20
_FIRST = datetime.date(2000, 1, 1)

DEPOSITS = tuple(kind for kind in ManualKind if kind.value.startswith("deposit"))
MOVES = tuple(kind for kind in ManualKind if kind not in DEPOSITS)

ENTERED = N_("The entry is in the book. Who made it, when and why stays on record.")
NO_AMOUNT = N_("Write the amount as a number, for example 49.99.")
NOT_THAT_DAY = N_("That day has not come, or is too far back.")
DAY_CLOSED = N_("That day lies in a closed month. Enter it on a later day, or open the month again first.")
TOO_MUCH_BACK = N_("That is more than is held as a deposit. Give back at most that.")


@router.get("/books/entries")
def entries_page(
    services: ServicesDep,
    keeper: Keeper,
    entity: Number = None,
    payer: Number = None,
    who: Annotated[str, Query(max_length=100)] = "",
    done: bool = False,
) -> Response:
    """What was entered, and a form for more; of a deposit the payer is chosen first."""
    notice = Notice("ok", keeper.words.say(ENTERED)) if done else None
    return _draw(services, keeper, entity, payer, who=who.strip(), notice=notice)


@router.post("/books/entries", dependencies=[Depends(genuine_form)])
def entry_form(
    services: ServicesDep,
    keeper: Keeper,
    entity: Annotated[int, Form(ge=1, le=ID_MAX)],
    kind: Annotated[ManualKind, Form()],
    amount: Annotated[str, Form(max_length=30)],
    occurred_on: Annotated[datetime.date, Form()],
    reason: Annotated[str, Form(min_length=1, max_length=500, pattern=r"\S")],
    request_key: Annotated[str, Form(min_length=8, max_length=64)],
    payer: Annotated[int | None, Form(ge=1, le=ID_MAX)] = None,
) -> Response:
    """Enter it once, however often the button is pressed; or the form again with what was wrong."""
    organisation = keeper.organisation
    try:
        if not _FIRST <= occurred_on <= local_date(organisation.clock.business_ms, organisation.time_zone):
            return _refused(services, keeper, entity, payer, NOT_THAT_DAY)
        with services.db.write() as conn:
            book = own_book(conn, organisation.id, entity)
            named = None
            if kind in DEPOSITS:
                named = _payer(conn, organisation.id, book.legal_entity_id, payer).id
                lock_account(conn, named)
            said = ManualEntry(
                kind=kind,
                amount_minor=amount_minor(amount, book.currency),
                occurred_on=occurred_on,
                by=keeper.principal.name,
                reason=reason,
                request_key=f"staff:{keeper.principal.id}:{request_key}",
                account_id=named,
            )
            record(conn, book, said, now_ms=organisation.clock.business_ms)
    except AmountError:
        return _refused(services, keeper, entity, payer, NO_AMOUNT)
    except PeriodClosedError:
        return _refused(services, keeper, entity, payer, DAY_CLOSED)
    except PostingError:
        return _refused(services, keeper, entity, payer, TOO_MUCH_BACK)
    back = f"&payer={payer}" if payer is not None else ""
    return RedirectResponse(f"/books/entries?entity={entity}{back}&done=true", 303)


@router.get("/books/acts")
def acts_page(
    services: ServicesDep,
    keeper: Keeper,
    before: Annotated[str | None, Query(pattern=r"^\d{1,16}:[a-z_]+ \d{1,19}$")] = None,
) -> Response:
    """Who did what to contracts and money, the newest first."""
    ended = None
    if before is not None:
        at_ms, _, subject = before.partition(":")
        ended = Before(int(at_ms), subject)
    with services.db.read() as conn:
        found = list(acts(conn, keeper.principal.organisation_id, limit=SHOWN + 1, before=ended))
    shown = found[:SHOWN]
    older = f"{shown[-1].at_ms}:{shown[-1].subject}" if len(found) > SHOWN else None
    return page(
        "billing/acts.html", keeper, acts=shown, older=older, begun=before is not None, said=ActWords(keeper.words)
    )


def _refused(services: Services, keeper: Visit, entity: int, payer: int | None, why: str) -> Response:
    return _draw(services, keeper, entity, payer, notice=Notice("bad", keeper.words.say(why)), status=422)


def _draw(
    services: Services,
    keeper: Visit,
    entity: int | None,
    payer: int | None,
    *,
    who: str = "",
    notice: Notice | None = None,
    status: int = 200,
) -> Response:
    organisation = keeper.organisation
    column, named = manual_entry.c, account.c
    with services.db.read() as conn:
        book = book_of(conn, organisation.id, entity)
        chosen = None if payer is None else _payer(conn, organisation.id, book.legal_entity_id, payer)
        held_minor = 0 if chosen is None else deposit_minor(conn, chosen.id)
        ours = (named.organisation_id == organisation.id, named.legal_entity_id == book.legal_entity_id)
        found = (
            conn.execute(
                select(named.id, named.name, named.email)
                .where(*ours, named.name.icontains(who, autoescape=True))
                .order_by(named.name, named.id)
                .limit(PAYERS_SHOWN)
            ).all()
            if who
            else []
        )
        entries = conn.execute(
            select(manual_entry, named.name.label("payer"))
            .outerjoin(account, named.id == column.account_id)
            .where(column.organisation_id == organisation.id, column.legal_entity_id == book.legal_entity_id)
            .order_by(column.recorded_at_ms.desc(), column.id.desc())
            .limit(SHOWN)
        ).all()
        books = books_of(conn, organisation.id)
    return page(
        "billing/entries.html",
        keeper,
        status=status,
        notice=notice,
        book=book,
        books=books,
        payer=chosen,
        held_minor=held_minor,
        who=who,
        found=found,
        entries=entries,
        kinds=MOVES if chosen is None else DEPOSITS,
        names=ENTRIES,
        today=local_date(organisation.clock.business_ms, organisation.time_zone),
        request_key=secrets.token_urlsafe(16),
        said=ReportWords(keeper.words, book.currency),
    )


def _payer(conn: Connection, organisation_id: int, legal_entity_id: int, payer: int | None) -> Row[Any, Any]:
    """Raises Problem 404."""
    column = account.c
    found = conn.execute(
        select(column.id, column.name).where(
            column.id == payer,
            column.organisation_id == organisation_id,
            column.legal_entity_id == legal_entity_id,
        )
    ).one_or_none()
    if found is None:
        raise not_found("account")
    return found
