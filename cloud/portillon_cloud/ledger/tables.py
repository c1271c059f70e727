"""Accounts, entries, postings. A posting moves one amount from one account to another: it cannot be out of balance."""

from enum import StrEnum

from sqlalchemy import CheckConstraint, Column, Date, ForeignKeyConstraint, Index, Table, Text, UniqueConstraint

from portillon_cloud.database.schema import Big, amount, instant, key, metadata, one_of, organisation_id, reference
from portillon_cloud.database.triggers import attach, never_changes


class ManualKind(StrEnum):
    """What a person may say; manual.py says what it posts."""

    DEPOSIT_IN_CASH = "deposit_in_cash"
    DEPOSIT_AT_BANK = "deposit_at_bank"  # by card terminal or transfer
    DEPOSIT_BACK_IN_CASH = "deposit_back_in_cash"
    DEPOSIT_BACK_BY_BANK = "deposit_back_by_bank"
    CASH_TO_BANK = "cash_to_bank"
    CHEQUES_TO_BANK = "cheques_to_bank"
    PROVIDER_PAID_OUT = "provider_paid_out"
    PROVIDER_FEE = "provider_fee"


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

# How far the book is closed, as somebody said last: the newest row of a book holds, and an earlier day reopens.
accounting_close = Table(
    "accounting_close",
    metadata,
    key(),
    organisation_id(),
    Column("legal_entity_id", Big, nullable=False),
    Column("currency", Text, nullable=False),
    Column("through_on", Date),  # the last closed day; null: all is open again
    instant("closed_at_ms"),  # business time
    Column("closed_by", Text, nullable=False),  # name of the person or API key
    Column("reason", Text, nullable=False),
    ForeignKeyConstraint(_ONE_BOOK, [f"legal_entity.{name}" for name in ("organisation_id", "id", "currency")]),
    Index("ix_accounting_close_book", "legal_entity_id", "id"),
)

CLOSED = "the accounting period is closed: post it today, or reopen the period"
"""What the database answers to a posting into a closed period."""

_THROUGH = "(SELECT through_on FROM accounting_close WHERE legal_entity_id = {} ORDER BY id DESC LIMIT 1)"
attach(
    posting,
    "sqlite",
    "CREATE TRIGGER posting_open_period BEFORE INSERT ON posting WHEN EXISTS (SELECT 1 FROM ledger_entry "  # noqa: S608
    f"WHERE id = NEW.entry_id AND occurred_on <= {_THROUGH.format('NEW.legal_entity_id')}) "
    f"BEGIN SELECT RAISE(ABORT, '{CLOSED}'); END",
)
# After the statement, so after its foreign keys have waited for whoever closes the book (periods.py): with a snapshot
# taken then, what was closed meanwhile is seen. Once per statement: a night's postings cost one look.
attach(
    posting,
    "postgresql",
    "CREATE OR REPLACE FUNCTION posting_open_period() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "  # noqa: S608
    "IF EXISTS (SELECT 1 FROM (SELECT DISTINCT legal_entity_id FROM written) book "
    f"CROSS JOIN LATERAL {_THROUGH.format('book.legal_entity_id')} closed "
    "JOIN written ON written.legal_entity_id = book.legal_entity_id "
    "JOIN ledger_entry ON ledger_entry.id = written.entry_id AND ledger_entry.occurred_on <= closed.through_on) "
    f"THEN RAISE EXCEPTION '{CLOSED}' USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NULL; END $$",
)
attach(
    posting,
    "postgresql",
    "CREATE TRIGGER posting_open_period AFTER INSERT ON posting REFERENCING NEW TABLE AS written "
    "FOR EACH STATEMENT EXECUTE FUNCTION posting_open_period()",
)

# What a person says of money that no document of ours tells: a deposit taken, cash carried to the bank.
manual_entry = Table(
    "manual_entry",
    metadata,
    key(),
    organisation_id(),
    Column("legal_entity_id", Big, nullable=False),
    Column("currency", Text, nullable=False),
    reference("account_id", "account.id", nullable=True, index=True),  # whose deposit it is
    Column("kind", Text, nullable=False),
    amount("amount_minor"),
    Column("occurred_on", Date, nullable=False),
    instant("recorded_at_ms"),  # business time
    Column("recorded_by", Text, nullable=False),  # name of the person or API key
    Column("reason", Text, nullable=False),
    Column("request_key", Text, nullable=False),
    ForeignKeyConstraint(_ONE_BOOK, [f"legal_entity.{name}" for name in ("organisation_id", "id", "currency")]),
    UniqueConstraint("organisation_id", "request_key"),
    CheckConstraint("amount_minor > 0", name="amount_positive"),
    one_of("kind", ManualKind),
    CheckConstraint("(kind LIKE 'deposit%') = (account_id IS NOT NULL)", name="deposit_has_account"),
)

for _table in (ledger_entry, posting, accounting_close, manual_entry):
    never_changes(_table)
