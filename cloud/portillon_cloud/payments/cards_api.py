"""Cards that are kept at Stripe, over HTTP: entered in Stripe's own fields, and the link by which payers do so."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from portillon_cloud.clock import business_now_ms
from portillon_cloud.http.dependencies import require
from portillon_cloud.http.problem import not_found
from portillon_cloud.identity.principal import Principal
from portillon_cloud.identity.roles import Permission
from portillon_cloud.members.tables import account
from portillon_cloud.payments.api import MethodOut, PathId, PaymentServicesDep
from portillon_cloud.payments.fraud.errors import TriesHeldError
from portillon_cloud.payments.fraud.guarding import Asked, admit
from portillon_cloud.payments.fraud.limits import Act
from portillon_cloud.payments.pay_link import PayLinks
from portillon_cloud.payments.stripe.cards import begin_card, keep_card
from portillon_cloud.payments.stripe.entering import stripe_of
from portillon_cloud.payments.tables import STRIPE

router = APIRouter(tags=["payments"])
Cashier = Annotated[Principal, Depends(require(Permission.TAKE_PAYMENT))]


class CardSetupOut(BaseModel):
    """For Stripe's script in the payer's browser. The client secret opens this one set-up and no more."""

    setup: str
    client_secret: str
    publishable_key: str


class EnteredCard(BaseModel):
    """The set-up that the payer's browser brought to its end."""

    model_config = ConfigDict(extra="forbid")

    setup: str = Field(pattern="^seti_[A-Za-z0-9]{1,100}$")


class PayLinkOut(BaseModel):
    """A page on which the payer replaces the card, confirms with their bank, or tries again. No password."""

    url: str
    until_ms: int


@router.post("/accounts/{account_id}/card-setups", status_code=201)
def begin(account_id: PathId, services: PaymentServicesDep, cashier: Cashier) -> CardSetupOut:
    """Let a payer enter a card or account at Stripe. 409: no account with a public key, or too many cards were tried
    and somebody must look (`/fraud-signals`); 503: Stripe is away."""
    stripe = stripe_of(services.provider)
    asked = Asked(organisation_id=cashier.organisation_id, account_id=account_id, act=Act.CARD_ASKED)
    if admit(services.db, services.keyring, asked, real_ms=services.clock.real_ms()) is not None:
        raise TriesHeldError("too many cards were tried with this account: look at /fraud-signals, then try again")
    made = begin_card(stripe, organisation_id=cashier.organisation_id, account_id=account_id)
    return CardSetupOut(setup=made.reference, client_secret=made.secret, publishable_key=made.publishable_key)


@router.post("/accounts/{account_id}/payment-methods", status_code=201)
def keep(account_id: PathId, entered: EnteredCard, services: PaymentServicesDep, cashier: Cashier) -> MethodOut:
    """Keep what was entered, and charge it from now on. The same set-up again is the same card."""
    stripe = stripe_of(services.provider)
    with services.db.read() as conn:
        now_ms = business_now_ms(conn, cashier.organisation_id, services.clock.real_ms())
    kept = keep_card(
        stripe,
        organisation_id=cashier.organisation_id,
        account_id=account_id,
        setup=entered.setup,
        now_ms=now_ms,
    )
    return MethodOut(id=kept.method_id, provider=STRIPE, label=kept.label, state="active", scheme=kept.scheme)


@router.post("/accounts/{account_id}/pay-link", status_code=201)
def pay_link(account_id: PathId, request: Request, services: PaymentServicesDep, cashier: Cashier) -> PayLinkOut:
    """A link for this payer alone. Whoever has it can pay and change the card, and sees what is owed."""
    with services.db.read() as conn:
        found = conn.scalar(
            select(account.c.id).where(account.c.id == account_id, account.c.organisation_id == cashier.organisation_id)
        )
        if found is None:
            raise not_found("account")
        now_ms = business_now_ms(conn, cashier.organisation_id, services.clock.real_ms())
    links = PayLinks.of(services.keyring, str(request.base_url))
    url = links.link(cashier.organisation_id, account_id, now_ms=now_ms)
    return PayLinkOut(url=url, until_ms=links.read(url.rpartition("/")[2]).until_ms)
