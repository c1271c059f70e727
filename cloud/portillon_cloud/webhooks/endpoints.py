"""What an owner does with endpoints: add, change, pause, turn on, take a new secret, try, send again, remove.

Callers own the transaction. Machine time for secrets and health, business time for events and for the log of acts.
"""

from dataclasses import dataclass
from urllib.parse import urlsplit

from sqlalchemy import Connection, Integer, func, literal, select, update
from sqlalchemy.dialects import postgresql, sqlite

from portillon_cloud.clock.reading import business_now_ms, read_clock
from portillon_cloud.database import wake_after_commit
from portillon_cloud.database.rows import insert_one
from portillon_cloud.database.schema import Big
from portillon_cloud.identity.principal import Principal
from portillon_cloud.secrets import Keyring
from portillon_cloud.webhooks.addresses import checked_url
from portillon_cloud.webhooks.catalogue import EventKind
from portillon_cloud.webhooks.errors import EndpointOffError, NoSuchEndpointError, TooManyEndpointsError
from portillon_cloud.webhooks.signing import new_secret, seal
from portillon_cloud.webhooks.tables import (
    DeliveryState,
    EndpointAct,
    EndpointState,
    webhook_delivery,
    webhook_endpoint,
    webhook_endpoint_act,
    webhook_event,
)
from portillon_cloud.webhooks.telling import tell

