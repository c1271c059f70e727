"""Write a notice with its letter, once for its purpose; read back what was told. Callers own the transaction."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, select

from portillon_cloud.database.rows import insert_one
from portillon_cloud.messages.notice_letters import About, write_notice
from portillon_cloud.messages.notices import Notice, from_body, kind_of, to_body
from portillon_cloud.messages.operations import NewMessage, write_message
from portillon_cloud.messages.tables import MessageState, message, notice

_NOT_RECEIVED = (MessageState.NO_ADDRESS.value, MessageState.REFUSED.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Addressee:
    """Who is told: an account's payer, of one subscription."""

    organisation_id: int
    account_id: int
    subscription_id: int
    language: str
    email: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A notice as it was given. `received`: as far as we know; without an address, or refused by it, it was not."""

    id: int
    subscription_id: int
    told_on: datetime.date
    notice: Notice
    received: bool
    subject: str
    body: str


def tell(
    conn: Connection, to: Addressee, said: Notice, about: About, *, purpose: str, told_on: datetime.date, now_ms: int
) -> None:
    """Write the notice and its letter; of one `purpose` of a subscription there is one, however often it is asked."""
    key = f"notice:s{to.subscription_id}:{purpose}"
    of_key = select(message.c.id).where(message.c.organisation_id == to.organisation_id, message.c.key == key)
    if conn.scalar(of_key) is not None:
        return
    letter = write_notice(said, to.language, about)
    new = NewMessage(
        organisation_id=to.organisation_id,
        account_id=to.account_id,
        key=key,
        kind=kind_of(said),
        language=to.language,
        recipient=to.email,
        subject=letter.subject,
        body=letter.body,
    )
    write_message(conn, new, now_ms=now_ms)
    insert_one(
        conn,
        notice,
        organisation_id=to.organisation_id,
        account_id=to.account_id,
        subscription_id=to.subscription_id,
        message_id=conn.execute(of_key).scalar_one(),
        kind=kind_of(said),
        facts=to_body(said),
        told_on=told_on,
    )


def told_of_subscription(conn: Connection, subscription_id: int) -> Sequence[Told]:
    """Every notice about one subscription, the first first."""
    return _read(conn, notice.c.subscription_id == subscription_id)


def told_to_account(conn: Connection, organisation_id: int, account_id: int) -> Sequence[Told]:
    """Every notice that an account was given, the first first."""
    return _read(conn, notice.c.organisation_id == organisation_id, notice.c.account_id == account_id)


def _read(conn: Connection, *conditions: ColumnElement[bool]) -> Sequence[Told]:
    rows = conn.execute(
        select(notice, message.c.state, message.c.subject, message.c.body)
        .join(message, message.c.id == notice.c.message_id)
        .where(*conditions)
        .order_by(notice.c.id)
    )
    return [
        Told(
            id=row.id,
            subscription_id=row.subscription_id,
            told_on=row.told_on,
            notice=from_body(row.kind, row.facts),
            received=row.state not in _NOT_RECEIVED,
            subject=row.subject,
            body=row.body,
        )
        for row in rows
    ]
