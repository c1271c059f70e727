"""With which account cards are charged: an owner enters its keys, rotates them, ends it. Secrets go in, never out."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Connection, Row, select

from portillon_cloud.identity.roles import Permission
from portillon_cloud.locale.words import Words
from portillon_cloud.money import Money
from portillon_cloud.payments.api import PaymentServices, PaymentServicesDep
from portillon_cloud.payments.provider_accounts import accounts_of, end_account
from portillon_cloud.payments.stripe.entering import Keys, enter_keys, stripe_of
from portillon_cloud.payments.stripe.errors import NoStripeHereError, StripeAwayError, StripeKeyError, WrongKey
from portillon_cloud.payments.tables import STRIPE
from portillon_cloud.reconciliation.tables import provider_payout
from portillon_cloud.web.rendering import Notice, page
from portillon_cloud.web.visit import Visit, genuine_form, visit_with
from portillon_cloud.web.wording import N_

router = APIRouter()
Owner = Annotated[Visit, Depends(visit_with(Permission.MANAGE_STAFF))]
Typed = Annotated[str, Form(max_length=300)]
PAYOUTS_SHOWN = 12
TOLD = ("payment_intent.*", "refund.*", "charge.dispute.*", "payment_method.*", "mandate.updated", "payout.*")
"""Kinds of events that an endpoint at Stripe is to send; what it does not is read from the list within an hour."""

DONE = {
    "entered": N_("It opens the account. Cards are charged with it from now on."),
    "ended": N_("Nothing new is charged with it. What was, is still settled, paid back and disputed there."),
}
WRONG: Mapping[WrongKey, str] = {
    WrongKey.NO_SECRET_KEY: N_("Nothing was changed: a secret key begins with sk_test_ or sk_live_, or with rk_."),
    WrongKey.OTHER_MODE: N_(
        "Nothing was changed: a test organisation takes test keys only, a live one live keys only."
    ),
    WrongKey.NOT_TAKEN: N_(
        "Nothing was changed: Stripe does not take this key. Copy it again; a restricted one must be allowed to read"
        " the account."
    ),
    WrongKey.PUBLISHABLE_KEY: N_("Nothing was changed: the publishable key begins with pk_ and is of the same mode."),
    WrongKey.WEBHOOK_SECRET: N_("Nothing was changed: the signing secret of an endpoint begins with whsec_."),
}
AWAY = N_("Nothing was changed: Stripe gives no answer now. Try again in some minutes.")
NOT_HERE = N_("Nothing was changed: this installation was set up without a way to Stripe.")
CHECKLIST: Sequence[str] = (
    N_("Enter test keys in a test organisation first. This page then names your account."),
    N_("On a payer’s own page add a card, one that is confirmed with the bank, and a bank account; on a phone too."),
    N_("Charge each. In Stripe’s dashboard amount and currency are right, and each has our mark (portillon_ref)."),
    N_("Try cards that are refused. The payer’s page here says why."),
    N_("Turn the endpoint for webhooks off for two hours and on again: nothing is missing."),
    N_("Pay a part back, then more than is left: that is refused."),
    N_("Dispute a test payment, answer it here with a document, and find both at Stripe."),
    N_("In Stripe, switch the card account updater on, and smart retries and its own reminders off."),
    N_(
        "With live keys: one invoice of 1.00 to yourself, paid back. Its payout arrives, and the page Bank explains it."
    ),
)
"""Before the first live payment, in short: `docs/payment-service.md` has the cards to try and what to look for."""


@router.get("/payment-service")
def service_page(request: Request, services: PaymentServicesDep, owner: Owner, done: str = "") -> Response:
    """The account in use and those before, where webhooks go, what was paid out, and the checklist."""
    notice = Notice("ok", owner.words.say(DONE[done])) if done in DONE else None
    return _draw(request, services, owner, notice=notice)


@router.post("/payment-service", dependencies=[Depends(genuine_form)])
def enter_form(
    request: Request,
    services: PaymentServicesDep,
    owner: Owner,
    secret_key: Typed,
    publishable_key: Typed = "",
    webhook_secret: Typed = "",
) -> Response:
    """Charge with this account from now on; the same one again gets the new keys. Nothing typed comes back."""
    keys = Keys(
        secret=secret_key.strip(),
        publishable=publishable_key.strip() or None,
        webhook_secret=webhook_secret.strip() or None,
    )
    try:
        enter_keys(
            stripe_of(services.provider),
            keys,
            organisation_id=owner.organisation.id,
            by=owner.principal.name,
            now_ms=owner.organisation.clock.business_ms,
        )
    except StripeKeyError as error:
        return _refused(request, services, owner, WRONG[error.why], status=422)
    except StripeAwayError:
        return _refused(request, services, owner, AWAY, status=503)
    except NoStripeHereError:
        return _refused(request, services, owner, NOT_HERE, status=409)
    return RedirectResponse("/payment-service?done=entered", 303)


@router.get("/payment-service/end")
def after_refusal(_owner: Owner) -> Response:
    """Where the language is changed after a refusal."""
    return RedirectResponse("/payment-service", 303)


@router.post("/payment-service/end", dependencies=[Depends(genuine_form)])
def end_form(services: PaymentServicesDep, owner: Owner) -> Response:
    """Charge nothing new with it."""
    organisation = owner.organisation
    with services.db.write() as conn:
        end_account(
            conn,
            organisation_id=organisation.id,
            provider=STRIPE,
            by=owner.principal.name,
            now_ms=organisation.clock.business_ms,
        )
    return RedirectResponse("/payment-service?done=ended", 303)


def _refused(request: Request, services: PaymentServices, owner: Visit, why: str, *, status: int) -> Response:
    return _draw(request, services, owner, notice=Notice("bad", owner.words.say(why)), status=status)


def _draw(
    request: Request, services: PaymentServices, owner: Visit, *, notice: Notice | None = None, status: int = 200
) -> Response:
    organisation_id = owner.organisation.id
    with services.db.read() as conn:
        accounts = accounts_of(conn, services.keyring, organisation_id=organisation_id, provider=STRIPE)
        payouts = _payouts(conn, organisation_id)
    current = next((one for one in accounts if one.until_ms is None), None)
    return page(
        "billing/payment_service.html",
        owner,
        status=status,
        notice=notice,
        current=current,
        hears=current is not None and current.webhook_secret is not None,
        before=[one for one in accounts if one.until_ms is not None],
        webhook_url=f"{str(request.base_url).rstrip('/')}/webhooks/stripe/{organisation_id}",
        told=TOLD,
        payouts=payouts,
        money=lambda one: _money(owner.words, one),
        checklist=[owner.words.say(one) for one in CHECKLIST],
        test=owner.organisation.clock.test,
    )


def _payouts(conn: Connection, organisation_id: int) -> Sequence[Row[*tuple[Any, ...]]]:
    column = provider_payout.c
    return conn.execute(
        select(column.reference, column.arrives_on, column.amount_minor, column.currency, column.by_hand)
        .where(column.organisation_id == organisation_id, column.provider == STRIPE)
        .order_by(column.arrives_on.desc(), column.id.desc())
        .limit(PAYOUTS_SHOWN)
    ).all()


def _money(words: Words, one: Row[*tuple[Any, ...]]) -> str:
    return words.money(Money(one.amount_minor, one.currency))
