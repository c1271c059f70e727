"""Another price for those who have one: shown first, announced in writing, and taken back before it holds."""

import datetime
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Connection, Row, func, select

from portillon_cloud.billing.catalogue import prices_of_entity
from portillon_cloud.billing.errors import CatalogueError, PriceChangeBegunError, UnlawfulContractError
from portillon_cloud.billing.event_store import Author
from portillon_cloud.billing.law.tables import price_change, price_change_for
from portillon_cloud.billing.price_change import NewPrice, Proposal, announce, propose
from portillon_cloud.billing.price_change_timers import NOTICE_DAYS, withdraw_price_change
from portillon_cloud.billing.selling import held_at
from portillon_cloud.billing.tables import price, subscription
from portillon_cloud.clock.local import local_date
from portillon_cloud.http.dependencies import ServicesDep
from portillon_cloud.http.paging import ID_MAX, PathId
from portillon_cloud.http.services import Services
from portillon_cloud.identity.roles import Permission
from portillon_cloud.members.tables import member
from portillon_cloud.reports.book import books_of
from portillon_cloud.web.plan_words import PlanWords
from portillon_cloud.web.rendering import Notice, page
from portillon_cloud.web.visit import Visit, genuine_form, visit_with
from portillon_cloud.web.wording import N_

router = APIRouter()
Owner = Annotated[Visit, Depends(visit_with(Permission.SET_RULES))]
PriceId = Annotated[int, Form(ge=1, le=ID_MAX)]
SHOWN = 50
_DAY = datetime.timedelta(days=1)

ANNOUNCED = N_("It is announced. Everybody it reaches is told in writing, and may leave at no cost if it is more.")
BACK = N_("It is taken back. Whoever was told of it is told that their price stays.")
DONE = {"announced": ANNOUNCED, "back": BACK}
BEGUN = N_("Nothing was changed: it holds for somebody already. Announce another price instead.")
BY_LAW = N_("Nothing can be announced: the law keeps everybody at their price (%(clause)s).")
WHYS = {
    "from_on": N_("That day is too near: a new price is told at least %(days)s days before."),
    "to_price_id": N_("The two prices must be of the same kind: the same company, period and tax. Choose another."),
    "from_price_id": N_("Nobody is at this price, or all who are leave before: there is nothing to announce."),
}


@router.get("/price-changes")
def price_changes_page(
    services: ServicesDep,
    owner: Owner,
    done: Annotated[str, Query(pattern="^(announced|back)?$")] = "",
) -> Response:
    """What was announced, and a form for more."""
    notice = Notice("ok", owner.words.say(DONE[done])) if done else None
    return _draw(services, owner, notice=notice)


@router.post("/price-changes", dependencies=[Depends(genuine_form)])
def announce_form(
    services: ServicesDep,
    owner: Owner,
    from_price_id: PriceId,
    to_price_id: PriceId,
    from_on: Annotated[datetime.date, Form()],
    reason: Annotated[str, Form(max_length=500)] = "",
    confirmed: Annotated[bool, Form()] = False,
) -> Response:
    """Whom it would reach; with `confirmed` it is announced, once, however often the button is pressed."""
    organisation = owner.organisation
    asked = NewPrice(
        organisation_id=organisation.id, from_price_id=from_price_id, to_price_id=to_price_id, from_on=from_on
    )
    at_ms = organisation.clock.business_ms
    try:
        if not confirmed:
            with services.db.read() as conn:
                found = propose(conn, asked, now_ms=at_ms)
                names = _names(conn, organisation.id, found)
            return _draw(services, owner, asked=asked, reason=reason, found=found, names=names)
        with services.db.write() as conn:
            conn.execute(select(price.c.id).where(price.c.id == from_price_id).with_for_update())
            if not _standing(conn, asked):
                author = Author(name=owner.principal.name, at_ms=at_ms, reason=reason.strip() or None)
                announce(conn, asked, author=author)
    except UnlawfulContractError as error:
        why = owner.words.say(BY_LAW, clause=error.violations[0].clause)
    except CatalogueError as error:
        why = owner.words.say(WHYS.get(str(error).partition(":")[0], WHYS["to_price_id"]), days=NOTICE_DAYS)
    else:
        return RedirectResponse("/price-changes?done=announced", 303)
    return _draw(services, owner, asked=asked, reason=reason, notice=Notice("bad", why), status=409)