ENDPOINTS_MOST = 10  # of one organisation
OLD_SECRET_MS = 24 * 3_600_000  # how long the secret before signs too
_UNTRIED = (literal(0, Integer), literal(0, Big))
_SETTLED = (DeliveryState.DELIVERED.value, DeliveryState.GIVEN_UP.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What an endpoint is to be. `kinds` empty: everything, also kinds that are added later."""

    url: str
    description: str = ""
    kinds: tuple[EventKind, ...] = ()


@dataclass(frozen=True, slots=True)
class Secret:
    """Shown once: the database keeps it sealed."""

    endpoint_id: int
    secret: str


def add_endpoint(conn: Connection, keyring: Keyring, wanted: Wanted, *, by: Principal, real_ms: int) -> Secret:
    """Tell this URL from now on. Raises EndpointRefusedError, TooManyEndpointsError."""
    organisation_id, column = by.organisation_id, webhook_endpoint.c
    _check(conn, wanted, organisation_id, real_ms)
    there = select(func.count()).where(column.organisation_id == organisation_id, column.state != EndpointState.REMOVED)
    if conn.execute(there).scalar_one() >= ENDPOINTS_MOST:
        raise TooManyEndpointsError(f"An organisation has at most {ENDPOINTS_MOST} endpoints; remove one first.")
    secret = new_secret()
    endpoint_id = insert_one(
        conn,
        webhook_endpoint,
        organisation_id=organisation_id,
        url=wanted.url,
        description=wanted.description,
        kinds=[kind.value for kind in wanted.kinds],
        secret_sealed=seal(keyring, secret, organisation_id=organisation_id),
        state=EndpointState.ACTIVE,
        made_at_real_ms=real_ms,
        made_by=by.name,
    )
    _note(conn, by, endpoint_id, EndpointAct.ADDED, real_ms)
    return Secret(endpoint_id, secret)


def change_endpoint(conn: Connection, endpoint_id: int, wanted: Wanted, *, by: Principal, real_ms: int) -> None:
    """Another URL or other kinds; what waits goes to the new URL. Raises NoSuchEndpointError, EndpointRefusedError."""
    _check(conn, wanted, by.organisation_id, real_ms)
    kinds = [kind.value for kind in wanted.kinds]
    _change(conn, by, endpoint_id, {"url": wanted.url, "description": wanted.description, "kinds": kinds})
    _note(conn, by, endpoint_id, EndpointAct.CHANGED, real_ms)


def pause(conn: Connection, endpoint_id: int, *, by: Principal, real_ms: int) -> None:
    """Send nothing until it is turned on; what happens meanwhile is kept. Raises NoSuchEndpointError."""
    _change(conn, by, endpoint_id, {"state": EndpointState.PAUSED, "tell_owners_at_real_ms": None})
    _note(conn, by, endpoint_id, EndpointAct.PAUSED, real_ms)


def turn_on(conn: Connection, endpoint_id: int, *, by: Principal, real_ms: int) -> None:
    """Send again, what waits first, as if it had never failed. Raises NoSuchEndpointError."""
    _change(
        conn,
        by,
        endpoint_id,
        {
            "state": EndpointState.ACTIVE,
            "failing_since_real_ms": None,
            "failures": 0,
            "off_at_real_ms": None,
            "tell_owners_at_real_ms": None,
        },
    )
    _note(conn, by, endpoint_id, EndpointAct.TURNED_ON, real_ms)
    delivery = webhook_delivery.c
    conn.execute(
        update(webhook_delivery)
        .where(
            delivery.organisation_id == by.organisation_id,
            delivery.endpoint_id == endpoint_id,
            delivery.state == DeliveryState.WAITING,
        )
        .values(attempts=0, retry_at_real_ms=0)
    )
    wake_after_commit(conn)


def take_new_secret(conn: Connection, keyring: Keyring, endpoint_id: int, *, by: Principal, real_ms: int) -> Secret:
    """A new secret; the one before signs beside it for OLD_SECRET_MS. Raises NoSuchEndpointError."""
    secret = new_secret()
    _change(
        conn,
        by,
        endpoint_id,
        {
            "old_secret_sealed": webhook_endpoint.c.secret_sealed,
            "old_secret_until_real_ms": real_ms + OLD_SECRET_MS,
            "secret_sealed": seal(keyring, secret, organisation_id=by.organisation_id),
        },
    )
    _note(conn, by, endpoint_id, EndpointAct.NEW_SECRET, real_ms)
    return Secret(endpoint_id, secret)


def remove(conn: Connection, endpoint_id: int, *, by: Principal, real_ms: int) -> None:
    """Tell it nothing more, for good; its secrets go. Raises NoSuchEndpointError."""
    _change(
        conn,
        by,
        endpoint_id,
        {
            "state": EndpointState.REMOVED,
            "secret_sealed": b"",
            "old_secret_sealed": None,
            "old_secret_until_real_ms": None,
            "tell_owners_at_real_ms": None,
        },
    )
    _note(conn, by, endpoint_id, EndpointAct.REMOVED, real_ms)
    delivery = webhook_delivery.c
    conn.execute(
        update(webhook_delivery)
        .where(
            delivery.organisation_id == by.organisation_id,
            delivery.endpoint_id == endpoint_id,
            delivery.state.not_in(_SETTLED),
        )
        .values(state=DeliveryState.GIVEN_UP, error="the endpoint was removed")
    )


def ping(conn: Connection, endpoint_id: int, *, by: Principal, now_ms: int) -> None:
    """Send one event that says nothing, to see whether it answers. Raises NoSuchEndpointError, EndpointOffError."""
    if _state(conn, by.organisation_id, endpoint_id) is not EndpointState.ACTIVE:
        raise EndpointOffError("This endpoint is turned off; turn it on, then try it.")
    tell(conn, EventKind.PING, by.organisation_id, [endpoint_id], at_ms=now_ms, only_to=endpoint_id)


def send_again(
    conn: Connection,
    endpoint_id: int,
    *,
    by: Principal,
    real_ms: int,
    event_id: int | None = None,
    since_ms: int | None = None,
) -> int:
    """Send one event, or all that happened since, once more under their own ids; how many. What waits already waits on.

    Events that came before the endpoint are sent too if it wants their kind. Raises NoSuchEndpointError.
    """
    organisation_id = by.organisation_id
    _state(conn, organisation_id, endpoint_id)
    event, endpoint, delivery = webhook_event.c, webhook_endpoint.c, webhook_delivery.c
    kinds = conn.execute(
        select(endpoint.kinds).where(endpoint.id == endpoint_id, endpoint.organisation_id == organisation_id)
    ).scalar_one()
    chosen = select(
        event.organisation_id, literal(endpoint_id, Big), event.id, literal(DeliveryState.WAITING.value), *_UNTRIED
    ).where(event.organisation_id == organisation_id, event.kind != EventKind.PING)
    if event_id is not None:
        chosen = chosen.where(event.id == event_id)
    else:
        chosen = chosen.where(event.at_ms >= (since_ms or 0))
        if kinds:
            chosen = chosen.where(event.kind.in_(kinds))
    writing = postgresql.insert if conn.dialect.name == "postgresql" else sqlite.insert
    names = ["organisation_id", "endpoint_id", "event_id", "state", "attempts", "retry_at_real_ms"]
    again = (
        writing(webhook_delivery)
        .from_select(names, chosen)
        .on_conflict_do_update(
            index_elements=["endpoint_id", "event_id"],
            set_={"state": DeliveryState.WAITING.value, "attempts": 0, "retry_at_real_ms": 0, "error": None},
            where=delivery.state.in_(_SETTLED),
        )
        .returning(delivery.id)
    )
    count = len(conn.execute(again).all())
    _note(conn, by, endpoint_id, EndpointAct.SENT_AGAIN, real_ms)
    wake_after_commit(conn)
    return count


def _check(conn: Connection, wanted: Wanted, organisation_id: int, real_ms: int) -> None:
    checked_url(wanted.url, test=read_clock(conn, organisation_id, real_ms).mode == "test")


def _note(conn: Connection, by: Principal, endpoint_id: int, kind: EndpointAct, real_ms: int) -> None:
    """For the log of who did what; the endpoint's own row forgets."""
    url = conn.execute(select(webhook_endpoint.c.url).where(webhook_endpoint.c.id == endpoint_id)).scalar_one()
    insert_one(
        conn,
        webhook_endpoint_act,
        organisation_id=by.organisation_id,
        endpoint_id=endpoint_id,
        kind=kind,
        host=urlsplit(url).hostname or "",
        done_by=by.name,
        at_ms=business_now_ms(conn, by.organisation_id, real_ms),
    )


def _state(conn: Connection, organisation_id: int, endpoint_id: int) -> EndpointState:
    column = webhook_endpoint.c
    found = conn.scalar(select(column.state).where(column.id == endpoint_id, column.organisation_id == organisation_id))
    if found is None or found == EndpointState.REMOVED:
        raise NoSuchEndpointError(f"There is no endpoint {endpoint_id} in your organisation.")
    return EndpointState(found)


def _change(conn: Connection, by: Principal, endpoint_id: int, values: dict[str, object]) -> None:
    column = webhook_endpoint.c
    changed = conn.execute(
        update(webhook_endpoint)
        .where(
            column.id == endpoint_id,
            column.organisation_id == by.organisation_id,
            column.state != EndpointState.REMOVED,
        )
        .values(values)
    )
    if not changed.rowcount:
        raise NoSuchEndpointError(f"There is no endpoint {endpoint_id} in your organisation.")
