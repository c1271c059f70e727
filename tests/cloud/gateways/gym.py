"""The least of a gym: organisation, legal entity, site, and one gateway that is enrolled by hand."""

from typing import Any

from portillon_cloud.attendance.content import Sender
from portillon_cloud.gateways.tables import gateway
from portillon_cloud.members.tables import legal_entity, organisation, site
from sqlalchemy import Connection, insert

NOON_MS = 1_767_268_800_000  # 2026-01-01T12:00:00Z


def add_gym(conn: Connection, *, gateway_id: str = "front", mode: str = "live") -> Sender:
    def new(table: Any, **values: Any) -> int:
        return int(conn.execute(insert(table).values(**values).returning(table.c.id)).scalar_one())

    organisation_id = new(
        organisation,
        mode=mode,
        name="Gym",
        country="CA",
        province="QC",
        language="fr",
        time_zone="America/Toronto",
        created_at_real_ms=0,
    )
    entity_id = new(
        legal_entity,
        organisation_id=organisation_id,
        name="Gym Inc.",
        currency="CAD",
        tax_regime="ca-qc",
        tax_numbers={},
    )
    site_id = new(
        site,
        organisation_id=organisation_id,
        legal_entity_id=entity_id,
        name="Plateau",
        time_zone="America/Toronto",
        language="fr",
        zones=["gym"],
        policy={},
    )
    conn.execute(
        insert(gateway).values(
            id=gateway_id, organisation_id=organisation_id, site_id=site_id, name="Front", mode=mode, enrolled_at_ms=0
        )
    )
    return Sender(organisation_id=organisation_id, site_id=site_id, gateway_id=gateway_id)
