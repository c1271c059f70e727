"""The page on which a member leaves: by a signed link from a letter or from the desk, without a password.

Three clicks (Code de la consommation L215-1-1, D215-1 to D215-3): the link, “Continue” below the day, “Notify” below
the summary. Looking changes nothing, so that a mail program that follows links cancels nobody's membership.
"""

import datetime
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Connection, select

from portillon_cloud.billing import agreed_change, event_store, subscription
from portillon_cloud.billing.agreement import agreement_of
from portillon_cloud.billing.catalogue import price_by_id
from portillon_cloud.billing.change_request import CancelChange
from portillon_cloud.billing.errors import SubscriptionRefusedError
from portillon_cloud.billing.event_store import Author
from portillon_cloud.billing.exit_link import ExitLinks, ExitPass, Purpose
from portillon_cloud.billing.legal_side import Signed, signed
from portillon_cloud.billing.life import Life, life_on
from portillon_cloud.billing.subscription import Why
from portillon_cloud.billing.tables import subscription as subscription_row
from portillon_cloud.billing.told import tell_about
from portillon_cloud.clock import business_now_ms
from portillon_cloud.clock.local import local_date
from portillon_cloud.http.dependencies import ServicesDep
from portillon_cloud.http.problem import Problem
from portillon_cloud.http.services import Services
from portillon_cloud.locale.catalogue import LANGUAGES
from portillon_cloud.locale.words import Words
from portillon_cloud.members.tables import account, member, organisation
from portillon_cloud.messages.notice_store import told_of_subscription
from portillon_cloud.messages.notices import Cancelled, WayToLeave, Withdrawn
from portillon_cloud.money import Money
from portillon_cloud.web.rendering import bare_page
from portillon_cloud.web.subscription_words import SubscriptionWords
from portillon_cloud.web.wording import N_

router = APIRouter()
MEMBER = "member, by link"
"""Who a change by a link is recorded as."""

NEEDS_DAY = N_("Choose the first day without it.")


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkHolder:
    """Whose link it is, and how their contract stands today."""

    token: str
    way: ExitPass
    now_ms: int
    today: datetime.date
    words: Words
    row: Any
    held: Signed
    life: Life
    plan: str
    price: Money
    earliest_on: datetime.date
    suggested_on: datetime.date
    said: Cancelled | Withdrawn | None

    @property
    def expired(self) -> bool:
        """Whether the link has run out."""
        return self.now_ms >= self.way.until_ms

    @property
    def renewed(self) -> bool:
        """Whether the term that runs was agreed after the first."""
        return len(self.held.term_ends_on) > 1

    @property
    def over_on(self) -> datetime.date | None:
        """The first day without it, if it was cancelled or shall not be renewed; None: nobody said anything yet."""
        if self.life.ends_on is None:
            return None
        cancelled = self.life.ends_on not in self.held.term_ends_on or self.said is not None
        return self.life.ends_on if cancelled or self.life.ends_on <= self.today else None


@router.get("/leave/{token}")
def leave_page(token: str, request: Request, services: ServicesDep) -> Response:
    """What there is to leave, and from when; or how it was left."""
    return _draw(holder_of(request, services, token))


@router.post("/leave/{token}")
def leave_form(
    token: str,
    request: Request,
    services: ServicesDep,
    on: Annotated[str, Form(max_length=20)] = "",
    reason: Annotated[str, Form(max_length=200)] = "",
    confirmed: Annotated[bool, Form()] = False,
) -> Response:
    """The summary; once confirmed, the end itself, and a letter that says so."""
    from_our_page(request)
    leaver = holder_of(request, services, token)
    if leaver.expired or leaver.over_on is not None:
        return _draw(leaver)
    try:
        day = datetime.date.fromisoformat(on)
    except ValueError:
        return _draw(leaver, problem=leaver.words.say(NEEDS_DAY), reason=reason, status=422)
    by_law = leaver.held.way_out(told_on=leaver.today, on=day) is not None
    new = CancelChange(change="cancel", on=day, by_law=by_law, reason=reason or None)
    which = {
        "organisation_id": leaver.way.organisation_id,
        "subscription_id": leaver.way.subscription_id,
    }
    try:
        if confirmed:
            with services.db.write() as conn:
                by = Author(name=MEMBER, at_ms=leaver.now_ms, reason=reason or None)
                agreed_change.carry_out(conn, **which, new=new, author=by)
            return RedirectResponse(request.url.path + "?" + chosen_language(leaver), HTTPStatus.SEE_OTHER)
        with services.db.read() as conn:
            shown = agreed_change.show(conn, **which, new=new, now_ms=leaver.now_ms)
    except SubscriptionRefusedError as refused:
        said = SubscriptionWords(leaver.words).why(Why(refused.why))
        if refused.possible_on is not None:
            said += " " + leaver.words.say(N_("Possible from %(day)s."), day=leaver.words.day(refused.possible_on))
        return _draw(leaver, problem=said, on=day, reason=reason, status=409)
    return _draw(leaver, shown=shown, on=day, reason=reason)


