"""`portillon-edge journal`: whether the journal on this machine is as it was written."""

from pathlib import Path
from typing import Annotated

import typer
from portillon_config import ConfigError, load, load_site_keys

from portillon_edge import exit_codes
from portillon_edge.store.chain import chain_keys
from portillon_edge.store.chain_look import look_at_chains

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Look after the journal of this gateway.")
ConfigOption = Annotated[
    Path, typer.Option("--config", "-c", help="The gateway's .toml file.", show_default=True, metavar="FILE")
]
DEFAULT_CONFIG = Path("/etc/portillon/gateway.toml")


@app.callback()
def journal() -> None:
    """Keeps `verify` a command of its own name."""


@app.command(epilog="\b\nExamples:\n  portillon-edge journal verify   # the gateway may run meanwhile")
def verify(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Check the hash chain of every journal file, row by row. Exit status 1: rows were changed, added or removed."""
    try:
        settings = load(config)
        keys = chain_keys(load_site_keys(settings))
    except ConfigError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(exit_codes.CONFIG) from None
    looks = look_at_chains(settings.gateway.data_dir, keys)
    for look in looks:
        typer.echo(str(look))
    if not looks:
        typer.echo(f"{settings.gateway.data_dir}: no journal has been written here yet.")
    raise typer.Exit(exit_codes.OK if all(look.well for look in looks) else exit_codes.NOT_SO)
