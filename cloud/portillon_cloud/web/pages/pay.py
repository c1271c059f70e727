"""The page on which a payer replaces their card, confirms with their bank, tries again, or asks: by a signed link.

Card numbers are typed into Stripe's own fields, which stand on two pages here and nowhere else: only there may the
browser load anything from Stripe. Looking changes nothing, and charges nothing.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Connection, select

from portillon_cloud.billing.numbers import printed
from portillon_cloud.billing.tables import invoice
from portillon_cloud.clock import business_now_ms
from portillon_cloud.clock.local import local_date
from portillon_cloud.locale.catalogue import LANGUAGES
from portillon_cloud.locale.words import Words
from portillon_cloud.members.tables import account, organisation
from portillon_cloud.money import Money
from portillon_cloud.payments.api import PaymentServices, PaymentServicesDep
from portillon_cloud.payments.fraud.guarding import Asked, admit, note_refusal
from portillon_cloud.payments.fraud.limits import Act
from portillon_cloud.payments.owed import UnpaidInvoice, unpaid_invoices
from portillon_cloud.payments.pay_link import PayLinks, PayPass, UnknownPayLinkError
from portillon_cloud.payments.paying_now import charge_due, give_up_confirmations
from portillon_cloud.payments.questions.by_link import Paper, papers_of
from portillon_cloud.payments.settling import ChargeResult
from portillon_cloud.payments.stripe.cards import ForBrowser, begin_card, begin_confirmation, keep_card
from portillon_cloud.payments.stripe.entering import stripe_of
from portillon_cloud.payments.stripe.errors import (
    NoStripeAccountError,
    NoStripeHereError,
    SetupNotDoneError,
    StripeAwayError,
)
from portillon_cloud.payments.tables import (
    STRIPE,
    AttemptState,
    MethodState,
    payment_attempt,
    payment_intent,
    payment_method,
)
from portillon_cloud.web.pages.leave import from_our_page
from portillon_cloud.web.rendering import bare_page
from portillon_cloud.web.security_headers import CONTENT_SECURITY_POLICY
from portillon_cloud.web.wording import N_

router = APIRouter()

STRIPE_POLICY = (
    CONTENT_SECURITY_POLICY.replace("script-src 'self'", "script-src 'self' https://js.stripe.com")
    .replace("connect-src 'self'", "connect-src 'self' https://api.stripe.com")
    .replace("; form-action", "; frame-src https://js.stripe.com https://hooks.stripe.com; form-action")
)
"""What Stripe's fields need and no more (https://docs.stripe.com/security/guide#content-security-policy)."""

