"""An owner enters the keys of their account at Stripe: tried at once, kept sealed, shown never again."""

from dataclasses import dataclass, field

import stripe
from sqlalchemy import select

from portillon_cloud.members.tables import organisation
from portillon_cloud.payments.inbox.sweeping import watch
from portillon_cloud.payments.provider import PaymentProvider
from portillon_cloud.payments.provider_accounts import NewAccount, ProviderAccount, accounts_of, enter_account
from portillon_cloud.payments.routing import Routing
from portillon_cloud.payments.stripe.connection import API_VERSION, mode_of
from portillon_cloud.payments.stripe.errors import (
    NoStripeHereError,
    StripeAwayError,
    StripeKeyError,
    WrongKey,
)
from portillon_cloud.payments.stripe.provider import StripeProvider
from portillon_cloud.payments.tables import STRIPE


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """As Stripe's dashboard shows them. Without a publishable key no card is taken on a page of ours."""

    secret: str = field(repr=False)
    publishable: str | None = None
    webhook_secret: str | None = field(default=None, repr=False)


def stripe_of(provider: PaymentProvider) -> StripeProvider:
    """The way to Stripe. Raises NoStripeHereError if this installation has none."""
    found = provider.providers.get(STRIPE) if isinstance(provider, Routing) else provider
    if not isinstance(found, StripeProvider):
        raise NoStripeHereError("this installation takes no payments by Stripe")
    return found


def enter_keys(provider: StripeProvider, keys: Keys, *, organisation_id: int, by: str, now_ms: int) -> ProviderAccount:
    """Charge with the account that these keys open from now on. Raises StripeKeyError, StripeAwayError."""
    mode = mode_of(keys.secret)
    _check(keys, mode)
    with provider.db.read() as conn:
        of_organisation = conn.scalar(select(organisation.c.mode).where(organisation.c.id == organisation_id))
    if mode != of_organisation:
        raise StripeKeyError(
            f"organisation {organisation_id} is {of_organisation}, the key is a {mode} key: it takes only its own kind",
            WrongKey.OTHER_MODE,
        )
    try:
        reference = provider.connections.client(keys.secret).v1.accounts.retrieve_current().id
    except (stripe.AuthenticationError, stripe.PermissionError) as error:
        raise StripeKeyError(
            "Stripe does not take this key; copy it again (a restricted key must be allowed to read the account)",
            WrongKey.NOT_TAKEN,
        ) from error
    except stripe.StripeError as error:
        raise StripeAwayError(f"Stripe gives no answer now ({type(error).__name__}); nothing was changed") from error
    new = NewAccount(
        organisation_id=organisation_id,
        provider=STRIPE,
        mode=mode,
        reference=reference,
        secret=keys.secret,
        publishable_key=keys.publishable,
        webhook_secret=keys.webhook_secret,
        api_version=API_VERSION,
        by=by,
    )
    with provider.db.write() as conn:
        made = enter_account(conn, provider.keyring, new, now_ms=now_ms)
        # A test account's clock may stand anywhere: all that it still lists is heard.
        from_s = 0 if mode == "test" else now_ms // 1000
        watch(conn, organisation_id=organisation_id, provider=STRIPE, from_s=from_s)
        found = accounts_of(conn, provider.keyring, organisation_id=organisation_id, provider=STRIPE)
    return next(account for account in found if account.id == made)


def _check(keys: Keys, mode: str) -> None:
    if keys.publishable is not None and not keys.publishable.startswith(f"pk_{mode}_"):
        raise StripeKeyError(
            f"beside this secret key the publishable key begins with pk_{mode}_", WrongKey.PUBLISHABLE_KEY
        )
    if keys.webhook_secret is not None and not keys.webhook_secret.startswith("whsec_"):
        raise StripeKeyError("the signing secret of an endpoint begins with whsec_", WrongKey.WEBHOOK_SECRET)
