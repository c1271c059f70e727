"""portillon-cloud import-members: a CSV of members from a file."""

from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress as Bar
from sqlalchemy import Connection, insert, select

from portillon_cloud.clock import business_now_ms
from portillon_cloud.commands.choosing import the_organisation, the_site
from portillon_cloud.commands.errors import FileUnreadableError
from portillon_cloud.commands.session import Organisation, Site, err, out, services_of
from portillon_cloud.main import Services
from portillon_cloud.members.csv_import import ImportReport, Progress
from portillon_cloud.members.csv_import import import_members as import_csv
from portillon_cloud.members.csv_reading import bad_lines as write_bad_lines
from portillon_cloud.payments.provider import CardBehaviour
from portillon_cloud.payments.provider_accounts import provider_for_cards
from portillon_cloud.payments.simulator_tables import sim_card
from portillon_cloud.payments.tables import SIMULATOR, payment_method

PROBLEMS_SHOWN = 50


def import_file(
    services: Services,
    path: Path,
    *,
    organisation_id: int,
    site_id: int,
    allow_partial: bool,
    progress: Progress,
    dry_run: bool = False,
) -> ImportReport:
    """Import `path` in one transaction; raises FileUnreadableError. What is wrong in the file is in the report."""
    data = _read(path)
    with services.db.write() as conn:
        provider = provider_for_cards(conn, organisation_id)
        report = import_csv(
            conn,
            services.keyring,
            data,
            organisation_id=organisation_id,
            site_id=site_id,
            now_ms=business_now_ms(conn, organisation_id, services.clock.real_ms()),
            provider=provider,
            allow_partial=allow_partial,
            dry_run=dry_run,
            progress=progress,
        )
        if provider == SIMULATOR:
            _introduce_cards(conn, organisation_id)
    return report


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise FileUnreadableError(f"cannot read {path}: {error.strerror}") from error


def _introduce_cards(conn: Connection, organisation_id: int) -> None:
    """Simulated cards exist because somebody holds them: the simulator learns the tokens that the file named."""
    known = select(sim_card.c.token).where(sim_card.c.organisation_id == organisation_id)
    method = payment_method.c
    tokens = conn.execute(
        select(method.token).where(
            method.organisation_id == organisation_id, method.provider == SIMULATOR, method.token.not_in(known)
        )
    ).scalars()
    rows = [
        {"token": token, "organisation_id": organisation_id, "behaviour": CardBehaviour.OK} for token in tokens.all()
    ]
    if rows:
        conn.execute(insert(sim_card), rows)


def import_members(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="CSV with at least first_name, last_name, plan, contract_start.")],
    organisation: Organisation = None,
    site: Site = None,
    allow_partial: Annotated[
        bool, typer.Option("--allow-partial", help="Import the good lines of a bad file.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would happen; nothing is kept.")] = False,
    bad_lines: Annotated[
        Path | None, typer.Option("--bad-lines", help="Write the lines that did not come in here, with the reason.")
    ] = None,
) -> None:
    """Import members with cards, contracts and payment tokens. A bad line is reported, and then nothing is imported.

    Memberships in the middle of their periods: columns paid_until, next_due, frozen_until, visits_left, credit,
    discount, agreed_price. With external_id a file may be imported again: what is there already stays.
    """
    services = services_of(ctx)
    with services.db.read() as conn:
        organisation_id = the_organisation(conn, organisation)
        site_id = the_site(conn, organisation_id, site)
    with Bar(console=err, transient=True) as bar:
        task = bar.add_task("importing", total=None)
        report = import_file(
            services,
            file,
            organisation_id=organisation_id,
            site_id=site_id,
            allow_partial=allow_partial,
            dry_run=dry_run,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    for problem in report.problems[:PROBLEMS_SHOWN]:
        err.print(f"{file}: {problem}", highlight=False, markup=False, soft_wrap=True)
    if len(report.problems) > PROBLEMS_SHOWN:
        err.print(f"… and {len(report.problems) - PROBLEMS_SHOWN} more")
    if bad_lines is not None and report.problems:
        bad_lines.write_text(write_bad_lines(_read(file), report.problems), "utf-8")
        err.print(f"The lines that did not come in are in {bad_lines}.", highlight=False, soft_wrap=True)
    if report.problems and not allow_partial:
        err.print(
            f"[red]{len(report.problems)} problems: nothing was imported.[/red] Mend them, or use --allow-partial."
        )
        raise typer.Exit(1)
    for remark in report.remarks[:PROBLEMS_SHOWN]:
        err.print(f"{file}: {remark}", highlight=False, markup=False, soft_wrap=True)
    _summary(report, dry_run=dry_run)
    if report.problems:
        raise typer.Exit(1)


def _summary(report: ImportReport, *, dry_run: bool) -> None:
    if report.known:
        out.print(f"{report.known} lines were imported before: nothing to do for them.")
    if report.credit is not None:
        out.print(f"{report.credit.format('en')} of credit brought along.")
    for day, count in sorted(report.due.items(), key=lambda one: one[0] or date.max)[:PROBLEMS_SHOWN]:
        out.print(f"{count} next billed on {day}." if day is not None else f"{count} never billed here.")
    if dry_run:
        out.print(f"Dry run: {report.imported} members would be imported; nothing was.")
    else:
        out.print(f"{report.imported} members imported.")
