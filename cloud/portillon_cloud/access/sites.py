"""Where a plan or a right holds: at the member's home site, at some of the organisation's sites, or at all of them."""

from collections.abc import Iterable
from typing import Final, Literal

from sqlalchemy import Connection, select

from portillon_cloud.access.errors import UnknownSiteError
from portillon_cloud.members.tables import site

ALL_SITES: Final = "all"
Sites = Literal["all"] | tuple[int, ...] | None
"""None: the member's home site."""


def holds_at(sites: str | Iterable[int] | None, *, site_id: int, home_id: int) -> bool:
    """Whether what holds at `sites` holds at this one, for a member of that home."""
    if sites is None:
        return site_id == home_id
    return sites == ALL_SITES or site_id in sites


def stored(sites: Sites) -> str | list[int] | None:
    """The JSON-ready form that is stored."""
    return sorted(set(sites)) if isinstance(sites, tuple) else sites


def require_sites(conn: Connection, organisation_id: int, sites: Sites) -> None:
    """Raises UnknownSiteError unless every site named is of the organisation, and at least one is."""
    if not isinstance(sites, tuple):
        return
    known = set(
        conn.execute(select(site.c.id).where(site.c.organisation_id == organisation_id, site.c.id.in_(sites))).scalars()
    )
    if not sites or set(sites) - known:
        unknown = ", ".join(map(str, sorted(set(sites) - known))) or "none is named"
        raise UnknownSiteError(f"no such site in organisation {organisation_id}: {unknown}")
