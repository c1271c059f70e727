"""portillon-cloud provider-events: what a payment provider told and nobody could act on, and having it done again."""

import datetime
from typing import Annotated

import typer

from portillon_cloud.commands.choosing import the_organisation
from portillon_cloud.commands.errors import WhichOneError
from portillon_cloud.commands.session import Commands, Organisation, out, services_of
from portillon_cloud.payments.inbox import replay as events

app = typer.Typer(cls=Commands, no_args_is_help=True, help="What a payment provider told, and acting on it again.")


@app.command()
def parked(ctx: typer.Context, organisation: Organisation = None) -> None:
    """List what could not be acted on, and why."""
    services = services_of(ctx)
    with services.db.read() as conn:
        found = events.parked(conn, the_organisation(conn, organisation))
    for event_id, kind, error in found:
        out.print(f"{event_id}  {kind}  {error}", highlight=False, soft_wrap=True)
    if not found:
        out.print("Nothing: all that was told is acted on.")


@app.command()
def replay(
    ctx: typer.Context,
    event: Annotated[str | None, typer.Option(help="One event, by the provider's name for it.")] = None,
    since: Annotated[
        datetime.datetime | None,
        typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="All since then (UTC), listed anew as well."),
    ] = None,
    organisation: Organisation = None,
) -> None:
    """Have events acted on again. Safe at any time: what each is about is asked for anew, nothing is done twice."""
    services = services_of(ctx)
    with services.db.write() as conn:
        organisation_id = the_organisation(conn, organisation)
        if event is not None and since is None:
            events.replay_one(conn, organisation_id, event)
            count = 1
        elif since is not None and event is None:
            since_s = int(since.replace(tzinfo=datetime.UTC).timestamp())
            count = events.replay_since(conn, organisation_id, since_s)
        else:
            raise WhichOneError("say which: --event evt_…, or --since 2026-03-01")
    out.print(f"{count} acted on again, as soon as a worker runs.")
