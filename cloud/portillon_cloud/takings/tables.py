"""Takings and their closures; neither ever changes. Only where the chain stands moves on."""

from sqlalchemy import JSON, CheckConstraint, Column, Date, ForeignKey, Index, Integer, Table, Text, UniqueConstraint

from portillon_cloud.database.schema import Big, amount, instant, metadata, one_of, organisation_id, reference
from portillon_cloud.database.triggers import never_changes
from portillon_cloud.takings.chain import ClosureKind


def _legal_entity_id() -> Column[int]:
    return Column("legal_entity_id", Big, ForeignKey("legal_entity.id"), primary_key=True, autoincrement=False)


def _number() -> Column[int]:
    return Column("number", Big, primary_key=True, autoincrement=False)


# Locked by whoever adds to the chain. `open_on`: the day that takings are added to.
taking_chain = Table(
    "taking_chain",
    metadata,
    organisation_id(),
    _legal_entity_id(),
    Column("open_on", Date, nullable=False),
    Column("last_number", Big, nullable=False),
    Column("last_hash", Text, nullable=False),
    amount("perpetual_minor"),
    Column("closure_number", Big, nullable=False),
    Column("closure_hash", Text, nullable=False),
)

taking = Table(
    "taking",
    metadata,
    organisation_id(),
    _legal_entity_id(),
    _number(),
    reference("payment_id", "payment.id"),
    reference("return_id", "payment_return.id", nullable=True),  # what a bank took back of it: below nothing
    reference("account_id", "account.id"),
    Column("taken_on", Date, nullable=False, index=True),
    instant("received_at_ms"),  # business time
    Column("means", Text, nullable=False),
    amount("amount_minor"),
    Column("currency", Text, nullable=False),
    Column("settles", JSON, nullable=False),  # {"INV-202601-000017": 4990}
    Column("previous_hash", Text, nullable=False),
    Column("hash", Text, nullable=False),
    UniqueConstraint("return_id"),
    CheckConstraint("number > 0", name="number_positive"),
    CheckConstraint("(return_id IS NULL) = (amount_minor > 0)", name="return_negative"),
)
_PAYMENTS = taking.c.return_id.is_(None)
Index("uq_taking_payment_id", taking.c.payment_id, unique=True, sqlite_where=_PAYMENTS, postgresql_where=_PAYMENTS)

taking_closure = Table(
    "taking_closure",
    metadata,
    organisation_id(),
    _legal_entity_id(),
    _number(),
    Column("kind", Text, nullable=False),
    Column("first_on", Date, nullable=False),
    Column("count", Integer, nullable=False),
    amount("total_minor"),
    amount("perpetual_minor"),
    Column("last_number", Big, nullable=False),
    Column("last_hash", Text, nullable=False),
    Column("previous_hash", Text, nullable=False),
    Column("hash", Text, nullable=False),
    UniqueConstraint("legal_entity_id", "kind", "first_on"),
    one_of("kind", ClosureKind),
)

for _table in (taking, taking_closure):
    never_changes(_table)
