"""Give an account grace until a day: who, why, and no longer than the desk may."""

from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Connection, select

from portillon_cloud import outbox
from portillon_cloud.access.account_lock import lock_account
from portillon_cloud.access.tables import grace_given
from portillon_cloud.clock.local import local_date, start_of_day_ms
from portillon_cloud.database.rows import insert_one
from portillon_cloud.desk.errors import DeskLimitError
from portillon_cloud.desk.policy import limits
from portillon_cloud.dunning import operations as dunning
from portillon_cloud.members.organisations import time_zone_of
from portillon_cloud.members.tables import account
from portillon_cloud.payments.errors import NothingOwedError, RequestKeyReusedError, UnknownAccountError
from portillon_cloud.payments.owed import unpaid_invoices


@dataclass(frozen=True, slots=True, kw_only=True)
class GraceAsked:
    """Until and with which day nothing that is owed shuts the door. A day gone by takes given grace back."""

    organisation_id: int
    account_id: int
    until_on: date
    by: str
    reason: str
    request_key: str
    owner: bool = False


def give_grace(conn: Connection, asked: GraceAsked, *, now_ms: int) -> int:
    """Give it; its id. The gateways know within a second, and when it ends they shut by themselves.

    Raises DeskLimitError, NothingOwedError, UnknownAccountError, RequestKeyReusedError.
    """
    lock_account(conn, asked.account_id)
    column = grace_given.c
    zone = time_zone_of(conn, asked.organisation_id)
    today = local_date(now_ms, zone)
    until_ms = max(now_ms, start_of_day_ms(asked.until_on + timedelta(days=1), zone))
    before = conn.execute(
        select(grace_given).where(
            column.organisation_id == asked.organisation_id, column.request_key == asked.request_key
        )
    ).one_or_none()
    if before is not None:
        if before.account_id != asked.account_id:
            raise RequestKeyReusedError(
                f"request key {asked.request_key!r} was used for another account; use a new one"
            )
        return int(before.id)
    ours = (account.c.id == asked.account_id, account.c.organisation_id == asked.organisation_id)
    if conn.scalar(select(account.c.id).where(*ours)) is None:
        raise UnknownAccountError(f"organisation {asked.organisation_id} has no account {asked.account_id}")
    most = limits(conn, asked.organisation_id, owner=asked.owner).grace_days_most
    if (asked.until_on - today).days > most:
        raise DeskLimitError(f"grace is given for {most} days at most, until {today + timedelta(days=most)}")
    if not unpaid_invoices(conn, asked.account_id):
        raise NothingOwedError(f"account {asked.account_id} owes nothing: it needs no grace")
    made = insert_one(
        conn,
        grace_given,
        organisation_id=asked.organisation_id,
        account_id=asked.account_id,
        given_at_ms=now_ms,
        until_ms=until_ms,
        given_by=asked.by,
        reason=asked.reason,
        request_key=asked.request_key,
    )
    dunning.review_account(conn, organisation_id=asked.organisation_id, account_id=asked.account_id, now_ms=now_ms)
    dunning.watch_account(conn, organisation_id=asked.organisation_id, account_id=asked.account_id)
    outbox.account_changed(conn, asked.organisation_id, asked.account_id)
    return made
