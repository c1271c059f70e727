"""portillon-cloud api-key: a key for programs."""

from typing import Annotated

import typer

from portillon_cloud.commands.choosing import the_organisation
from portillon_cloud.commands.session import Organisation, services_of
from portillon_cloud.identity.operations import create_api_key
from portillon_cloud.identity.roles import Role


def api_key(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="What it is for.")],
    role: Annotated[Role, typer.Option()] = Role.OWNER,
    organisation: Organisation = None,
) -> None:
    """Make a key for /api/v1 and print it, this once."""
    services = services_of(ctx)
    with services.db.write() as conn:
        key = create_api_key(
            conn,
            organisation_id=the_organisation(conn, organisation),
            name=name,
            role=role,
            now_ms=services.clock.real_ms(),
        )
    typer.echo(key)
