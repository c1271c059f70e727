"""Waive a part of what is owed: the desk so much of one account in thirty days, an owner what is owed."""

from sqlalchemy import Connection, func, select

from portillon_cloud.access.account_lock import lock_account
from portillon_cloud.desk.errors import DeskLimitError
from portillon_cloud.desk.policy import limits
from portillon_cloud.money import Money
from portillon_cloud.payments.tables import write_off as written_off
from portillon_cloud.payments.write_off import WriteOff, write_off

WINDOW_MS = 30 * 24 * 3_600_000


def waive(conn: Connection, asked: WriteOff, *, owner: bool, now_ms: int) -> int:
    """Write it off in the name of whoever asks; its id. The same request key is the same waiver.

    Raises DeskLimitError, and as `write_off`.
    """
    lock_account(conn, asked.account_id)
    made = write_off(conn, asked, now_ms=now_ms)
    column = written_off.c
    most = limits(conn, asked.organisation_id, owner=owner).waived_minor_most
    ours = (column.organisation_id == asked.organisation_id, column.account_id == asked.account_id)
    one = conn.execute(select(column.currency, column.written_off_at_ms).where(*ours, column.id == made)).one()
    waived = conn.scalar(
        select(func.coalesce(func.sum(column.amount_minor), 0)).where(
            *ours,
            column.written_off_at_ms > one.written_off_at_ms - WINDOW_MS,
            column.id <= made,
        )
    )
    if not owner and int(waived or 0) > most:
        # Raised after the fact: the transaction is the caller's, and nothing of it stays.
        limit = Money(most, one.currency).format("en")
        raise DeskLimitError(f"the desk waives {limit} of one account in 30 days at most: ask an owner")
    return made
