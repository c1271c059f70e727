"""The wording that holds for a house: its own newest one, or the program's; and what contracts say of the seller."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects import postgresql, sqlite

from portillon_cloud.database.rows import insert_one
from portillon_cloud.documents.tables import contract_template, seller_particulars
from portillon_cloud.documents.template import check_wording
from portillon_cloud.documents.wording import VERSION, default_wording


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """`template_id` None: the program's own. `name` is what a document says it was written by."""

    name: str
    body: str
    template_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Particulars:
    """Of a seller. `places`: the address of each site that has another one."""

    address: str
    contact: str
    permit: str | None = None
    mediator: str | None = None
    places: Mapping[str, str]


def wording_of(conn: Connection, organisation_id: int, law: str, language: str) -> Wording:
    """The wording that a contract of this house is written by now."""
    column = contract_template.c
    found = conn.execute(
        select(column.id, column.version, column.body)
        .where(column.organisation_id == organisation_id, column.law == law, column.language == language)
        .order_by(column.version.desc())
        .limit(1)
    ).one_or_none()
    if found is None:
        return Wording(name=f"{law} {language} {VERSION}", body=default_wording(law, language))
    return Wording(name=f"{law} {language} own {found.version}", body=found.body, template_id=found.id)


def save_wording(
    conn: Connection, *, organisation_id: int, law: str, language: str, body: str, by: str, now_ms: int
) -> int:
    """Word contracts so from now on; the version it is. What was signed stays as it is. Raises WordingError."""
    check_wording(law, body)
    column = contract_template.c
    of_these = (column.organisation_id == organisation_id, column.law == law, column.language == language)
    had = conn.scalar(select(func.coalesce(func.max(column.version), 0)).where(*of_these)) or 0
    insert_one(
        conn,
        contract_template,
        organisation_id=organisation_id,
        law=law,
        language=language,
        version=had + 1,
        body=body,
        made_at_ms=now_ms,
        made_by=by,
    )
    return had + 1


def particulars_of(conn: Connection, organisation_id: int, legal_entity_id: int) -> Particulars | None:
    """What contracts say of this seller; None: nobody entered it."""
    column = seller_particulars.c
    row = conn.execute(
        select(seller_particulars).where(
            column.legal_entity_id == legal_entity_id, column.organisation_id == organisation_id
        )
    ).one_or_none()
    if row is None:
        return None
    return Particulars(
        address=row.address, contact=row.contact, permit=row.permit, mediator=row.mediator, places=row.places
    )


def save_particulars(conn: Connection, *, organisation_id: int, legal_entity_id: int, said: Particulars) -> None:
    """Say so in contracts from now on. The caller has seen that the legal entity is the organisation's."""
    writing = postgresql.insert if conn.dialect.name == "postgresql" else sqlite.insert
    values = {
        "address": said.address,
        "contact": said.contact,
        "permit": said.permit,
        "mediator": said.mediator,
        "places": dict(said.places),
    }
    conn.execute(
        writing(seller_particulars)
        .values(legal_entity_id=legal_entity_id, organisation_id=organisation_id, **values)
        .on_conflict_do_update(index_elements=["legal_entity_id"], set_=values)
    )
