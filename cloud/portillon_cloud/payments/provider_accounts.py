"""The accounts with which organisations charge at a provider: found for an order, entered, replaced, ended.

What was charged with an account that has ended is still looked up, cancelled, paid back and disputed with it: banks
take money back months later. Only new charges are not made with it any more.
"""

from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, Connection, Row, Select, insert, select, update

from portillon_cloud.database.rows import insert_one
from portillon_cloud.members.tables import organisation
from portillon_cloud.payments.provider_account_tables import AccountAct, provider_account, provider_account_act
from portillon_cloud.payments.tables import (
    SIMULATOR,
    STRIPE,
    attempt_outcome,
    payment_attempt,
    payment_method,
)
from portillon_cloud.secrets import Keyring


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderAccount:
    """One account, its keys opened. `until_ms`: since when nothing new is charged with it."""

    id: int
    organisation_id: int
    provider: str
    reference: str
    secret: str = field(repr=False)
    secret_last4: str
    webhook_secret: str | None = field(repr=False)
    publishable_key: str | None
    api_version: str
    since_ms: int
    until_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAccount:
    """What is entered: keys, and the provider's own name of the account that they open."""

    organisation_id: int
    provider: str
    mode: str
    reference: str
    secret: str = field(repr=False)
    api_version: str
    by: str
    publishable_key: str | None = None
    webhook_secret: str | None = field(default=None, repr=False)


def current_account_id(conn: Connection, *, organisation_id: int, provider: str) -> int | None:
    """The account that keeps a card which is added now; None: the provider knows no accounts, or there is none."""
    found: int | None = conn.scalar(
        select(provider_account.c.id).where(
            provider_account.c.organisation_id == organisation_id,
            provider_account.c.provider == provider,
            provider_account.c.until_ms.is_(None),
        )
    )
    return found


def provider_for_cards(conn: Connection, organisation_id: int) -> str:
    """Who keeps the cards that an organisation takes: Stripe, if it has an account there or is live."""
    if current_account_id(conn, organisation_id=organisation_id, provider=STRIPE) is not None:
        return STRIPE
    mode = conn.scalar(select(organisation.c.mode).where(organisation.c.id == organisation_id))
    return SIMULATOR if mode == "test" else STRIPE


def current_account(
    conn: Connection, keyring: Keyring, *, organisation_id: int, provider: str
) -> ProviderAccount | None:
    """With which new cards are taken; None: none."""
    return _one(conn, keyring, organisation_id, provider, provider_account.c.until_ms.is_(None))


def accounts_of(conn: Connection, keyring: Keyring, *, organisation_id: int, provider: str) -> list[ProviderAccount]:
    """Every account there was, the current one first."""
    rows = conn.execute(
        _accounts(organisation_id, provider).order_by(
            provider_account.c.until_ms.is_(None).desc(), provider_account.c.id.desc()
        )
    )
    return [_opened(keyring, row) for row in rows]


def account_of_token(
    conn: Connection, keyring: Keyring, *, organisation_id: int, provider: str, token: str
) -> ProviderAccount | None:
    """The account that keeps this card; of a card that is not ours, the current one."""
    return _of_method(conn, keyring, organisation_id, provider, payment_method.c.token == token)


def account_of_charge(
    conn: Connection, keyring: Keyring, *, organisation_id: int, provider: str, charge: str
) -> ProviderAccount | None:
    """The account with which this was charged; of a charge that is not ours, the current one."""
    made_with = (
        select(payment_attempt.c.payment_method_id)
        .join(attempt_outcome, attempt_outcome.c.attempt_id == payment_attempt.c.id)
        .where(attempt_outcome.c.organisation_id == organisation_id, attempt_outcome.c.provider_reference == charge)
    )
    return _of_method(conn, keyring, organisation_id, provider, payment_method.c.id.in_(made_with))


