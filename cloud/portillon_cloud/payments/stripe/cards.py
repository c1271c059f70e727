"""A payer enters a card or an account in Stripe's own fields: begun here, believed only once Stripe says it is done.

Numbers go from the payer's browser to Stripe; what comes back is a token, the last four digits and the expiry.
"""

from dataclasses import dataclass, field

import stripe
from sqlalchemy import Connection, select
from stripe.params import SetupIntentCreateParams

from portillon_cloud.database.rows import insert_missing
from portillon_cloud.members.tables import account as payer_account
from portillon_cloud.payments import store
from portillon_cloud.payments.errors import UnknownAccountError
from portillon_cloud.payments.operations import add_payment_method
from portillon_cloud.payments.provider import ChargeOrder
from portillon_cloud.payments.provider_account_tables import provider_customer
from portillon_cloud.payments.provider_accounts import ProviderAccount
from portillon_cloud.payments.stripe.debit_terms import debit_terms
from portillon_cloud.payments.stripe.errors import NoStripeAccountError, SetupNotDoneError, StripeAwayError
from portillon_cloud.payments.stripe.methods import seen_method
from portillon_cloud.payments.stripe.provider import StripeProvider
from portillon_cloud.payments.tables import STRIPE, AttemptState, payment_method


@dataclass(frozen=True, slots=True, kw_only=True)
class ForBrowser:
    """What Stripe's script needs in the payer's browser. `secret` opens this one thing; `method`: to confirm with."""

    publishable_key: str
    secret: str = field(repr=False)
    reference: str
    method: str | None = None


@dataclass(frozen=True, slots=True)
class KeptCard:
    """A payment method as it was kept."""

    method_id: int
    label: str
    scheme: str | None


def begin_card(provider: StripeProvider, *, organisation_id: int, account_id: int) -> ForBrowser:
    """Let the payer enter a card or account. Raises UnknownAccountError, NoStripeAccountError, StripeAwayError."""
    with provider.db.read() as conn:
        _require_account(conn, organisation_id, account_id)
        terms = debit_terms(conn, account_id)
    there, publishable_key = _for_pages(provider, organisation_id)
    try:
        customer = _customer(provider, there, account_id)
        create = provider.at(there).client.v1.setup_intents.create
        asked: SetupIntentCreateParams = {
            "customer": customer,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "usage": "off_session",
        }
        try:
            setup = create({**asked, "payment_method_options": terms})
        except stripe.InvalidRequestError as error:
            if not (error.param or "").startswith("payment_method_options"):
                raise
            setup = create(asked)  # an account that takes no such debits may not like to hear of them
    except stripe.StripeError as error:
        raise _away(error) from error
    return ForBrowser(publishable_key=publishable_key, secret=str(setup.client_secret), reference=setup.id)


def keep_card(provider: StripeProvider, *, organisation_id: int, account_id: int, setup: str, now_ms: int) -> KeptCard:
    """Keep what the payer entered, if Stripe says that it is done and theirs; it is what is charged from now on.

    The same one again changes nothing. Raises SetupNotDoneError and what `begin_card` raises.
    """
    there, _ = _for_pages(provider, organisation_id)
    with provider.db.read() as conn:
        _require_account(conn, organisation_id, account_id)
        customer = _known_customer(conn, there, account_id)
    client = provider.at(there).client
    try:
        done = client.v1.setup_intents.retrieve(setup)
        if done.status != "succeeded" or done.customer != customer or not isinstance(done.payment_method, str):
            raise SetupNotDoneError("no card was entered with this, or not for this account; open the page again")
        method = client.v1.payment_methods.retrieve(done.payment_method)
    except stripe.InvalidRequestError as error:
        raise SetupNotDoneError("Stripe knows of no card that was entered with this; open the page again") from error
    except stripe.StripeError as error:
        raise _away(error) from error
    seen = seen_method(method)
    token = f"{customer}:{method.id}"
    with provider.db.write() as conn:
        known: int | None = conn.scalar(
            select(payment_method.c.id).where(
                payment_method.c.organisation_id == organisation_id,
                payment_method.c.provider == STRIPE,
                payment_method.c.token == token,
            )
        )
        if known is None:
            known = add_payment_method(
                conn,
                organisation_id=organisation_id,
                account_id=account_id,
                provider=STRIPE,
                token=token,
                label=seen.label,
                expires=None if seen.exp_year is None or seen.exp_month is None else (seen.exp_year, seen.exp_month),
                scheme=seen.scheme,
                now_ms=now_ms,
            )
    return KeptCard(known, seen.label, seen.scheme)


