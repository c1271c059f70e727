"""Import a CSV of members from a file."""

from pathlib import Path

from sqlalchemy import Connection, insert, select

from portillon_cloud.clock import business_now_ms
from portillon_cloud.commands.errors import FileUnreadableError
from portillon_cloud.main import Services
from portillon_cloud.members.csv_import import ImportReport, Progress, import_members
from portillon_cloud.payments.provider import CardBehaviour
from portillon_cloud.payments.simulator_tables import sim_card
from portillon_cloud.payments.tables import SIMULATOR, payment_method


def import_file(
    services: Services,
    path: Path,
    *,
    organisation_id: int,
    site_id: int,
    allow_partial: bool,
    progress: Progress,
) -> ImportReport:
    """Import `path` in one transaction; raises FileUnreadableError. What is wrong in the file is in the report."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FileUnreadableError(f"cannot read {path}: {error.strerror}") from error
    with services.db.write() as conn:
        report = import_members(
            conn,
            services.keyring,
            data,
            organisation_id=organisation_id,
            site_id=site_id,
            now_ms=business_now_ms(conn, organisation_id, services.clock.real_ms()),
            provider=services.provider.name,
            allow_partial=allow_partial,
            progress=progress,
        )
        if services.provider.name == SIMULATOR:
            _introduce_cards(conn, organisation_id)
    return report


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
