"""The command line: `portillon-cloud --help` teaches it. Every option can also be set by its environment variable."""

import datetime
import logging
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.progress import Progress
from typer.core import TyperGroup

from portillon_cloud.clock import ClockReading, read_clock
from portillon_cloud.clock.operations import running_job, set_rate
from portillon_cloud.commands import serving
from portillon_cloud.commands.choosing import the_organisation, the_site
from portillon_cloud.commands.enrol_gateway import enrol
from portillon_cloud.commands.errors import WorkRefusedError
from portillon_cloud.commands.import_members import import_file
from portillon_cloud.commands.open_gym import Opening
from portillon_cloud.commands.open_gym import open_gym as open_a_gym
from portillon_cloud.commands.turn_clock import advance_and_wait
from portillon_cloud.database.errors import DatabaseUrlError, SchemaError
from portillon_cloud.database.migrate import migrate as migrate_schema
from portillon_cloud.database.migrate import require_current
from portillon_cloud.errors import CloudError
from portillon_cloud.gateways.broker import BrokerSettings
from portillon_cloud.gateways.errors import BrokerUrlError
from portillon_cloud.identity.operations import create_api_key
from portillon_cloud.identity.roles import Role
from portillon_cloud.main import Services, compose
from portillon_cloud.members.organisations import time_zone_of
from portillon_cloud.secrets import SecretsError
from portillon_cloud.settings import Settings

EXIT_CONFIGURATION = 78  # sysexits.h EX_CONFIG: systemd does not start the unit again
_CONFIGURATION = (DatabaseUrlError, SchemaError, SecretsError, BrokerUrlError, WorkRefusedError)
PROBLEMS_SHOWN = 50

out = Console()
err = Console(stderr=True)


class _Commands(TyperGroup):
    """Says what went wrong in one sentence instead of a traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except CloudError as error:
            err.print(f"[red]{type(error).__name__}[/red]: {error}", highlight=False, soft_wrap=True)
            ctx.exit(EXIT_CONFIGURATION if isinstance(error, _CONFIGURATION) else 1)


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    help="Portillon's cloud: members, money, and who may pass.",
)
clock_app = typer.Typer(cls=_Commands, no_args_is_help=True, help="The business clock of a test organisation.")
app.add_typer(clock_app, name="clock")

Organisation = Annotated[int | None, typer.Option("--organisation", help="Which one, if there are several.")]
Site = Annotated[int | None, typer.Option("--site", help="Which one, if there are several.")]


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
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log what is going on.")] = False,
) -> None:
    """Portillon's cloud."""
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
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
    )


def _services(ctx: typer.Context, *, current: bool = True) -> Services:
    """The services of this run, closed at its end; `current`: the schema must be this version's."""
    services = compose(ctx.obj)
    ctx.call_on_close(services.close)
    if current:
        require_current(services.db)
    return services


