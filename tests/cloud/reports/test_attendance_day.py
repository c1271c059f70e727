"""Passages by the hour of the wall clock."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from portillon_cloud.attendance.tables import journal_event
from portillon_cloud.gateways.tables import gateway
from portillon_cloud.members.operations import create_legal_entity, create_organisation, create_site
from portillon_cloud.reports.attendance_day import attendance_day
from portillon_cloud.secrets import Keyring
from sqlalchemy import insert

PARIS = "Europe/Paris"


@pytest.fixture
def site(db):
    with db.write() as conn:
        organisation_id = create_organisation(
            conn, mode="live", name="G", country="FR", language="fr", time_zone=PARIS, real_ms=0
        )
        entity = create_legal_entity(conn, organisation_id=organisation_id, name="G", currency="EUR", tax_regime="fr")
        site_id = create_site(
            conn, Keyring.generate(), organisation_id=organisation_id, legal_entity_id=entity, name="G",
            time_zone=PARIS, language="fr",
        )  # fmt: skip
        conn.execute(
            insert(gateway).values(
                id="g", organisation_id=organisation_id, site_id=site_id, name="g", mode="live", enrolled_at_ms=0
            )
        )
    return organisation_id, site_id


def passages(db, site, instants, kind="passage"):
    with db.write() as conn:
        for sequence, at in enumerate(instants, start=1):
            conn.execute(
                insert(journal_event).values(
                    organisation_id=site[0], site_id=site[1], gateway_id="g", journal_id=kind, sequence=sequence,
                    content_sha256="", kind=kind, flags="", at_ms=int(at.timestamp() * 1000), quality="certain",
                    dated_by="gateway", boot_id="b", boot_ns=0, received_at_ms=0,
                )
            )  # fmt: skip


def count(db, site, on):
    with db.read() as conn:
        return attendance_day(conn, organisation_id=site[0], site_id=site[1], on=on, time_zone=PARIS).by_hour


def local(*when, fold=0):
    return datetime(*when, tzinfo=ZoneInfo(PARIS), fold=fold)


def test_counts_by_local_hour(db, site):
    """A day begins and ends at the site's midnight; grants are no attendance."""
    inside = [
        local(2026, 5, 4, 0, 0),
        local(2026, 5, 4, 18, 1),
        local(2026, 5, 4, 18, 59),
        local(2026, 5, 4, 23, 59, 59),
    ]
    passages(db, site, [local(2026, 5, 3, 23, 59, 59), *inside, local(2026, 5, 5, 0, 0)])
    passages(db, site, [local(2026, 5, 4, 12, 0)], kind="granted")
    assert {hour: n for hour, n in enumerate(count(db, site, date(2026, 5, 4))) if n} == {0: 1, 18: 2, 23: 1}


def test_the_days_when_clocks_change(db, site):
    """In autumn two hours share a name; in spring one is missing; nobody is lost or counted twice."""
    autumn = [local(2026, 10, 25, 2, 30), local(2026, 10, 25, 2, 30, fold=1), local(2026, 10, 25, 23, 30)]
    passages(db, site, autumn)
    by_hour = count(db, site, date(2026, 10, 25))
    assert (by_hour[2], by_hour[23], sum(by_hour)) == (2, 1, 3)
    assert sum(count(db, site, date(2026, 3, 29))) == 0


def test_another_site_is_not_counted(db, site):
    """Each site has its own day."""
    passages(db, site, [local(2026, 5, 4, 12, 0)])
    assert sum(count(db, (site[0], site[1] + 1), date(2026, 5, 4))) == 0
