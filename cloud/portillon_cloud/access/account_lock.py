"""One lock per account: whoever changes what an account owes, or what dues shut, takes it before reading.

So a payment and the suspension that falls due at the same instant happen one after the other, on every engine, and all
take their locks in one order.
"""

from sqlalchemy import Connection, select

from portillon_cloud.members.tables import account


def lock_account(conn: Connection, account_id: int) -> None:
    """Hold the account until the transaction ends. (On SQLite every write transaction holds everything.)"""
    # NO KEY UPDATE: rows that merely refer to the account, such as new invoices, do not wait for it.
    conn.execute(select(account.c.id).where(account.c.id == account_id).with_for_update(key_share=True))
