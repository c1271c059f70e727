"""Write to the outbox, in the transaction that made the change."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, and_, bindparam, column, insert, literal, select, table, true

from portillon_cloud.database import wake_after_commit
from portillon_cloud.database.rows import insert_many
from portillon_cloud.database.schema import Big
from portillon_cloud.outbox.tables import access_outbox

_gateway = table("gateway", column("id"), column("organisation_id"), column("revoked_at_ms"), column("site_id"))

_GATEWAYS = select(_gateway.c.id).where(
    _gateway.c.organisation_id == bindparam("organisation_id"), _gateway.c.revoked_at_ms.is_(None)
)


def account_changed(conn: Connection, organisation_id: int, account_id: int) -> None:
    """Tell every gateway of the organisation that who may pass under `account_id` may have changed."""
    accounts_changed(conn, organisation_id, [account_id])


def accounts_changed(conn: Connection, organisation_id: int, account_ids: Sequence[int]) -> None:
    """The same for many accounts at once."""
    gateways = conn.execute(_GATEWAYS, {"organisation_id": organisation_id}).scalars().all()
    rows = [(organisation_id, gateway, account) for gateway in gateways for account in account_ids]
    if rows:
        insert_many(conn, access_outbox, ("organisation_id", "gateway_id", "account_id"), rows)
        wake_after_commit(conn)


def everything_changed(conn: Connection, organisation_id: int) -> None:
    """Tell every gateway of the organisation to look at all accounts, policies and schedules again."""
    conn.execute(
        insert(access_outbox).from_select(
            ["organisation_id", "gateway_id", "account_id"],
            select(_gateway.c.organisation_id, _gateway.c.id, literal(None, Big)).where(_told(organisation_id)),
        )
    )
    wake_after_commit(conn)


def site_rules_changed(conn: Connection, organisation_id: int, site_id: int) -> None:
    """Tell the gateways of one site to look at its policy, schedules, plans and orders again, and at no account.

    A lockdown must not wait until a hundred thousand members have been looked at.
    """
    conn.execute(
        insert(access_outbox).from_select(
            ["organisation_id", "gateway_id", "rules_only"],
            select(_gateway.c.organisation_id, _gateway.c.id, true()).where(
                _told(organisation_id), _gateway.c.site_id == site_id
            ),
        )
    )
    wake_after_commit(conn)


def is_empty(conn: Connection, organisation_id: int) -> bool:
    """True if the sequencers have taken everything the organisation's transactions left."""
    column = access_outbox.c
    waiting = conn.execute(select(column.id).where(column.organisation_id == organisation_id).limit(1))
    return waiting.one_or_none() is None


def _told(organisation_id: int) -> ColumnElement[bool]:
    return and_(_gateway.c.organisation_id == organisation_id, _gateway.c.revoked_at_ms.is_(None))
