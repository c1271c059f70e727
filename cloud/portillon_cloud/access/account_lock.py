"""One lock per account: whoever changes what an account owes, or what dues shut, takes it before reading.

So a payment and the suspension that falls due at the same instant happen one after the other, on every engine, and all
take their locks in one order.
"""

from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, bindparam, select

from portillon_cloud.members.tables import account


def locking(account_id: ColumnElement[int]) -> Select[tuple[int]]:
    """The statement that locks the account which this finds, to be built once and taken with `take_lock`."""
    # NO KEY UPDATE: rows that merely refer to the account, such as new invoices, do not wait for it.
    return select(account.c.id).where(account.c.id == account_id).with_for_update(key_share=True)


_LOCK = locking(bindparam("account_id"))


def lock_account(conn: Connection, account_id: int) -> None:
    """Hold the account until the transaction ends."""
    take_lock(conn, _LOCK, account_id=account_id)


def take_lock(conn: Connection, lock: Select[tuple[int]], **values: Any) -> None:
    """Hold until the transaction ends what `lock` finds. On SQLite every write transaction holds everything."""
    if conn.dialect.name != "sqlite":
        conn.execute(lock, values)
