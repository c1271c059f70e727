"""One subscription: where it is in its life, what befell it, and every change with what it costs shown first."""

import datetime
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection, select

from portillon_cloud.billing import agreed_change, event_store, subscription
from portillon_cloud.billing.agreement import agreement_of
from portillon_cloud.billing.catalogue import prices_of_entity
from portillon_cloud.billing.change_request import Change
from portillon_cloud.billing.credit_note import CreditDraft
from portillon_cloud.billing.errors import SubscriptionRefusedError, UnlawfulContractError
from portillon_cloud.billing.event_store import Author
from portillon_cloud.billing.exit_link import DESK_DAYS, ExitLinks, Purpose
from portillon_cloud.billing.invoice import Draft
from portillon_cloud.billing.life import Condition, Recorded, life_on
from portillon_cloud.billing.span import Moment
from portillon_cloud.billing.subscription import Why
from portillon_cloud.billing.tables import plan, price
from portillon_cloud.billing.tables import subscription as subscription_row
from portillon_cloud.billing.timeline import Shared
from portillon_cloud.clock.local import local_date
from portillon_cloud.http.dependencies import ServicesDep
from portillon_cloud.http.paging import ID_MAX, PathId
from portillon_cloud.http.problem import not_found
from portillon_cloud.http.services import Services
from portillon_cloud.identity.roles import Permission
from portillon_cloud.members.tables import account, legal_entity, member
from portillon_cloud.messages.notice_store import told_of_subscription
from portillon_cloud.money import Money
from portillon_cloud.web.rendering import Notice, page
from portillon_cloud.web.subscription_words import SubscriptionWords
from portillon_cloud.web.visit import Visit, genuine_form, visit_with
from portillon_cloud.web.wording import N_

router = APIRouter()
Reader = Annotated[Visit, Depends(visit_with(Permission.SEE_MONEY))]
Clerk = Annotated[Visit, Depends(visit_with(Permission.CHANGE_MEMBERS))]
Typed = Annotated[str, Form(max_length=20)]
_CHANGES: TypeAdapter[Change] = TypeAdapter(Change)
COMPANIES_SHOWN = 500
NOT_UNDERSTOOD = N_("Nothing was changed: a day or a number is missing, or cannot be.")
UNLAWFUL = N_("The law does not allow that:")
DONE = N_("Done. Invoices, credit notes and doors follow at once.")


@router.get("/subscriptions/{subscription_id}")
def subscription_page(subscription_id: PathId, services: ServicesDep, reader: Reader, done: bool = False) -> Response:
    """Its life and its future."""
    notice = Notice("ok", reader.words.say(DONE)) if done else None
    return _draw(services, reader, subscription_id, notice=notice)


@router.post("/subscriptions/{subscription_id}/way-to-leave", dependencies=[Depends(genuine_form)])
def way_to_leave(subscription_id: PathId, request: Request, services: ServicesDep, clerk: Clerk) -> Response:
    """The page on which the member leaves, opened at the desk; its address is good for some days."""
    with services.db.read() as conn:
        _shown(conn, clerk, subscription_id)
    links = ExitLinks.of(services.keyring, str(request.base_url))
    now_ms, organisation_id = clerk.organisation.clock.business_ms, clerk.principal.organisation_id
    link = links.link(organisation_id, subscription_id, Purpose.LEAVE, now_ms=now_ms, days=DESK_DAYS)
    return RedirectResponse(link, 303)


@router.post("/subscriptions/{subscription_id}", dependencies=[Depends(genuine_form)])
def change_form(
    subscription_id: PathId,
    services: ServicesDep,
    clerk: Clerk,
    change: Typed,
    on: Typed = "",
    until_on: Typed = "",
    code: Typed = "",
    share_percent: Typed = "",
    months: Typed = "",
    price_id: Annotated[int, Form(ge=0, le=ID_MAX)] = 0,
    payer_account_id: Annotated[int, Form(ge=0, le=ID_MAX)] = 0,
    proof: Annotated[bool, Form()] = False,
    by_law: Annotated[bool, Form()] = False,
    reason: Annotated[str, Form(max_length=200)] = "",
    confirmed: Annotated[bool, Form()] = False,
) -> Response:
    """Show what the change leads to; once confirmed, do just that."""
    typed: dict[str, Any] = {
        "change": change, "on": on, "until_on": until_on, "code": code.upper(), "share_percent": share_percent,
        "months": months, "price_id": price_id, "payer_account_id": payer_account_id, "proof": proof,
        "by_law": by_law, "reason": reason,
    }  # fmt: skip
    typed = {name: value for name, value in typed.items() if value}
    organisation_id = clerk.principal.organisation_id
    now_ms = clerk.organisation.clock.business_ms
    which = {"organisation_id": organisation_id, "subscription_id": subscription_id}
    try:
        asked = _CHANGES.validate_python(typed)
        if confirmed:
            with services.db.write() as conn:
                author = Author(name=clerk.principal.name, at_ms=now_ms, reason=asked.reason)
                agreed_change.carry_out(conn, **which, new=asked, author=author)
            return RedirectResponse(f"/subscriptions/{subscription_id}?done=true", 303)
        with services.db.read() as conn:
            agreed = agreed_change.show(conn, **which, new=asked, now_ms=now_ms)
    except ValidationError:
        notice = Notice("bad", clerk.words.say(NOT_UNDERSTOOD))
        return _draw(services, clerk, subscription_id, notice=notice, status=422)
    except SubscriptionRefusedError as refused:
        said = SubscriptionWords(clerk.words).why(Why(refused.why))
        if refused.possible_on is not None:
            said += " " + clerk.words.say(N_("Possible from %(day)s."), day=clerk.words.day(refused.possible_on))
        return _draw(services, clerk, subscription_id, notice=Notice("bad", said), status=409)
    except UnlawfulContractError as unlawful:
        said = " ".join((clerk.words.say(UNLAWFUL), *(str(one) for one in unlawful.violations)))
        return _draw(services, clerk, subscription_id, notice=Notice("bad", said), status=409)
    return _draw(services, clerk, subscription_id, agreed=agreed, typed=typed)


