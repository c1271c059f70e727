"""portillon-cloud takings: check the record of what consumers paid, and archive it, signed."""

import datetime
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import Connection, select

from portillon_cloud.commands.choosing import the_organisation
from portillon_cloud.commands.errors import WhichOneError
from portillon_cloud.commands.session import Commands, Organisation, out, services_of
from portillon_cloud.members.tables import legal_entity
from portillon_cloud.takings.archive import archive_key, faults, read_archive, write_archive
from portillon_cloud.takings.errors import TakingsBrokenError

app = typer.Typer(cls=Commands, no_args_is_help=True, help="What consumers paid, on a record that shows any change.")

Entity = Annotated[int | None, typer.Option("--legal-entity", help="Which one, if there are several.")]


@app.command()
def check(ctx: typer.Context, organisation: Organisation = None, entity: Entity = None) -> None:
    """Read the whole record and say whether anything was changed, left out or put in."""
    services = services_of(ctx)
    with services.db.read() as conn:
        found = list(faults(conn, _the_entity(conn, the_organisation(conn, organisation), entity)))
    if found:
        raise TakingsBrokenError("; ".join(f"{fault.where} {fault.what}" for fault in found[:20]))
    out.print("The record is whole.")


@app.command()
def archive(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="Where to write it; must not be there yet.")],
    from_on: Annotated[datetime.datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First day.")],
    until_on: Annotated[datetime.datetime, typer.Option("--until", formats=["%Y-%m-%d"], help="First day not in it.")],
    organisation: Organisation = None,
    entity: Entity = None,
) -> None:
    """Write the takings of some days and their closures to a signed file. Keep it for six years, apart from here."""
    if file.exists():
        raise TakingsBrokenError(f"{file} is there already; an archive is never written over")
    services = services_of(ctx)
    with services.db.read() as conn:
        count = write_archive(
            conn,
            services.keyring,
            file,
            legal_entity_id=_the_entity(conn, the_organisation(conn, organisation), entity),
            from_on=from_on.date(),
            until_on=until_on.date(),
        )
    out.print(
        f"{count} records. They are checked with key {archive_key(services.keyring).public.hex()}", soft_wrap=True
    )


@app.command()
def verify(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="An archive.")],
    key: Annotated[str | None, typer.Option(help="64 hex digits; this installation's own if left out.")] = None,
) -> None:
    """Say whether an archive is what was signed, and its record whole."""
    public = bytes.fromhex(key) if key is not None else archive_key(services_of(ctx).keyring).public
    out.print(f"{read_archive(file, public)} records, signed and whole.")


def _the_entity(conn: Connection, organisation_id: int, wanted: int | None) -> int:
    found: list[int] = list(
        conn.scalars(
            select(legal_entity.c.id)
            .where(legal_entity.c.organisation_id == organisation_id)
            .order_by(legal_entity.c.id)
        )
    )
    if wanted is None and len(found) == 1:
        return found[0]
    if wanted is not None and wanted in found:
        return wanted
    raise WhichOneError(f"choose one with --legal-entity: {', '.join(str(one) for one in found)}")
