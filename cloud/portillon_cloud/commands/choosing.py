"""Which organisation, legal entity or site a command means: the one named, or the only one."""

from collections.abc import Mapping

from sqlalchemy import Connection, select

from portillon_cloud.commands.errors import WhichOneError
from portillon_cloud.members.tables import legal_entity, organisation, site


def the_organisation(conn: Connection, wanted: int | None) -> int:
    """The organisation's id; raises WhichOneError with the choice."""
    rows = conn.execute(select(organisation.c.id, organisation.c.name).order_by(organisation.c.id))
    return _the("organisation", {row.id: row.name for row in rows}, wanted)


def the_site(conn: Connection, organisation_id: int, wanted: int | None) -> int:
    """The site's id; raises WhichOneError with the choice."""
    rows = conn.execute(
        select(site.c.id, site.c.name).where(site.c.organisation_id == organisation_id).order_by(site.c.id)
    )
    return _the("site", {row.id: row.name for row in rows}, wanted)


def the_legal_entity(conn: Connection, organisation_id: int, wanted: int | None) -> int:
    """The legal entity's id; raises WhichOneError with the choice."""
    rows = conn.execute(
        select(legal_entity.c.id, legal_entity.c.name)
        .where(legal_entity.c.organisation_id == organisation_id)
        .order_by(legal_entity.c.id)
    )
    return _the("legal-entity", {row.id: row.name for row in rows}, wanted)


def _the(kind: str, found: Mapping[int, str], wanted: int | None) -> int:
    if wanted is None and len(found) == 1:
        return next(iter(found))
    if wanted is not None and wanted in found:
        return wanted
    if not found:
        raise WhichOneError(f"there is no {kind} yet; make a gym with: portillon-cloud open-gym")
    choice = ", ".join(f"{key} ({name})" for key, name in found.items())
    asked = f"there is no {kind} {wanted}" if wanted is not None else f"there are several {kind}s"
    raise WhichOneError(f"{asked}; choose one with --{kind}: {choice}")
