"""`portillon-edge card keys`: the desk's file of card keys, and the part of it that a gateway gets."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from portillon_drivers.cards.errors import CardError
from portillon_drivers.cards.keyring import load_card_keys
from portillon_drivers.cards.keyring_file import CardKeyringError, write_private
from portillon_drivers.cards.keyring_making import for_gateway, keyring_text, new_keyring, retired, rotated
from portillon_drivers.errors import DriverError
from portillon_drivers.nfc.iso_dep import CardLost

from portillon_edge import exit_codes
from portillon_edge.technician.card_on_reader import NoCard

EXAMPLE = "\b\nExamples:\n"

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="The file of card keys. The desk's makes cards; a gateway gets a part of it that only reads them.",
)

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The desk's keyring file.")]


@app.command("new", epilog=EXAMPLE + "  portillon-edge card keys new desk.keys")
def new_keys(file: FileArgument) -> None:
    """Make a keyring with random keys, readable by you alone. Back it up: cards cannot be renewed without it."""
    with said():
        write_private(file, keyring_text(new_keyring()), replace=False)
    typer.echo(f"{file} is the desk's keyring, version 1. Back it up, and keep it away from the gateways; for those:")
    typer.echo(f"portillon-edge card keys for-gateway {file} {file.name}.gateway")


@app.command("rotate", epilog=EXAMPLE + "  portillon-edge card keys rotate desk.keys")
def rotate_keys(file: FileArgument) -> None:
    """Add a new version: new cards get it, cards with the older ones are still accepted until those are retired."""
    with said():
        keyring = rotated(load_card_keys(file))
        write_private(file, keyring_text(keyring), replace=True)
    typer.echo(f"{file}: version {keyring.current.version} is current. Give every gateway its part anew before the")
    typer.echo("first card is written with it: portillon-edge card keys for-gateway")


@app.command("retire", epilog=EXAMPLE + "  portillon-edge card keys retire desk.keys 1")
def retire_keys(file: FileArgument, version: Annotated[int, typer.Argument(metavar="VERSION")]) -> None:
    """Drop an old version: whoever still has such a card is refused once the gateways have the new part."""
    with said():
        write_private(file, keyring_text(retired(load_card_keys(file), version)), replace=True)
    typer.echo(f"{file}: version {version} is gone. Give every gateway its part anew.")


@app.command(
    "for-gateway", epilog=EXAMPLE + "  portillon-edge card keys for-gateway desk.keys /etc/portillon/card.keys"
)
def gateway_keys(
    file: FileArgument,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The gateway's keyring file; replaced if it is there.")],
) -> None:
    """Write the part that a gateway needs: it reads cards with it, and can neither write nor sign any."""
    with said():
        keyring = load_card_keys(file)
        if out.absolute() == file.absolute():
            raise CardKeyringError(f"{out} is the desk's keyring itself; give the gateway's another name")
        write_private(out, keyring_text(for_gateway(keyring)), replace=True)
    versions = ", ".join(str(known.version) for known in keyring.versions)
    typer.echo(f"{out} accepts version {versions}. It must belong to the gateway's user, with mode 0600; then restart.")


@contextmanager
def said() -> Iterator[None]:
    """Tell an expected failure in a sentence, and end with its exit status."""
    try:
        yield
    except CardKeyringError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(exit_codes.CONFIG) from None
    except CardLost as error:
        typer.echo(f"The card was lost: {error}. Lay it flat and still, and run the same command again.", err=True)
        raise typer.Exit(exit_codes.NOT_SO) from None
    except (NoCard, CardError, DriverError) as error:
        typer.echo(f"{error}.", err=True)
        raise typer.Exit(exit_codes.NOT_SO) from None
