"""The accounts each legal entity's book opens with. A new account is a line here and a run of open_books."""

from enum import StrEnum

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.dialects import postgresql, sqlite

from portillon_cloud.ledger.tables import ledger_account


class LedgerCode(StrEnum):
    """What an account is for."""

    RECEIVABLE = "receivable"  # invoiced and not yet paid
    DEFERRED_REVENUE = "deferred_revenue"  # invoiced for a period not yet delivered
    REVENUE = "revenue"
    TAX_TPS = "tax_tps"
    TAX_TVQ = "tax_tvq"
    TAX_TVA = "tax_tva"
    PROVIDER_CLEARING = "provider_clearing"  # taken by the payment provider, not yet paid out
    DISPUTED = "disputed"  # taken back by a payer's bank, and not decided yet
    CASH = "cash"
    CHEQUES = "cheques"  # taken, and not yet paid in at the bank
    BANK = "bank"
    MEMBER_CREDIT = "member_credit"  # paid and not yet allocated
    DEPOSITS = "deposits"  # members' money held as security
    REFUNDS_DUE = "refunds_due"  # credit to be paid back, and not paid out yet
    BAD_DEBT = "bad_debt"
    PROVIDER_FEES = "provider_fees"
    BROUGHT_FORWARD = "brought_forward"  # what an older system left, on the day it was taken over


_KINDS = {
    LedgerCode.RECEIVABLE: "asset",
    LedgerCode.DEFERRED_REVENUE: "liability",
    LedgerCode.REVENUE: "revenue",
    LedgerCode.TAX_TPS: "liability",
    LedgerCode.TAX_TVQ: "liability",
    LedgerCode.TAX_TVA: "liability",
    LedgerCode.PROVIDER_CLEARING: "asset",
    LedgerCode.DISPUTED: "asset",
    LedgerCode.CASH: "asset",
    LedgerCode.CHEQUES: "asset",
    LedgerCode.BANK: "asset",
    LedgerCode.MEMBER_CREDIT: "liability",
    LedgerCode.DEPOSITS: "liability",
    LedgerCode.REFUNDS_DUE: "liability",
    LedgerCode.BAD_DEBT: "expense",
    LedgerCode.PROVIDER_FEES: "expense",
    LedgerCode.BROUGHT_FORWARD: "asset",
}


def open_books(conn: Connection, *, organisation_id: int, legal_entity_id: int, currency: str) -> None:
    """Make every account of the book that is not there yet."""
    upsert = postgresql.insert if conn.dialect.name == "postgresql" else sqlite.insert
    conn.execute(
        upsert(ledger_account).on_conflict_do_nothing(index_elements=["legal_entity_id", "currency", "code"]),
        [
            {
                "organisation_id": organisation_id,
                "legal_entity_id": legal_entity_id,
                "currency": currency,
                "code": code.value,
                "kind": _KINDS[code],
            }
            for code in LedgerCode
        ],
    )


_ACCOUNT_IDS = select(ledger_account.c.code, ledger_account.c.id).where(
    ledger_account.c.legal_entity_id == bindparam("legal_entity_id"),
    ledger_account.c.currency == bindparam("of_currency"),
)


def account_ids(conn: Connection, *, legal_entity_id: int, currency: str) -> dict[str, int]:
    """The book's accounts by code."""
    rows = conn.execute(_ACCOUNT_IDS, {"legal_entity_id": legal_entity_id, "of_currency": currency})
    return {row.code: row.id for row in rows}
