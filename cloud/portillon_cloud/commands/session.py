"""What every command shares: the services of this run, its way of speaking, and how it says no."""

from typing import Annotated, Any

import typer
from rich.console import Console
from typer.core import TyperGroup

from portillon_cloud.commands.errors import WorkRefusedError
from portillon_cloud.database.errors import DatabaseUrlError, SchemaError
from portillon_cloud.database.migrate import require_current
from portillon_cloud.errors import CloudError
from portillon_cloud.gateways.errors import BrokerUrlError
from portillon_cloud.main import Services, compose
from portillon_cloud.secrets import SecretsError

EXIT_CONFIGURATION = 78  # sysexits.h EX_CONFIG: systemd does not start the unit again
_CONFIGURATION = (DatabaseUrlError, SchemaError, SecretsError, BrokerUrlError, WorkRefusedError)

out = Console()
err = Console(stderr=True)

Organisation = Annotated[int | None, typer.Option("--organisation", help="Which one, if there are several.")]
Site = Annotated[int | None, typer.Option("--site", help="Which one, if there are several.")]


class Commands(TyperGroup):
    """Says what went wrong in one sentence instead of a traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; an error of the house ends it with 78 for a wrong configuration, else with 1."""
        try:
            return super().invoke(ctx)
        except CloudError as error:
            err.print(f"{type(error).__name__}: {error}", style="red", highlight=False, markup=False, soft_wrap=True)
            ctx.exit(EXIT_CONFIGURATION if isinstance(error, _CONFIGURATION) else 1)


def services_of(ctx: typer.Context, *, current: bool = True) -> Services:
    """The services of this run, closed at its end; `current`: the schema must be this version's."""
    services = compose(ctx.obj)
    ctx.call_on_close(services.close)
    if current:
        require_current(services.db)
    return services