def begin_confirmation(
    provider: StripeProvider, *, organisation_id: int, account_id: int, now_ms: int
) -> ForBrowser | None:
    """What the payer's bank wants confirmed, for their browser; None: nothing waits for them."""
    with provider.db.write() as conn:
        waiting = [
            _order(intent, live, now_ms)
            for intent in store.lock_live_intents(conn, account_id)
            if intent.organisation_id == organisation_id
            and (live := store.live_attempt(conn, intent.id)) is not None
            and live.state is AttemptState.ACTION_REQUIRED
            and live.provider == STRIPE
        ]
    for order in waiting:
        there = provider.keeper_of(order)
        if there is None or there.publishable_key is None:
            continue
        try:
            intent = provider.at(there).intent_of(order)
        except stripe.StripeError as error:
            raise _away(error) from error
        if intent is not None and intent.client_secret is not None:
            return ForBrowser(
                publishable_key=there.publishable_key,
                secret=intent.client_secret,
                reference=intent.id,
                method=order.token.partition(":")[2],
            )
    return None


def _order(intent: store.Intent, live: store.Attempt, now_ms: int) -> ChargeOrder:
    return ChargeOrder(
        organisation_id=intent.organisation_id,
        provider=live.provider,
        key=live.key,
        token=live.token,
        amount_minor=intent.amount_minor,
        currency=intent.currency,
        now_ms=now_ms,
    )


def _for_pages(provider: StripeProvider, organisation_id: int) -> tuple[ProviderAccount, str]:
    there = provider.current(organisation_id)
    if there is None or there.publishable_key is None:
        raise NoStripeAccountError(
            f"organisation {organisation_id} takes no cards on pages: an owner enters Stripe's keys, the public one too"
        )
    return there, there.publishable_key


def _customer(provider: StripeProvider, there: ProviderAccount, account_id: int) -> str:
    with provider.db.read() as conn:
        known = _known_customer(conn, there, account_id)
        payer = conn.execute(
            select(payer_account.c.name, payer_account.c.email).where(payer_account.c.id == account_id)
        ).one()
    if known is not None:
        return known
    made = provider.at(there).client.v1.customers.create(
        {
            "name": payer.name,
            "metadata": {"portillon_account": str(account_id)},
            **({"email": payer.email} if payer.email else {}),
        }
    )  # asked twice at once there are two, and the first is kept: a customer costs nobody anything
    with provider.db.write() as conn:
        insert_missing(
            conn,
            provider_customer,
            ("organisation_id", "account_id", "provider_account_id", "reference"),
            [(there.organisation_id, account_id, there.id, made.id)],
            unique=("account_id", "provider_account_id"),
        )
        return str(_known_customer(conn, there, account_id))


def _known_customer(conn: Connection, there: ProviderAccount, account_id: int) -> str | None:
    found: str | None = conn.scalar(
        select(provider_customer.c.reference).where(
            provider_customer.c.organisation_id == there.organisation_id,
            provider_customer.c.account_id == account_id,
            provider_customer.c.provider_account_id == there.id,
        )
    )
    return found


def _require_account(conn: Connection, organisation_id: int, account_id: int) -> None:
    found = conn.scalar(
        select(payer_account.c.id).where(
            payer_account.c.id == account_id, payer_account.c.organisation_id == organisation_id
        )
    )
    if found is None:
        raise UnknownAccountError(f"organisation {organisation_id} has no account {account_id}")


def _away(error: stripe.StripeError) -> StripeAwayError:
    return StripeAwayError(f"Stripe gives no answer now ({type(error).__name__}); try again soon")
