"""Before somebody enters a card or has a charge tried: count, hold back, raise a signal. Each call is a transaction.

A try that is held is not counted: whoever waits as long as told is let in.
"""

from dataclasses import asdict, dataclass

from sqlalchemy import Connection, delete, or_, select, update

from portillon_cloud import webhooks
from portillon_cloud.access.account_lock import lock_account
from portillon_cloud.clock import business_now_ms
from portillon_cloud.database import Database
from portillon_cloud.database.rows import insert_one
from portillon_cloud.members.tables import account
from portillon_cloud.payments.errors import UnknownAccountError
from portillon_cloud.payments.fraud.errors import UnknownSignalError
from portillon_cloud.payments.fraud.limits import (
    DAY_MS,
    HOUR_MS,
    UNTIL_CLEARED,
    Act,
    Held,
    Limits,
    Suspicion,
    Tried,
    judge,
)
from portillon_cloud.payments.fraud.tables import card_try, fraud_policy, fraud_signal
from portillon_cloud.secrets import Keyring

KEPT_MS = 30 * DAY_MS
READ_MOST = 1_000  # beyond any limit that can be set


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Who wants to do what. `address`: the network address it comes from; None: a person of the staff asks."""

    organisation_id: int
    account_id: int
    act: Act
    address: str | None = None


def admit(db: Database, keyring: Keyring, asked: Asked, *, real_ms: int) -> Held | None:
    """Let it through and count it (None), or say why it is held; what a person must see becomes a signal.

    Raises UnknownAccountError.
    """
    mark = _mark(keyring, asked)
    with db.write() as conn:
        own = (account.c.id == asked.account_id, account.c.organisation_id == asked.organisation_id)
        if conn.scalar(select(account.c.id).where(*own)) is None:
            raise UnknownAccountError(f"organisation {asked.organisation_id} has no account {asked.account_id}")
        lock_account(conn, asked.account_id)  # two tries at once: the second sees the first
        by_signal = None if asked.act is Act.QUESTION_ASKED else _held_by_signal(conn, asked)
        held = by_signal or _judged(conn, asked, mark, real_ms)
        if held is None:
            _count(conn, asked, mark, real_ms)
        elif held.suspicion is not Suspicion.TOO_OFTEN:
            _raise(conn, asked, held, real_ms)
        return held


def note_refusal(db: Database, keyring: Keyring, asked: Asked, *, real_ms: int) -> None:
    """A bank said no to what was let through."""
    with db.write() as conn:
        _count(conn, asked, _mark(keyring, asked), real_ms)


def clear(conn: Connection, organisation_id: int, signal_id: int, *, by: str, note: str, real_ms: int) -> None:
    """A person has looked: what was counted so far no longer holds the account. Raises UnknownSignalError."""
    column = fraud_signal.c
    account_id = conn.execute(
        update(fraud_signal)
        .where(column.id == signal_id, column.organisation_id == organisation_id, column.cleared_at_real_ms.is_(None))
        .values(cleared_at_real_ms=real_ms, cleared_by=by, note=note)
        .returning(column.account_id)
    ).scalar_one_or_none()
    if account_id is None:
        raise UnknownSignalError(f"there is no open signal {signal_id} in your organisation")
    conn.execute(
        delete(card_try).where(card_try.c.organisation_id == organisation_id, card_try.c.account_id == account_id)
    )


def limits_of(conn: Connection, organisation_id: int) -> Limits:
    """The organisation's limits, or those of the house."""
    body = conn.scalar(select(fraud_policy.c.body).where(fraud_policy.c.organisation_id == organisation_id))
    return Limits() if body is None else Limits(**body)


def set_limits(conn: Connection, organisation_id: int, limits: Limits) -> None:
    """Choose them."""
    where = fraud_policy.c.organisation_id == organisation_id
    if not conn.execute(update(fraud_policy).where(where).values(body=asdict(limits))).rowcount:
        conn.execute(fraud_policy.insert().values(organisation_id=organisation_id, body=asdict(limits)))


def _mark(keyring: Keyring, asked: Asked) -> str | None:
    if asked.address is None:
        return None
    return keyring.blind_index(asked.address, purpose=f"card_try.address of organisation {asked.organisation_id}")


def _held_by_signal(conn: Connection, asked: Asked) -> Held | None:
    column = fraud_signal.c
    row = conn.execute(
        select(column.suspicion, column.counted)
        .where(
            column.account_id == asked.account_id,
            column.organisation_id == asked.organisation_id,
            column.cleared_at_real_ms.is_(None),
            column.suspicion.in_([one.value for one in UNTIL_CLEARED]),
        )
        .order_by(column.id)
        .limit(1)
    ).one_or_none()
    return None if row is None else Held(Suspicion(row.suspicion), row.counted, None)


def _judged(conn: Connection, asked: Asked, mark: str | None, real_ms: int) -> Held | None:
    column = card_try.c
    same = column.account_id == asked.account_id
    if mark is not None:
        same = or_(same, column.address_mark == mark)
    rows = conn.execute(
        select(column.account_id, column.address_mark, column.act, column.at_real_ms)
        .where(column.organisation_id == asked.organisation_id, column.at_real_ms > real_ms - DAY_MS, same)
        .order_by(column.id.desc())
        .limit(READ_MOST)
    ).all()
    refusals = conn.execute(
        select(column.at_real_ms)
        .where(
            column.organisation_id == asked.organisation_id,
            column.at_real_ms > real_ms - HOUR_MS,
            column.act == Act.CHARGE_REFUSED,
        )
        .limit(READ_MOST)
    ).scalars()
    return judge(
        asked.act,
        account=[Tried(Act(row.act), row.at_real_ms) for row in rows if row.account_id == asked.account_id],
        address=[Tried(Act(row.act), row.at_real_ms) for row in rows if mark and row.address_mark == mark],
        refusals=list(refusals),
        limits=limits_of(conn, asked.organisation_id),
        now_ms=real_ms,
    )


def _count(conn: Connection, asked: Asked, mark: str | None, real_ms: int) -> None:
    insert_one(
        conn,
        card_try,
        organisation_id=asked.organisation_id,
        account_id=asked.account_id,
        act=asked.act,
        address_mark=mark,
        at_real_ms=real_ms,
    )
    old = card_try.c.at_real_ms < real_ms - KEPT_MS
    conn.execute(delete(card_try).where(card_try.c.organisation_id == asked.organisation_id, old))


def _raise(conn: Connection, asked: Asked, held: Held, real_ms: int) -> None:
    """Once for as long as nobody has cleared it."""
    column = fraud_signal.c
    there = (
        column.organisation_id == asked.organisation_id,
        column.account_id == asked.account_id,
        column.suspicion == held.suspicion,
        column.cleared_at_real_ms.is_(None),
    )
    if conn.scalar(select(column.id).where(*there)) is not None:
        return
    insert_one(
        conn,
        fraud_signal,
        organisation_id=asked.organisation_id,
        account_id=asked.account_id,
        suspicion=held.suspicion,
        counted=held.counted,
        raised_at_real_ms=real_ms,
    )
    now_ms = business_now_ms(conn, asked.organisation_id, real_ms)
    suspected = webhooks.EventKind.ACCOUNT_SUSPECTED
    webhooks.tell(conn, suspected, asked.organisation_id, [asked.account_id], at_ms=now_ms)