@app.command()
def serve(
    ctx: typer.Context,
    host: Annotated[
        str, typer.Option(envvar="PORTILLON_HOST", help="Loopback unless you say otherwise.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(envvar="PORTILLON_PORT")] = 8000,
) -> None:
    """Answer pages and API; with SQLite also do all the work. Ends on SIGTERM."""
    services = _services(ctx)
    out.print(f"Portillon on http://{host}:{port}", highlight=False)
    serving.serve(services, host=host, port=port)


@app.command()
def work(ctx: typer.Context) -> None:
    """Ring timers, bill, charge, remind, feed gateways. PostgreSQL only; run as many as you like."""
    serving.work(_services(ctx))


@app.command()
def migrate(ctx: typer.Context) -> None:
    """Bring the database's schema to this version. Make a backup first."""
    revision = migrate_schema(_services(ctx, current=False).db)
    out.print(f"The schema is at {revision}.")


@app.command()
def open_gym(
    ctx: typer.Context,
    name: Annotated[str, typer.Option(help="Of the gym.")],
    owner_email: Annotated[str, typer.Option()],
    owner_password: Annotated[
        str, typer.Option(prompt=True, hide_input=True, confirmation_prompt=True, envvar="PORTILLON_OWNER_PASSWORD")
    ],
    owner_name: Annotated[str, typer.Option()] = "Owner",
    live: Annotated[
        bool, typer.Option("--live", help="For real: no movable clock, no simulated payments. Fixed for ever.")
    ] = False,
    country: Annotated[str, typer.Option(help="CA, FR")] = "CA",
    province: Annotated[str | None, typer.Option(help="QC; it decides the consumer law.")] = "QC",
    language: Annotated[str, typer.Option(help="en, fr")] = "fr",
    time_zone: Annotated[str, typer.Option()] = "America/Toronto",
    currency: Annotated[str, typer.Option()] = "CAD",
    tax_regime: Annotated[str, typer.Option(help="ca-qc, fr, none")] = "ca-qc",
    tax_inclusive: Annotated[bool, typer.Option("--tax-inclusive", help="The price has its taxes inside.")] = False,
    plan_code: Annotated[str, typer.Option(help="What imports call the plan.")] = "gym",
    plan_name: Annotated[str, typer.Option()] = "Abonnement",
    amount_minor: Annotated[int, typer.Option(help="Price of a month in cents.")] = 50_00,
    term_months: Annotated[int, typer.Option(help="Contract term; 0: open-ended (not lawful in Quebec).")] = 12,
    clock_starts: Annotated[
        datetime.datetime | None, typer.Option(help="Local time at which a test gym's clock starts; now if unset.")
    ] = None,
) -> None:
    """Open a gym: organisation, legal entity, site, plan and price, and its owner's login."""
    services = _services(ctx)
    made = open_a_gym(
        services,
        Opening(
            mode="live" if live else "test",
            name=name,
            country=country,
            province=province or None,
            language=language,
            time_zone=time_zone,
            currency=currency,
            tax_regime=tax_regime,
            tax_inclusive=tax_inclusive,
            plan_code=plan_code,
            plan_name=plan_name,
            amount_minor=amount_minor,
            term_months=term_months or None,
            owner_email=owner_email,
            owner_name=owner_name,
            owner_password=owner_password,
            clock_starts=clock_starts,
        ),
    )
    out.print(
        f"{name} is open: organisation {made.organisation_id}, site {made.site_id}, plan {plan_code!r}.\n"
        "Next:\n"
        f"  portillon-cloud import-members FILE.csv --organisation {made.organisation_id}\n"
        f"  portillon-cloud enrol-gateway GATEWAY DIRECTORY --organisation {made.organisation_id}\n"
        f"  portillon-cloud serve   then open {services.settings.base_url} and sign in as {owner_email}",
        highlight=False,
        soft_wrap=True,
    )


@app.command()
def import_members(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="CSV with at least first_name, last_name, plan, contract_start.")],
    organisation: Organisation = None,
    site: Site = None,
    allow_partial: Annotated[
        bool, typer.Option("--allow-partial", help="Import the good lines of a bad file.")
    ] = False,
) -> None:
    """Import members with cards, contracts and payment tokens. A bad line is reported, and then nothing is imported."""
    services = _services(ctx)
    with services.db.read() as conn:
        organisation_id = the_organisation(conn, organisation)
        site_id = the_site(conn, organisation_id, site)
    with Progress(console=err, transient=True) as bar:
        task = bar.add_task("importing", total=None)
        report = import_file(
            services,
            file,
            organisation_id=organisation_id,
            site_id=site_id,
            allow_partial=allow_partial,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    for problem in report.problems[:PROBLEMS_SHOWN]:
        err.print(f"{file}: {problem}", highlight=False, markup=False, soft_wrap=True)
    if len(report.problems) > PROBLEMS_SHOWN:
        err.print(f"… and {len(report.problems) - PROBLEMS_SHOWN} more")
    if report.problems and not allow_partial:
        err.print(
            f"[red]{len(report.problems)} problems: nothing was imported.[/red] Mend them, or use --allow-partial."
        )
        raise typer.Exit(1)
    out.print(f"{report.imported} members imported.")
    if report.problems:
        raise typer.Exit(1)


@app.command()
def api_key(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="What it is for.")],
    role: Annotated[Role, typer.Option()] = Role.OWNER,
    organisation: Organisation = None,
) -> None:
    """Make a key for /api/v1 and print it, this once."""
    services = _services(ctx)
    with services.db.write() as conn:
        key = create_api_key(
            conn,
            organisation_id=the_organisation(conn, organisation),
            name=name,
            role=role,
            now_ms=services.clock.real_ms(),
        )
    typer.echo(key)


