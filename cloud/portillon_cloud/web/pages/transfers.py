"""Hand a subscription on to another member: find them, see what it costs both, do it."""

import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Connection, func, or_, select

from portillon_cloud.billing.errors import SubscriptionRefusedError, TransferRefusedError
from portillon_cloud.billing.event_store import Author
from portillon_cloud.billing.subscription import Why
from portillon_cloud.billing.tables import subscription
from portillon_cloud.billing.transfer import Transfer, Transferred, preview, transfer
from portillon_cloud.billing.transfer_tables import Consent
from portillon_cloud.http.dependencies import ServicesDep
from portillon_cloud.http.paging import ID_MAX, PathId
from portillon_cloud.http.problem import not_found
from portillon_cloud.http.services import Services
from portillon_cloud.identity.roles import Permission
from portillon_cloud.members.tables import legal_entity, member
from portillon_cloud.money import Money
from portillon_cloud.web.amount import amount_minor
from portillon_cloud.web.rendering import Notice, page
from portillon_cloud.web.subscription_words import SubscriptionWords
from portillon_cloud.web.visit import Visit, genuine_form, visit_with
from portillon_cloud.web.wording import N_

router = APIRouter()
Clerk = Annotated[Visit, Depends(visit_with(Permission.CHANGE_MEMBERS))]
FOUND_MOST = 20
CONSENTS = {
    Consent.IN_PERSON: N_("Here, in person"),
    Consent.IN_WRITING: N_("In writing"),
    Consent.BY_TELEPHONE: N_("By telephone"),
}
NOT_UNDERSTOOD = N_("Nothing was changed: a day, an amount or a consent is missing, or cannot be.")
NOT_TO_THEM = N_("It cannot be handed on to this member, or not from that day: a pack of visits is handed over today.")
NOBODY = N_("No member is called so, has this e-mail or this number.")


@router.get("/subscriptions/{subscription_id}/transfer")
def transfer_page(subscription_id: PathId, services: ServicesDep, clerk: Clerk, to: str = "") -> Response:
    """First who: by name, e-mail or number; then from when, and how both agreed."""
    return _draw(services, clerk, subscription_id, wanted=to[:100].strip())


@router.post("/subscriptions/{subscription_id}/transfer", dependencies=[Depends(genuine_form)])
def transfer_form(
    subscription_id: PathId,
    services: ServicesDep,
    clerk: Clerk,
    to_member_id: Annotated[int, Form(ge=0, le=ID_MAX)] = 0,
    on: Annotated[str, Form(max_length=20)] = "",
    fee: Annotated[str, Form(max_length=20)] = "",
    giver_agreed: Annotated[str, Form(max_length=20)] = "",
    taker_agreed: Annotated[str, Form(max_length=20)] = "",
    reason: Annotated[str, Form(max_length=200)] = "",
    confirmed: Annotated[bool, Form()] = False,
) -> Response:
    """Show what it costs both; once confirmed, do just that."""
    typed = {
        "to_member_id": to_member_id, "on": on, "fee": fee, "giver_agreed": giver_agreed,
        "taker_agreed": taker_agreed, "reason": reason,
    }  # fmt: skip
    organisation_id = clerk.principal.organisation_id
    words = clerk.words
    try:
        with services.db.read() as conn:
            currency = _currency(conn, organisation_id, subscription_id)
        asked = Transfer(
            to_member_id=to_member_id,
            giver_agreed=Consent(giver_agreed),
            taker_agreed=Consent(taker_agreed),
            on=datetime.date.fromisoformat(on) if on else None,
            fee_minor=amount_minor(fee, currency) if fee.strip() else 0,
        )
        author = Author(
            name=clerk.principal.name,
            at_ms=clerk.organisation.clock.business_ms,
            reason=reason or "handed on to another member",
        )
        with services.db.write() as conn:
            done = (transfer if confirmed else preview)(
                conn, organisation_id=organisation_id, subscription_id=subscription_id, asked=asked, author=author
            )
    except ValueError:
        return _draw(
            services, clerk, subscription_id, typed=typed, notice=Notice("bad", words.say(NOT_UNDERSTOOD)), status=422
        )
    except TransferRefusedError:
        return _draw(
            services, clerk, subscription_id, typed=typed, notice=Notice("bad", words.say(NOT_TO_THEM)), status=409
        )
    except SubscriptionRefusedError as refused:
        said = SubscriptionWords(words).why(Why(refused.why))
        if refused.possible_on is not None:
            said += " " + words.say(N_("Possible from %(day)s."), day=words.day(refused.possible_on))
        return _draw(services, clerk, subscription_id, typed=typed, notice=Notice("bad", said), status=409)
    if confirmed:
        return RedirectResponse(f"/subscriptions/{done.subscription_id}?done=true", 303)
    return _draw(services, clerk, subscription_id, typed=typed, shown=done)


def _draw(
    services: Services,
    clerk: Visit,
    subscription_id: int,
    *,
    wanted: str = "",
    typed: dict[str, Any] | None = None,
    shown: Transferred | None = None,
    notice: Notice | None = None,
    status: int = 200,
) -> Response:
    organisation_id = clerk.principal.organisation_id
    with services.db.read() as conn:
        currency = _currency(conn, organisation_id, subscription_id)
        chosen = 0 if typed is None else int(typed["to_member_id"])
        found = _found(conn, organisation_id, wanted, chosen)
    if wanted and not found and notice is None:
        notice = Notice("warn", clerk.words.say(NOBODY))
    return page(
        "billing/transfer.html",
        clerk,
        notice=notice,
        status=status,
        subscription_id=subscription_id,
        wanted=wanted,
        found=found,
        typed=typed or {},
        shown=shown,
        consents=CONSENTS,
        money=lambda minor: clerk.words.money(Money(minor, currency)),
    )


def _currency(conn: Connection, organisation_id: int, subscription_id: int) -> str:
    """Raises Problem 404 for a subscription of nobody here."""
    found: str | None = conn.scalar(
        select(legal_entity.c.currency)
        .join(subscription, subscription.c.legal_entity_id == legal_entity.c.id)
        .where(subscription.c.id == subscription_id, subscription.c.organisation_id == organisation_id)
    )
    if found is None:
        raise not_found("subscription")
    return found


def _found(conn: Connection, organisation_id: int, wanted: str, chosen: int) -> list[tuple[int, str, str | None]]:
    """Members by number, whole e-mail or the beginning of a name; one that was chosen is among them."""
    column = member.c
    said = wanted.casefold()
    names = func.lower(column.first_name + " " + column.last_name)
    asked = [column.id == chosen]
    if wanted:
        asked += [
            names.startswith(said, autoescape=True),
            func.lower(column.last_name).startswith(said, autoescape=True),
        ]
        asked += [func.lower(column.email) == said]
        if wanted.isascii() and wanted.isdigit() and len(wanted) < 18:
            asked.append(column.id == int(wanted))
    rows = conn.execute(
        select(column.id, column.first_name, column.last_name, column.email)
        .where(column.organisation_id == organisation_id, or_(*asked))
        .order_by(column.last_name, column.id)
        .limit(FOUND_MOST)
    )
    return [(row.id, f"{row.first_name} {row.last_name}", row.email) for row in rows]
