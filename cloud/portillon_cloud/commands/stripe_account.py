"""portillon-cloud stripe: with which account at Stripe an organisation charges."""

from typing import Annotated

import typer

from portillon_cloud.clock import business_now_ms
from portillon_cloud.commands.choosing import the_organisation
from portillon_cloud.commands.session import Commands, Organisation, out, services_of
from portillon_cloud.payments.provider_accounts import accounts_of, end_account
from portillon_cloud.payments.stripe.entering import Keys, enter_keys, stripe_of
from portillon_cloud.payments.tables import STRIPE

app = typer.Typer(cls=Commands, no_args_is_help=True, help="The account at Stripe with which cards are charged.")


@app.command()
def enter(
    ctx: typer.Context,
    secret_key: Annotated[
        str,
        typer.Option(
            envvar="STRIPE_SECRET_KEY", prompt=True, hide_input=True, help="Asked for; never on the command line."
        ),
    ],
    publishable_key: Annotated[str | None, typer.Option(help="pk_…: cards are entered on our pages.")] = None,
    webhook_secret: Annotated[
        str | None, typer.Option(envvar="STRIPE_WEBHOOK_SECRET", help="whsec_…: Stripe's events are believed.")
    ] = None,
    organisation: Organisation = None,
) -> None:
    """Charge with this account from now on. The same account again gets the new keys."""
    services = services_of(ctx)
    with services.db.read() as conn:
        organisation_id = the_organisation(conn, organisation)
        now_ms = business_now_ms(conn, organisation_id, services.clock.real_ms())
    account = enter_keys(
        stripe_of(services.provider),
        Keys(secret=secret_key.strip(), publishable=publishable_key, webhook_secret=webhook_secret),
        organisation_id=organisation_id,
        by="command line",
        now_ms=now_ms,
    )
    out.print(f"Charging with {account.reference}, by the key that ends in {account.secret_last4}.", highlight=False)


@app.command()
def show(ctx: typer.Context, organisation: Organisation = None) -> None:
    """The accounts now and before. Of a key only the last four characters are shown."""
    services = services_of(ctx)
    with services.db.read() as conn:
        found = accounts_of(
            conn, services.keyring, organisation_id=the_organisation(conn, organisation), provider=STRIPE
        )
    for account in found:
        state = "in use" if account.until_ms is None else "ended"
        hears = "hears webhooks" if account.webhook_secret is not None else "no webhook secret"
        out.print(f"{account.reference}  …{account.secret_last4}  {state}  {hears}", highlight=False)
    if not found:
        out.print("None: enter one with 'portillon-cloud stripe enter'.")


@app.command()
def end(ctx: typer.Context, organisation: Organisation = None) -> None:
    """Charge nothing new with it. What was charged with it is still settled, paid back and disputed."""
    services = services_of(ctx)
    with services.db.write() as conn:
        organisation_id = the_organisation(conn, organisation)
        now_ms = business_now_ms(conn, organisation_id, services.clock.real_ms())
        ended = end_account(conn, organisation_id=organisation_id, provider=STRIPE, by="command line", now_ms=now_ms)
    out.print("It is ended." if ended else "There was none.")