@app.command()
def enrol_gateway(
    ctx: typer.Context,
    gateway: Annotated[str, typer.Argument(help="Its id: letters, digits, dashes.")],
    directory: Annotated[Path, typer.Argument(help="Where its files are written.")],
    name: Annotated[str | None, typer.Option(help="What people call it.")] = None,
    authority: Annotated[
        Path | None, typer.Option(help="Folder of the certificate authority, made at the first call.")
    ] = None,
    organisation: Organisation = None,
    site: Site = None,
) -> None:
    """Enrol a gateway and write its configuration, keys and certificate; add its devices and doors by hand."""
    services = _services(ctx)
    with services.db.read() as conn:
        organisation_id = the_organisation(conn, organisation)
        site_id = the_site(conn, organisation_id, site)
    broker = services.settings.broker
    path = enrol(
        services,
        organisation_id=organisation_id,
        site_id=site_id,
        gateway_id=gateway,
        name=name or gateway,
        broker="mqtt://127.0.0.1:1883" if broker is None else broker.url,
        directory=directory,
        authority_dir=authority,
    )
    out.print(
        f"Wrote {path}. Add its readers, outputs and doors, then: portillon-edge check --config {path}", soft_wrap=True
    )


@clock_app.command("show")
def clock_show(ctx: typer.Context, organisation: Organisation = None) -> None:
    """What time it is for the organisation."""
    services = _services(ctx)
    with services.db.read() as conn:
        organisation_id = the_organisation(conn, organisation)
        reading = read_clock(conn, organisation_id, services.clock.real_ms())
        zone = time_zone_of(conn, organisation_id)
        busy = running_job(conn, organisation_id) is not None
    _say(reading, zone)
    if busy:
        out.print("It is being advanced.")


@clock_app.command("rate")
def clock_rate(
    ctx: typer.Context,
    rate: Annotated[int, typer.Argument(min=0, max=1, help="0: stand still, 1: run.")],
    organisation: Organisation = None,
) -> None:
    """Let the clock stand or run."""
    services = _services(ctx)
    with services.db.write() as conn:
        organisation_id = the_organisation(conn, organisation)
        reading = set_rate(conn, organisation_id, rate=rate, real_ms=services.clock.real_ms())
        zone = time_zone_of(conn, organisation_id)
    _say(reading, zone)


@clock_app.command("advance")
def clock_advance(
    ctx: typer.Context,
    to: Annotated[datetime.datetime, typer.Argument(help="Local time to reach, like 2026-02-28T12:00:00.")],
    organisation: Organisation = None,
) -> None:
    """Take the clock to a later time, through everything that falls due on the way."""
    services = _services(ctx)
    with services.db.read() as conn:
        organisation_id = the_organisation(conn, organisation)
        zone = time_zone_of(conn, organisation_id)
        start_ms = read_clock(conn, organisation_id, services.clock.real_ms()).business_ms
    target_ms = int(to.replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)
    with Progress(console=err, transient=True) as bar:
        task = bar.add_task("advancing", total=max(1, target_ms - start_ms))
        advance_and_wait(
            services,
            organisation_id,
            target_ms=target_ms,
            told=lambda now_ms: bar.update(task, completed=now_ms - start_ms),
        )
    with services.db.read() as conn:
        _say(read_clock(conn, organisation_id, services.clock.real_ms()), zone)


def _say(reading: ClockReading, zone: str) -> None:
    local = datetime.datetime.fromtimestamp(reading.business_ms / 1000, ZoneInfo(zone))
    state = "live" if reading.mode == "live" else ("running" if reading.rate else "standing")
    out.print(f"{local:%Y-%m-%d %H:%M:%S} {zone} ({state}, turned {reading.clock_rev} times)", highlight=False)
