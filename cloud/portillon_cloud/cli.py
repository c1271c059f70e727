"""The command line: `portillon-cloud --help` teaches it. Every option can also be set by its environment variable."""

import logging
from pathlib import Path
from typing import Annotated

import typer

from portillon_cloud.commands import billing, clock, provider_events, serving, stripe_account, takings
from portillon_cloud.commands.api_key import api_key
from portillon_cloud.commands.enrol_gateway import enrol_gateway
from portillon_cloud.commands.import_members import import_members
from portillon_cloud.commands.open_gym import open_gym
from portillon_cloud.commands.session import Commands, out, services_of
from portillon_cloud.database.migrate import migrate as migrate_schema
from portillon_cloud.gateways.broker import BrokerSettings
from portillon_cloud.settings import Settings

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    help="Portillon's cloud: members, money, and who may pass.",
)


@app.callback()
def settings(
    ctx: typer.Context,
    data_dir: Annotated[
        Path, typer.Option(envvar="PORTILLON_DATA_DIR", help="Keys, mail, and the SQLite database.")
    ] = Path("portillon-data"),
    database_url: Annotated[
        str | None,
        typer.Option(
            envvar="PORTILLON_DATABASE_URL", help="postgresql+psycopg://…; SQLite in the data folder if unset."
        ),
    ] = None,
    broker: Annotated[str | None, typer.Option(envvar="PORTILLON_BROKER", help="mqtts://host:8883")] = None,
    broker_ca: Annotated[Path | None, typer.Option(envvar="PORTILLON_BROKER_CA")] = None,
    broker_certificate: Annotated[Path | None, typer.Option(envvar="PORTILLON_BROKER_CERTIFICATE")] = None,
    broker_key: Annotated[Path | None, typer.Option(envvar="PORTILLON_BROKER_KEY")] = None,
    base_url: Annotated[
        str, typer.Option(envvar="PORTILLON_BASE_URL", help="Where gateways and people reach this cloud.")
    ] = "http://127.0.0.1:8000",
    smtp_host: Annotated[
        str | None, typer.Option(envvar="PORTILLON_SMTP_HOST", help="Letters go to data-dir/mail if unset.")
    ] = None,
    smtp_port: Annotated[int, typer.Option(envvar="PORTILLON_SMTP_PORT")] = 587,
    smtp_user: Annotated[str | None, typer.Option(envvar="PORTILLON_SMTP_USER")] = None,
    smtp_password: Annotated[str | None, typer.Option(envvar="PORTILLON_SMTP_PASSWORD")] = None,
    mail_from: Annotated[str, typer.Option(envvar="PORTILLON_MAIL_FROM")] = "portillon@localhost",
    webhooks_inside: Annotated[
        bool,
        typer.Option(envvar="PORTILLON_WEBHOOKS_INSIDE", help="Test organisations may send events inside."),
    ] = False,
    stripe_test_url: Annotated[
        str | None,
        typer.Option(envvar="PORTILLON_STRIPE_TEST_URL", help="A simulated Stripe for test keys (portillon_psp)."),
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log what is going on.")] = False,
) -> None:
    """Portillon's cloud."""
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("alembic").setLevel(logging.WARNING)
    shared = database_url is not None and not database_url.startswith("sqlite")
    ctx.obj = Settings(
        data_dir=data_dir,
        database_url=database_url,
        broker=None
        if broker is None
        else BrokerSettings(
            url=broker,
            ca_file=broker_ca,
            certificate_file=broker_certificate,
            private_key_file=broker_key,
            shared=shared,
        ),
        base_url=base_url,
        smtp_host=smtp_host,
        smtp_port=smtp_port,
        smtp_user=smtp_user,
        smtp_password=smtp_password,
        mail_from=mail_from,
        webhooks_inside=webhooks_inside,
        stripe_test_url=stripe_test_url,
    )


@app.command()
def serve(
    ctx: typer.Context,
    host: Annotated[
        str, typer.Option(envvar="PORTILLON_HOST", help="Loopback unless you say otherwise.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(envvar="PORTILLON_PORT")] = 8000,
) -> None:
    """Answer pages and API; with SQLite also do all the work. Ends on SIGTERM."""
    services = services_of(ctx)
    out.print(f"Portillon on http://{host}:{port}", highlight=False)
    serving.serve(services, host=host, port=port)


@app.command()
def work(ctx: typer.Context) -> None:
    """Ring timers, bill, charge, remind, feed gateways. PostgreSQL only; run as many as you like."""
    serving.work(services_of(ctx))


@app.command()
def migrate(ctx: typer.Context) -> None:
    """Bring the database's schema to this version. Make a backup first."""
    revision = migrate_schema(services_of(ctx, current=False).db)
    out.print(f"The schema is at {revision}.")


for _command in (open_gym, import_members, enrol_gateway, api_key):
    app.command()(_command)
app.add_typer(billing.app, name="billing")
app.add_typer(clock.app, name="clock")
app.add_typer(takings.app, name="takings")
app.add_typer(stripe_account.app, name="stripe")
app.add_typer(provider_events.app, name="provider-events")