@router.get("/price-changes/{price_change_id}/withdraw")
def withdraw_page(price_change_id: PathId, _owner: Owner) -> Response:
    """Where the language is changed after a refusal: nothing was taken back."""
    return RedirectResponse("/price-changes", 303)


@router.post("/price-changes/{price_change_id}/withdraw", dependencies=[Depends(genuine_form)])
def withdraw_form(price_change_id: PathId, services: ServicesDep, owner: Owner) -> Response:
    """Take it back before it holds for anybody."""
    author = Author(name=owner.principal.name, at_ms=owner.organisation.clock.business_ms)
    try:
        with services.db.write() as conn:
            withdraw_price_change(conn, owner.organisation.id, price_change_id, author=author)
    except PriceChangeBegunError:
        return _draw(services, owner, notice=Notice("bad", owner.words.say(BEGUN)), status=409)
    return RedirectResponse("/price-changes?done=back", 303)


def _draw(
    services: Services,
    owner: Visit,
    *,
    asked: NewPrice | None = None,
    reason: str = "",
    found: Proposal | None = None,
    names: dict[int, str] | None = None,
    notice: Notice | None = None,
    status: int = 200,
) -> Response:
    organisation = owner.organisation
    with services.db.read() as conn:
        prices = {
            number: one
            for book in books_of(conn, organisation.id)
            for number, one in prices_of_entity(conn, book.legal_entity_id).items()
        }
        held = held_at(conn, list(prices))
        announced = _announced(conn, organisation.id)
    today = local_date(organisation.clock.business_ms, organisation.time_zone)
    return page(
        "plans/price_changes.html",
        owner,
        status=status,
        notice=notice,
        prices=prices,
        held=held,
        announced=announced,
        asked=asked,
        reason=reason,
        found=found,
        names=names or {},
        shown=SHOWN,
        earliest=today + NOTICE_DAYS * _DAY,
        notice_days=NOTICE_DAYS,
        said=PlanWords(owner.words),
    )


def _announced(conn: Connection, organisation_id: int) -> Sequence[Row[Any]]:
    of_it = price_change_for.c
    return conn.execute(
        select(
            price_change,
            func.count(of_it.subscription_id).label("reached"),
            func.count(of_it.told_at_ms).label("told"),
            func.count(of_it.applied_at_ms).label("applied"),
        )
        .join(price_change_for, of_it.price_change_id == price_change.c.id)
        .where(price_change.c.organisation_id == organisation_id)
        .group_by(price_change.c.id)
        .order_by(price_change.c.id.desc())
        .limit(SHOWN)
    ).all()


def _standing(conn: Connection, asked: NewPrice) -> bool:
    """Whether this very change is announced, and not taken back."""
    column = price_change.c
    found = conn.execute(
        select(column.id).where(
            column.organisation_id == asked.organisation_id,
            column.from_price_id == asked.from_price_id,
            column.to_price_id == asked.to_price_id,
            column.from_on == asked.from_on,
            column.withdrawn_at_ms.is_(None),
        )
    )
    return found.first() is not None


def _names(conn: Connection, organisation_id: int, found: Proposal) -> dict[int, str]:
    """Who has the subscriptions that the page names."""
    shown = [
        *(one.subscription_id for one in found.reached[:SHOWN]),
        *(one.subscription_id for one in found.kept[:SHOWN]),
    ]
    rows = conn.execute(
        select(subscription.c.id, member.c.first_name, member.c.last_name)
        .join(member, member.c.id == subscription.c.member_id)
        .where(subscription.c.organisation_id == organisation_id, subscription.c.id.in_(shown))
    )
    return {row.id: f"{row.first_name} {row.last_name}" for row in rows}
