"""What a contract says of freezes, notice and its minimum term, as it rests in the database."""

from typing import Any

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection, select

from portillon_cloud.billing.errors import CatalogueError
from portillon_cloud.billing.subscription import Agreement
from portillon_cloud.billing.tables import contract

_ADAPTER = TypeAdapter(Agreement)


def to_body(agreement: Agreement) -> dict[str, Any]:
    """The JSON-ready body."""
    body: dict[str, Any] = _ADAPTER.dump_python(agreement, mode="json")
    return body


def from_body(body: dict[str, Any]) -> Agreement:
    """The agreement again; what is not said is as the class has it. Raises CatalogueError."""
    try:
        return _ADAPTER.validate_python(body)
    except ValidationError as error:
        raise CatalogueError(f"the terms {body} cannot be read: {error}") from error


def agreement_of(conn: Connection, contract_id: int) -> Agreement:
    """What was agreed in this contract."""
    return from_body(conn.execute(select(contract.c.agreement).where(contract.c.id == contract_id)).scalar_one())