_TOLD = {
    "paid": ("ok", N_("It is paid. Thank you.")),
    "refused": ("bad", N_("Your bank said no. Use another card, or pay at the desk.")),
    "waiting": ("warn", N_("It is under way. This page says when it is paid.")),
    "confirm": ("warn", N_("Your bank wants you to confirm it.")),
    "held": ("warn", N_("It is not charged now. Ask at the desk.")),
    "too-often": ("warn", N_("There were too many tries. Try again in an hour, or ask at the desk.")),
    "often": ("warn", N_("This card was tried too often. Use another one, or pay at the desk.")),
    "asked": (
        "ok",
        N_(
            "Your question is with the gym. Nothing of that invoice is charged until somebody answers,"
            " for 14 days at most."
        ),
    ),
    "asked-before": ("warn", N_("A question about that invoice waits for its answer already.")),
    "kept": ("ok", N_("Your card is kept. It is charged from now on.")),
    "not-done": ("bad", N_("No card was entered. Nothing was changed.")),
    "no-pages": ("warn", N_("Cards are not taken on this page. Ask at the desk.")),
    "away": ("warn", N_("The payment service does not answer now. Nothing was changed; try again in some minutes.")),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Payer:
    """Whose link it is, and what they owe today. `numbers`: of those invoices; `papers`: what may be asked about."""

    token: str
    way: PayPass
    now_ms: int
    words: Words
    gym: str
    owed: Sequence[UnpaidInvoice]
    numbers: Mapping[int, str]
    papers: Sequence[Paper]
    card: str | None
    must_confirm: bool
    address: str | None

    @property
    def expired(self) -> bool:
        """Whether the link has run out."""
        return self.now_ms >= self.way.until_ms

    @property
    def ids(self) -> dict[str, int]:
        """As everything about the account asks for it."""
        return {"organisation_id": self.way.organisation_id, "account_id": self.way.account_id}

    def asks(self, act: Act) -> Asked:
        """What they want to do, for whoever counts."""
        return Asked(**self.ids, act=act, address=self.address)


@router.get("/pay/{token}")
def pay_page(token: str, request: Request, services: PaymentServicesDep, told: str = "") -> Response:
    """What is owed, which card is charged, and what can be done about it."""
    return _draw(payer_of(request, services, token), told=told)


@router.post("/pay/{token}/retry")
def retry(token: str, request: Request, services: PaymentServicesDep) -> Response:
    """Try again now: what waits is asked after, the rest is charged."""
    from_our_page(request)
    payer = payer_of(request, services, token)
    if payer.expired:
        return back_to(payer, "")
    if held_back(services, payer, Act.CHARGE_ASKED):
        return back_to(payer, "too-often")
    return back_to(payer, _charged(services, payer))


@router.post("/pay/{token}/new-card")
def new_card(token: str, request: Request, services: PaymentServicesDep) -> Response:
    """Stripe's fields for another card."""
    from_our_page(request)
    payer = payer_of(request, services, token)
    if payer.expired:
        return back_to(payer, "")
    if held_back(services, payer, Act.CARD_ASKED):
        return back_to(payer, "too-often")
    try:
        return _fields(payer, "card", begin_card(stripe_of(services.provider), **payer.ids))
    except (NoStripeAccountError, NoStripeHereError):
        return back_to(payer, "no-pages")
    except StripeAwayError:
        return back_to(payer, "away")


@router.post("/pay/{token}/card")
def card_entered(
    token: str, request: Request, services: PaymentServicesDep, setup: Annotated[str, Form(max_length=120)] = ""
) -> Response:
    """Keep the card that was entered, and charge what is due with it at once."""
    from_our_page(request)
    payer = payer_of(request, services, token)
    if payer.expired:
        return back_to(payer, "")
    try:
        keep_card(stripe_of(services.provider), **payer.ids, setup=setup, now_ms=payer.now_ms)
    except SetupNotDoneError:
        return back_to(payer, "not-done")
    except (NoStripeAccountError, NoStripeHereError):
        return back_to(payer, "no-pages")
    except StripeAwayError:
        return back_to(payer, "away")
    give_up_confirmations(services.db, services.provider, **payer.ids, now_ms=payer.now_ms)
    return back_to(payer, _charged(services, payer) or "kept")


@router.post("/pay/{token}/confirm")
def confirm(token: str, request: Request, services: PaymentServicesDep) -> Response:
    """Stripe's window of the payer's own bank."""
    from_our_page(request)
    payer = payer_of(request, services, token)
    if payer.expired:
        return back_to(payer, "")
    try:
        waiting = begin_confirmation(stripe_of(services.provider), **payer.ids, now_ms=payer.now_ms)
    except NoStripeHereError:
        return back_to(payer, "no-pages")
    except StripeAwayError:
        return back_to(payer, "away")
    return back_to(payer, "") if waiting is None else _fields(payer, "retry", waiting)


def payer_of(request: Request, services: PaymentServices, token: str) -> Payer:
    """Whose link it is. Raises UnknownPayLinkError."""
    way = PayLinks.of(services.keyring, "").read(token)
    with services.db.read() as conn:
        row = conn.execute(
            select(
                account.c.language,
                organisation.c.name.label("gym"),
                organisation.c.country,
                organisation.c.time_zone,
            )
            .join(organisation, organisation.c.id == account.c.organisation_id)
            .where(account.c.id == way.account_id, account.c.organisation_id == way.organisation_id)
        ).one_or_none()
        if row is None:
            raise UnknownPayLinkError("this link is not one of ours; open it from the letter again, or ask the desk")
        now_ms = business_now_ms(conn, way.organisation_id, services.clock.real_ms())
        today = local_date(now_ms, row.time_zone)
        owed = [one for one in unpaid_invoices(conn, way.account_id) if one.due_on <= today]
        numbers = _numbers(conn, way.organisation_id, [one.invoice_id for one in owed])
        papers = papers_of(conn, way.organisation_id, way.account_id, now_ms=now_ms)
        card = conn.scalar(
            select(payment_method.c.label)
            .where(payment_method.c.account_id == way.account_id, payment_method.c.state == MethodState.ACTIVE)
            .order_by(payment_method.c.id.desc())
            .limit(1)
        )
        waits = conn.scalar(
            select(payment_attempt.c.id)
            .join(payment_intent, payment_intent.c.id == payment_attempt.c.intent_id)
            .join(payment_method, payment_method.c.id == payment_attempt.c.payment_method_id)
            .where(
                payment_method.c.provider == STRIPE,
                payment_intent.c.account_id == way.account_id,
                payment_attempt.c.state == AttemptState.ACTION_REQUIRED,
            )
            .limit(1)
        )
    chosen = request.query_params.get("language")
    words = Words(chosen if chosen in LANGUAGES else row.language, row.country, row.time_zone)
    request.state.words = words  # for the page that says no, should one follow
    return Payer(
        token=token,
        way=way,
        now_ms=now_ms,
        words=words,
        gym=row.gym,
        owed=owed,
        numbers=numbers,
        papers=papers,
        card=card,
        must_confirm=waits is not None,
        address=request.client.host if request.client else None,
    )


def _numbers(conn: Connection, organisation_id: int, invoice_ids: Sequence[int]) -> Mapping[int, str]:
    column = invoice.c
    rows = conn.execute(
        select(column.id, column.series, column.number, column.issued_on).where(
            column.organisation_id == organisation_id, column.id.in_(invoice_ids)
        )
    )
    return {row.id: printed(row.series, row.number, row.issued_on) for row in rows}


def _charged(services: PaymentServices, payer: Payer) -> str:
    """What came of charging all that is due; empty: nothing is."""
    results = set(charge_due(services.db, services.provider, **payer.ids, now_ms=payer.now_ms))
    results.discard(ChargeResult.NOTHING_OWED)
    if ChargeResult.REFUSED in results:
        refused = payer.asks(Act.CHARGE_REFUSED)
        note_refusal(services.db, services.keyring, refused, real_ms=services.clock.real_ms())
    for result, told in (
        (ChargeResult.REFUSED, "refused"),
        (ChargeResult.NO_METHOD, "refused"),
        (ChargeResult.CAPPED, "often"),
        (ChargeResult.WAITING, "waiting"),
        (ChargeResult.NEVER_REACHED, "waiting"),
        (ChargeResult.PARKED, "held"),
        (ChargeResult.COLLECTION_HELD, "held"),
        (ChargeResult.SUCCEEDED, "paid"),
    ):
        if result in results:
            return told
    return ""


def held_back(services: PaymentServices, payer: Payer, act: Act) -> bool:
    """Whether too much was tried with this link or from this address; if not, this try counts."""
    held = admit(services.db, services.keyring, payer.asks(act), real_ms=services.clock.real_ms())
    return held is not None


def back_to(payer: Payer, told: str) -> Response:
    """The payer's page, with what came of it."""
    path = f"/pay/{payer.token}?language={payer.words.language}"
    return RedirectResponse(f"{path}&told={told}" if told else path, HTTPStatus.SEE_OTHER)


def _draw(payer: Payer, *, told: str) -> Response:
    if told == "waiting" and payer.must_confirm:
        told = "confirm"
    kind, text = _TOLD.get(told, ("", ""))
    return _page(
        "pay.html", payer, kind=kind, said=payer.words.say(text) if text else "", request_key=secrets.token_urlsafe(16)
    )


def _fields(payer: Payer, then: str, browser: ForBrowser) -> Response:
    answer = _page("pay_fields.html", payer, then=then, browser=browser)
    answer.headers["Content-Security-Policy"] = STRIPE_POLICY
    return answer


def _page(template: str, payer: Payer, **shown: Any) -> Response:
    return bare_page(
        template,
        payer.words,
        payer=payer,
        token=payer.token,
        money=lambda one: payer.words.money(Money(one.owed_minor, one.currency)),
        **shown,
    )
