"""portillon-cloud billing: what this version of the engine would have done otherwise."""

from typing import Annotated

import typer
from rich.table import Table

from portillon_cloud.billing.engine_differences import engine_differences
from portillon_cloud.billing.invoice import ENGINE
from portillon_cloud.commands.choosing import the_legal_entity, the_organisation
from portillon_cloud.commands.session import Commands, Organisation, out, services_of

app = typer.Typer(cls=Commands, no_args_is_help=True, help="Invoices, and the engine that makes them.")

SHOWN_MOST = 200


@app.callback()
def billing() -> None:
    """Invoices, and the engine that makes them."""


@app.command()
def differences(
    ctx: typer.Context,
    organisation: Organisation = None,
    entity: Annotated[int | None, typer.Option("--legal-entity", help="Which one, if there are several.")] = None,
) -> None:
    """List what this version would have billed otherwise. Nothing is changed: past documents stay as they are."""
    services = services_of(ctx)
    table, count = Table("Subscription", "Invoice", "What", "From", "Until", "Was", "Would be", "Engine"), 0
    with services.db.read() as conn:
        legal_entity_id = the_legal_entity(conn, the_organisation(conn, organisation), entity)
        for one in engine_differences(conn, legal_entity_id):
            count += 1
            if count > SHOWN_MOST:
                continue
            cells = (one.subscription_id, one.invoice_id, one.component or one.kind, one.period_start, one.period_end)
            table.add_row(
                *("" if cell is None else str(cell) for cell in cells),
                str(one.was_minor),
                str(one.would_minor),
                one.engine or "",
            )
    if count == 0:
        out.print(f"Engine {ENGINE} would have done just the same.")
        return
    out.print(table)
    if count > SHOWN_MOST:
        out.print(f"and {count - SHOWN_MOST} more.")
    out.print(f"{count} differences between what stands and engine {ENGINE}. Nothing was changed.")