@router.post("/leave/{token}/again")
def new_link(token: str, request: Request, services: ServicesDep) -> Response:
    """A new link, to the address that we have; once a day."""
    from_our_page(request)
    leaver = holder_of(request, services, token)
    links = ExitLinks.of(services.keyring, str(request.base_url))
    with services.db.write() as conn:
        tell_about(
            conn,
            organisation_id=leaver.way.organisation_id,
            subscription_id=leaver.way.subscription_id,
            said=WayToLeave(asked_on=leaver.today),
            purpose=f"way-to-leave:{leaver.today}",
            now_ms=leaver.now_ms,
            link=links.link(
                leaver.way.organisation_id, leaver.way.subscription_id, Purpose.LEAVE, now_ms=leaver.now_ms
            ),
        )
    return _draw(leaver, sent=True)


def _draw(leaver: LinkHolder, *, status: int = 200, **shown: Any) -> Response:
    given = {"problem": None, "shown": None, "on": leaver.suggested_on, "reason": "", "sent": False, **shown}
    return bare_page(
        "leave.html",
        leaver.words,
        status=status,
        leaver=leaver,
        token=leaver.token,
        money=lambda minor: leaver.words.money(Money(minor, leaver.price.currency)),
        **given,
    )


def holder_of(request: Request, services: Services, token: str, purpose: Purpose = Purpose.LEAVE) -> LinkHolder:
    """Whose link it is. Raises UnknownLinkError."""
    way = ExitLinks.of(services.keyring, "").read(token, purpose)
    with services.db.read() as conn:
        now_ms = business_now_ms(conn, way.organisation_id, services.clock.real_ms())
        held = signed(conn, way.organisation_id, way.subscription_id)
        row = _row(conn, way)
        today = local_date(now_ms, held.time_zone)
        recorded = event_store.recorded(conn, [way.subscription_id])[way.subscription_id]
        life = life_on(recorded, today)
        sold = price_by_id(conn, way.organisation_id, life.tariff.price_id)
        by_contract_on = subscription.cancellable_on(recorded, agreement_of(conn, row.contract_id), today)
        told = [one.notice for one in told_of_subscription(conn, way.subscription_id)]
    said = [one for one in told if isinstance(one, Cancelled | Withdrawn) and one.ends_on == life.ends_on]
    begins_on = max(today, life.starts_on)
    by_law = held.way_out(told_on=today, on=begins_on) is not None
    chosen = request.query_params.get("language")
    words = Words(chosen if chosen in LANGUAGES else row.language, row.country, row.time_zone)
    request.state.words = words  # for the page that says no, should one follow
    term_ends_on = held.term_ends_on[-1] if held.renews else None
    return LinkHolder(
        token=token,
        way=way,
        now_ms=now_ms,
        today=today,
        words=words,
        row=row,
        held=held,
        life=life,
        plan=sold.plan_name,
        price=Money(life.tariff.cycle_minor, sold.currency),
        earliest_on=begins_on if by_law else by_contract_on,
        suggested_on=begins_on if by_law else term_ends_on or by_contract_on,
        said=said[-1] if said else None,
    )


def _row(conn: Connection, way: ExitPass) -> Any:
    return conn.execute(
        select(
            subscription_row.c.contract_id,
            member.c.first_name,
            member.c.last_name,
            account.c.name.label("payer"),
            account.c.email,
            account.c.language,
            organisation.c.name.label("gym"),
            organisation.c.country,
            organisation.c.time_zone,
        )
        .join(member, member.c.id == subscription_row.c.member_id)
        .join(account, account.c.id == subscription_row.c.account_id)
        .join(organisation, organisation.c.id == subscription_row.c.organisation_id)
        .where(subscription_row.c.id == way.subscription_id, subscription_row.c.organisation_id == way.organisation_id)
    ).one()


def chosen_language(holder: LinkHolder) -> str:
    """What keeps the page in the language it was read in."""
    return f"language={holder.words.language}"


def from_our_page(request: Request) -> None:
    """The link itself is the secret; a browser that says the form is another site's is believed. Raises Problem 403."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise Problem(
            HTTPStatus.FORBIDDEN,
            "This form is out of date or came from elsewhere. Open the page again.",
            kind="forged-form",
        )
