"""One legal entity as reports see it: one currency, one ledger. What two entities earn is never added up."""

from dataclasses import dataclass

from sqlalchemy import Connection, select

from portillon_cloud.errors import NotFoundError
from portillon_cloud.members.tables import legal_entity


class UnknownLegalEntityError(NotFoundError):
    """The organisation has no such legal entity."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """Whose figures."""

    organisation_id: int
    legal_entity_id: int
    name: str
    currency: str
    tax_regime: str


def books_of(conn: Connection, organisation_id: int) -> list[Book]:
    """Every legal entity of the organisation, in the order in which they were made."""
    column = legal_entity.c
    rows = conn.execute(
        select(column.id, column.name, column.currency, column.tax_regime)
        .where(column.organisation_id == organisation_id)
        .order_by(column.id)
    )
    return [
        Book(
            organisation_id=organisation_id,
            legal_entity_id=row.id,
            name=row.name,
            currency=row.currency,
            tax_regime=row.tax_regime,
        )
        for row in rows
    ]


def book_of(conn: Connection, organisation_id: int, legal_entity_id: int | None) -> Book:
    """The one asked for, or the organisation's first. Raises UnknownLegalEntityError."""
    for one in books_of(conn, organisation_id):
        if legal_entity_id in (None, one.legal_entity_id):
            return one
    raise UnknownLegalEntityError(f"your organisation has no legal entity {legal_entity_id or ''}".rstrip())
