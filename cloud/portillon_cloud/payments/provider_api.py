"""With which account an organisation takes cards: entered and ended by an owner; its secrets go in and never out."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from portillon_cloud.clock import business_now_ms
from portillon_cloud.http.dependencies import require
from portillon_cloud.identity.principal import Principal
from portillon_cloud.identity.roles import Permission
from portillon_cloud.payments.api import PaymentServicesDep
from portillon_cloud.payments.provider_accounts import ProviderAccount, accounts_of, end_account
from portillon_cloud.payments.stripe.entering import Keys, enter_keys, stripe_of
from portillon_cloud.payments.tables import STRIPE

router = APIRouter(tags=["payments"])
Owner = Annotated[Principal, Depends(require(Permission.MANAGE_STAFF))]


class StripeKeys(BaseModel):
    """As Stripe's dashboard shows them. A test organisation takes test keys, a live one live keys."""

    model_config = ConfigDict(extra="forbid")

    secret_key: SecretStr = Field(min_length=12, max_length=300, description="sk_…, or rk_… if it is restricted")
    publishable_key: str | None = Field(default=None, min_length=12, max_length=300, description="For pages with cards")
    webhook_secret: SecretStr | None = Field(default=None, min_length=12, max_length=300, description="whsec_…")


class StripeAccountOut(BaseModel):
    """An account as far as it is shown. `until_ms`: since when nothing new is charged with it."""

    account: str
    publishable_key: str | None
    secret_last4: str
    has_webhook_secret: bool
    api_version: str
    since_ms: int
    until_ms: int | None


class StripeAccountsOut(BaseModel):
    """The current account first, and those before it. Stripe's webhooks are to be sent to `webhook_url`."""

    accounts: list[StripeAccountOut]
    webhook_url: str


@router.get("/payment-providers/stripe")
def stripe_accounts(request: Request, services: PaymentServicesDep, owner: Owner) -> StripeAccountsOut:
    """With which accounts at Stripe the organisation charges and charged."""
    with services.db.read() as conn:
        found = accounts_of(conn, services.keyring, organisation_id=owner.organisation_id, provider=STRIPE)
    return StripeAccountsOut(
        accounts=[_out(account) for account in found],
        webhook_url=f"{str(request.base_url).rstrip('/')}/webhooks/stripe/{owner.organisation_id}",
    )


@router.put("/payment-providers/stripe")
def enter_stripe_account(keys: StripeKeys, services: PaymentServicesDep, owner: Owner) -> StripeAccountOut:
    """Charge with this account from now on; the same account again gets new keys.

    409: Stripe does not take the key, or it is of the other mode; 503: Stripe gives no answer.
    """
    with services.db.read() as conn:
        now_ms = business_now_ms(conn, owner.organisation_id, services.clock.real_ms())
    account = enter_keys(
        stripe_of(services.provider),
        Keys(
            secret=keys.secret_key.get_secret_value().strip(),
            publishable=keys.publishable_key,
            webhook_secret=None if keys.webhook_secret is None else keys.webhook_secret.get_secret_value().strip(),
        ),
        organisation_id=owner.organisation_id,
        by=owner.name,
        now_ms=now_ms,
    )
    return _out(account)


@router.delete("/payment-providers/stripe", status_code=204)
def end_stripe_account(services: PaymentServicesDep, owner: Owner) -> None:
    """Charge nothing new with the account. What was charged with it is still settled, paid back and disputed."""
    with services.db.write() as conn:
        now_ms = business_now_ms(conn, owner.organisation_id, services.clock.real_ms())
        end_account(conn, organisation_id=owner.organisation_id, provider=STRIPE, by=owner.name, now_ms=now_ms)


def _out(account: ProviderAccount) -> StripeAccountOut:
    return StripeAccountOut(
        account=account.reference,
        publishable_key=account.publishable_key,
        secret_last4=account.secret_last4,
        has_webhook_secret=account.webhook_secret is not None,
        api_version=account.api_version,
        since_ms=account.since_ms,
        until_ms=account.until_ms,
    )