def enter_account(conn: Connection, keyring: Keyring, new: NewAccount, *, now_ms: int) -> int:
    """Charge with this account from now on; its id. The same account again only gets the new keys.

    The account before it ends now. The caller knows that the keys open it, and are of the organisation's mode.
    """
    column = provider_account.c
    # Who comes second waits here: two entries at once are one after the other.
    conn.execute(
        select(organisation.c.id).where(organisation.c.id == new.organisation_id).with_for_update(key_share=True)
    )
    end_account(
        conn,
        organisation_id=new.organisation_id,
        provider=new.provider,
        by=new.by,
        now_ms=now_ms,
        except_for=new.reference,
    )
    keys = {
        "publishable_key": new.publishable_key,
        "secret_sealed": keyring.seal(new.secret.encode(), purpose=_purpose(new.organisation_id, "secret")),
        "secret_last4": new.secret[-4:],
        "api_version": new.api_version,
        "until_ms": None,
        "entered_by": new.by,
    }
    if new.webhook_secret is not None:
        keys["webhook_secret_sealed"] = keyring.seal(
            new.webhook_secret.encode(), purpose=_purpose(new.organisation_id, "webhook_secret")
        )
    known = conn.execute(
        select(column.id, column.until_ms).where(
            column.organisation_id == new.organisation_id,
            column.provider == new.provider,
            column.reference == new.reference,
        )
    ).one_or_none()
    if known is not None:
        conn.execute(update(provider_account).where(column.id == known.id).values(**keys))
        act = AccountAct.NEW_KEYS if known.until_ms is None else AccountAct.ENTERED
        _note(conn, new.organisation_id, known.id, act, new.secret[-4:], by=new.by, now_ms=now_ms)
        return int(known.id)
    made = conn.execute(
        insert(provider_account)
        .values(
            organisation_id=new.organisation_id,
            mode=new.mode,
            provider=new.provider,
            reference=new.reference,
            since_ms=now_ms,
            **keys,
        )
        .returning(column.id)
    )
    account_id = int(made.scalar_one())
    _note(conn, new.organisation_id, account_id, AccountAct.ENTERED, new.secret[-4:], by=new.by, now_ms=now_ms)
    return account_id


def end_account(
    conn: Connection, *, organisation_id: int, provider: str, by: str, now_ms: int, except_for: str | None = None
) -> int:
    """Charge nothing new with the current account; how many ended (none, or one)."""
    column = provider_account.c
    ended = conn.execute(
        update(provider_account)
        .where(
            column.organisation_id == organisation_id,
            column.provider == provider,
            column.until_ms.is_(None),
            column.reference != except_for if except_for is not None else column.id.is_not(None),
        )
        .values(until_ms=now_ms)
        .returning(column.id, column.secret_last4)
    ).all()
    for row in ended:
        _note(conn, organisation_id, row.id, AccountAct.ENDED, row.secret_last4, by=by, now_ms=now_ms)
    return len(ended)


def _note(
    conn: Connection, organisation_id: int, account_id: int, kind: AccountAct, last4: str, *, by: str, now_ms: int
) -> None:
    """For the log of who did what; the account's own row forgets."""
    insert_one(
        conn,
        provider_account_act,
        organisation_id=organisation_id,
        provider_account_id=account_id,
        kind=kind,
        secret_last4=last4,
        done_by=by,
        at_ms=now_ms,
    )


def _of_method(
    conn: Connection, keyring: Keyring, organisation_id: int, provider: str, which: ColumnElement[bool]
) -> ProviderAccount | None:
    kept_by: int | None = conn.scalar(
        select(payment_method.c.provider_account_id)
        .where(payment_method.c.organisation_id == organisation_id, payment_method.c.provider == provider, which)
        .limit(1)
    )
    if kept_by is None:
        return current_account(conn, keyring, organisation_id=organisation_id, provider=provider)
    return _one(conn, keyring, organisation_id, provider, provider_account.c.id == kept_by)


def _one(
    conn: Connection, keyring: Keyring, organisation_id: int, provider: str, which: ColumnElement[bool]
) -> ProviderAccount | None:
    row = conn.execute(_accounts(organisation_id, provider).where(which)).one_or_none()
    return None if row is None else _opened(keyring, row)


def _accounts(organisation_id: int, provider: str) -> Select[tuple[object, ...]]:
    return select(*provider_account.c).where(
        provider_account.c.organisation_id == organisation_id, provider_account.c.provider == provider
    )


def _opened(keyring: Keyring, row: Row[tuple[object, ...]]) -> ProviderAccount:
    def opened(sealed: bytes, column: str) -> str:
        return keyring.unseal(bytes(sealed), purpose=_purpose(row.organisation_id, column)).decode()

    return ProviderAccount(
        id=row.id,
        organisation_id=row.organisation_id,
        provider=row.provider,
        reference=row.reference,
        secret=opened(row.secret_sealed, "secret"),
        secret_last4=row.secret_last4,
        webhook_secret=(
            None if row.webhook_secret_sealed is None else opened(row.webhook_secret_sealed, "webhook_secret")
        ),
        publishable_key=row.publishable_key,
        api_version=row.api_version,
        since_ms=row.since_ms,
        until_ms=row.until_ms,
    )


def _purpose(organisation_id: int, column: str) -> str:
    return f"provider_account.{column}:{organisation_id}"
