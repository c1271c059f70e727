"""The book of a legal entity of somebody's own organisation."""

from sqlalchemy import Connection, select

from portillon_cloud.ledger.periods import Book
from portillon_cloud.members.tables import legal_entity
from portillon_cloud.reports.book import UnknownLegalEntityError


def own_book(conn: Connection, organisation_id: int, legal_entity_id: int) -> Book:
    """Raises UnknownLegalEntityError."""
    column = legal_entity.c
    currency = conn.scalar(
        select(column.currency).where(column.id == legal_entity_id, column.organisation_id == organisation_id)
    )
    if currency is None:
        raise UnknownLegalEntityError(f"your organisation has no legal entity {legal_entity_id}")
    return Book(organisation_id=organisation_id, legal_entity_id=legal_entity_id, currency=currency)
