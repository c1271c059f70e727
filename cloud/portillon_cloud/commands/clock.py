"""portillon-cloud clock: show, turn and advance a test organisation's business clock."""

import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.progress import Progress

from portillon_cloud.clock import ClockReading, read_clock
from portillon_cloud.clock.operations import running_job, set_rate
from portillon_cloud.commands.choosing import the_organisation
from portillon_cloud.commands.session import Commands, Organisation, err, out, services_of
from portillon_cloud.commands.turn_clock import advance_and_wait
from portillon_cloud.members.organisations import time_zone_of

app = typer.Typer(cls=Commands, no_args_is_help=True, help="The business clock of a test organisation.")


@app.command()
def show(ctx: typer.Context, organisation: Organisation = None) -> None:
    """What time it is for the organisation."""
    services = services_of(ctx)
    with services.db.read() as conn:
        organisation_id = the_organisation(conn, organisation)
        reading = read_clock(conn, organisation_id, services.clock.real_ms())
        zone = time_zone_of(conn, organisation_id)
        busy = running_job(conn, organisation_id) is not None
    _say(reading, zone)
    if busy:
        out.print("It is being advanced.")


@app.command()
def rate(
    ctx: typer.Context,
    rate: Annotated[int, typer.Argument(min=0, max=1, help="0: stand still, 1: run.")],
    organisation: Organisation = None,
) -> None:
    """Let the clock stand or run."""
    services = services_of(ctx)
    with services.db.write() as conn:
        organisation_id = the_organisation(conn, organisation)
        reading = set_rate(conn, organisation_id, rate=rate, real_ms=services.clock.real_ms())
        zone = time_zone_of(conn, organisation_id)
    _say(reading, zone)


@app.command()
def advance(
    ctx: typer.Context,
    to: Annotated[datetime.datetime, typer.Argument(help="Local time to reach, like 2026-02-28T12:00:00.")],
    organisation: Organisation = None,
) -> None:
    """Take the clock to a later time, through everything that falls due on the way."""
    services = services_of(ctx)
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
    out.print(f"{local:%Y-%m-%d %H:%M:%S} {zone} ({state}, clock revision {reading.clock_rev})", highlight=False)
