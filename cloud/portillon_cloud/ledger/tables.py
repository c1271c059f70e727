"""Accounts, entries, postings. A posting moves one amount from one account to another: it cannot be out of balance."""

from sqlalchemy import CheckConstraint, Column, Date, ForeignKeyConstraint, Index, Table, Text, UniqueConstraint

from portillon_cloud.database.schema import Big, amount, instant, key, metadata, one_of, organisation_id
from portillon_cloud.database.triggers import never_changes

# Named 'ledger_account': in this house a plain account is who pays.
ledger_account = Table(
    "ledger_account",
    metadata,
    key(),
    organisation_id(),
    Column("legal_entity_id", Big, nullable=False),
    Column("currency", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("kind", Text, nullable=False),
    ForeignKeyConstraint(
        ["organisation_id", "legal_entity_id", "currency"],
        ["legal_entity.organisation_id", "legal_entity.id", "legal_entity.currency"],
    ),
    UniqueConstraint("legal_entity_id", "currency", "code"),
    UniqueConstraint("organisation_id", "legal_entity_id", "currency", "id"),
    one_of("kind", ("asset", "liability", "revenue", "expense")),
)

ledger_entry = Table(
    "ledger_entry",
    metadata,
    key(),
    organisation_id(),
    Column("legal_entity_id", Big, nullable=False),
    Column("currency", Text, nullable=False),
    Column("occurred_on", Date, nullable=False),
    instant("recorded_at_ms"),
    Column("kind", Text, nullable=False),  # 'invoice', 'payment', 'return', 'recognition'…
    Column("source", Text, nullable=False),  # what made it: '<id>' of its kind's row; with the kind it is unique
    UniqueConstraint("organisation_id", "kind", "source"),  # the same fact is never posted twice
    UniqueConstraint("organisation_id", "legal_entity_id", "currency", "id"),
)

_ONE_BOOK = ["organisation_id", "legal_entity_id", "currency"]


def _same_book(column: str, table: str) -> ForeignKeyConstraint:
    return ForeignKeyConstraint([*_ONE_BOOK, column], [f"{table}.{name}" for name in (*_ONE_BOOK, "id")])


posting = Table(
    "posting",
    metadata,
    key(),
    Column("organisation_id", Big, nullable=False),
    Column("legal_entity_id", Big, nullable=False),
    Column("currency", Text, nullable=False),
    Column("entry_id", Big, nullable=False),
    Column("debit_account_id", Big, nullable=False),
    Column("credit_account_id", Big, nullable=False),
    amount("amount_minor"),
    _same_book("entry_id", "ledger_entry"),
    _same_book("debit_account_id", "ledger_account"),
    _same_book("credit_account_id", "ledger_account"),
    CheckConstraint("amount_minor > 0", name="amount_positive"),
    CheckConstraint("debit_account_id <> credit_account_id", name="two_accounts"),
    Index("ix_posting_entry_id", "entry_id"),
)

for _table in (ledger_entry, posting):
    never_changes(_table)
