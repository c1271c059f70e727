"""The site that a page is about."""

from sqlalchemy import Connection

from portillon_cloud.http.problem import not_found
from portillon_cloud.reports.organisation_view import SiteName, sites_of
from portillon_cloud.web.visit import Visit


def named_site(conn: Connection, reader: Visit, site_id: int) -> SiteName:
    """The site, if it is the reader's organisation's. Raises Problem 404."""
    for one in sites_of(conn, reader.principal.organisation_id):
        if one.id == site_id:
            return one
    raise not_found("site")