def _draw(
    services: Services,
    visit: Visit,
    subscription_id: int,
    *,
    notice: Notice | None = None,
    agreed: agreed_change.Agreed | None = None,
    typed: dict[str, Any] | None = None,
    status: int = 200,
) -> Response:
    with services.db.read() as conn:
        shown = _shown(conn, visit, subscription_id)
    return page(
        "billing/subscription.html",
        visit,
        notice=notice,
        status=status,
        outcome=None if agreed is None else agreed.outcome,
        outcomes=() if agreed is None else (agreed.outcome, *agreed.beside),
        owed_more_minor=0 if agreed is None else agreed.owed_more_minor,
        legal=None if agreed is None else agreed.way_out,
        law_credit_minor=0 if agreed is None else agreed.law_credit_minor,
        typed=typed or {},
        **shown,
    )


def _shown(conn: Connection, visit: Visit, subscription_id: int) -> dict[str, Any]:
    """Raises Problem 404 for a subscription of nobody here."""
    row = conn.execute(
        select(
            subscription_row,
            member.c.first_name,
            member.c.last_name,
            account.c.name.label("payer"),
            legal_entity.c.currency,
        )
        .join(member, member.c.id == subscription_row.c.member_id)
        .join(account, account.c.id == subscription_row.c.account_id)
        .join(legal_entity, legal_entity.c.id == subscription_row.c.legal_entity_id)
        .where(
            subscription_row.c.id == subscription_id,
            subscription_row.c.organisation_id == visit.principal.organisation_id,
        )
    ).one_or_none()
    if row is None:
        raise not_found("subscription")
    today = local_date(visit.organisation.clock.business_ms, visit.organisation.time_zone)
    prices = prices_of_entity(conn, row.legal_entity_id)
    recorded = event_store.recorded(conn, [subscription_id])[subscription_id]
    life, said = life_on(recorded, today), SubscriptionWords(visit.words)
    ended = life.condition is Condition.ENDED
    plans = {one.id: one.plan_name for one in prices.values()}
    return {
        "subscription": row,
        "condition": said.condition(life.condition),
        "life": life,
        "ended": ended,
        "plan_name": plans[life.tariff.price_id],
        "price": Money(life.tariff.cycle_minor, row.currency),
        "interval": life.tariff.interval,
        "cancellable_on": None
        if ended
        else subscription.cancellable_on(recorded, agreement_of(conn, row.contract_id), today),
        "renewal_on": None if ended else subscription.at_renewal(recorded, today),
        "events": [
            (one.event.at.day, said.event(one.event, plans)) for one in sorted(recorded, key=lambda one: one.event.at)
        ],
        "sold": _sold(conn, row.legal_entity_id, life.tariff.price_id, row.currency),
        "companies": _companies(conn, row.legal_entity_id, row.account_id),
        "sharing": _sharing(recorded, today),
        "told": told_of_subscription(conn, subscription_id),
        "today": today,
        "said_lines": _said_lines,
        "money": lambda minor: visit.words.money(Money(minor, row.currency)),
    }


def _companies(conn: Connection, legal_entity_id: int, but: int) -> list[tuple[int, str]]:
    """The accounts that could pay a part: id and name."""
    column = account.c
    rows = conn.execute(
        select(column.id, column.name)
        .where(column.legal_entity_id == legal_entity_id, column.kind == "company", column.id != but)
        .order_by(column.name)
        .limit(COMPANIES_SHOWN)
    )
    return [(row.id, row.name) for row in rows]


def _sharing(recorded: Sequence[Recorded], today: datetime.date) -> list[tuple[int, str]]:
    """Who pays a part now or later."""
    parts = (one.event for one in recorded if isinstance(one.event, Shared))
    left = {part.payer_account_id: part.code for part in parts if part.until is None or part.until > Moment(today)}
    return sorted(left.items())


def _said_lines(draft: Draft | CreditDraft) -> list[tuple[str, int]]:
    """Each line of a document that would be issued: its text, and what it adds to the debt before tax."""
    if isinstance(draft, Draft):
        return [(line.description, line.net_minor) for line in draft.lines]
    return [(text, -minor) for text, minor in zip(draft.descriptions, draft.taxed.nets_minor, strict=True)]


def _sold(conn: Connection, legal_entity_id: int, but: int, currency: str) -> list[tuple[int, str, Money]]:
    """The prices that it could change to: id, plan, amount."""
    rows = conn.execute(
        select(price.c.id, plan.c.name, price.c.amount_minor)
        .join(plan, plan.c.id == price.c.plan_id)
        .where(plan.c.legal_entity_id == legal_entity_id, price.c.active, price.c.id != but)
        .order_by(plan.c.name, price.c.amount_minor)
    )
    return [(row.id, row.name, Money(row.amount_minor, currency)) for row in rows]
