"""Endpoints over /api/v1: what programs are told, how they do, and everything an owner may do with them.

There is no Idempotency-Key where a secret is made: what was answered is kept under such a key, and a secret never is.
"""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field, model_validator

from portillon_cloud.clock import business_now_ms
from portillon_cloud.http.dependencies import ServicesDep, require
from portillon_cloud.http.paging import ID_MAX, Id, Limit, PathId
from portillon_cloud.identity.principal import Principal
from portillon_cloud.identity.roles import Permission
from portillon_cloud.webhooks import endpoints
from portillon_cloud.webhooks.addresses import URL_LENGTH
from portillon_cloud.webhooks.catalogue import CATALOGUE, EventKind
from portillon_cloud.webhooks.endpoints import Wanted
from portillon_cloud.webhooks.health import Health, endpoint_of, endpoints_of, sent_to
from portillon_cloud.webhooks.tables import DeliveryState, EndpointState

DESCRIPTION_LENGTH = 200

router = APIRouter(prefix="/webhooks", tags=["webhooks"])
Owner = Annotated[Principal, Depends(require(Permission.CONNECT_PROGRAMS))]


class FieldOut(BaseModel):
    name: str
    says: str | None


class KindOut(BaseModel):
    """One kind of event. `data`: the fields of its data, which are as they are when the event is sent."""

    kind: EventKind
    says: str
    data: list[FieldOut]


class EndpointBody(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    url: Annotated[str, Field(min_length=1, max_length=URL_LENGTH, description="https://…; http only for tests")]
    description: Annotated[str, Field(max_length=DESCRIPTION_LENGTH, pattern=r"^[^\x00-\x1f]*$")] = ""
    kinds: Annotated[
        list[EventKind], Field(max_length=len(EventKind), description="Empty: all, also kinds that are added later")
    ] = []

    def wanted(self) -> Wanted:
        return Wanted(url=self.url, description=self.description, kinds=tuple(dict.fromkeys(self.kinds)))


class SecretOut(BaseModel):
    """Write it down: it is shown this once."""

    id: int
    secret: str


class EndpointOut(BaseModel):
    """One endpoint and how it does. Instants are machine time; counts are of the last 30 days."""

    id: int
    url: str
    description: str
    kinds: list[EventKind]
    state: EndpointState = Field(description="failing, gone: we turned it off; it is told what it missed once on again")
    waiting: int
    delivered: int
    given_up: int = Field(description="Tried for three days; may be sent again")
    answered_at_real_ms: int | None = Field(description="When it last took an event")
    failing_since_real_ms: int | None = Field(description="Null: it took the last one")
    failures: int = Field(description="Tries since then")
    last_error: str | None
    old_secret_until_real_ms: int | None = Field(description="Until when the secret before signs too")


class SentOut(BaseModel):
    """One event and how far the endpoint was told of it."""

    event_id: int
    kind: EventKind
    subject_id: int = Field(description="The thing it is about, as the kind's data names it first")
    at_ms: int = Field(description="When it happened, business time")
    state: DeliveryState
    attempts: int
    tried_at_real_ms: int | None
    status: int | None = Field(description="What the last try was answered; null: nothing")
    error: str | None


class SentPage(BaseModel):
    items: list[SentOut]
    next_before: int | None = Field(description="`before` of the next page; null: this is the last")


class Again(BaseModel):
    """One event, or everything since an instant (business time) that the endpoint wants."""

    model_config = ConfigDict(extra="forbid")

    event_id: Id | None = None
    since_ms: Annotated[int, Field(ge=0, le=ID_MAX)] | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> "Again":
        if (self.event_id is None) == (self.since_ms is None):
            raise ValueError("give event_id or since_ms")
        return self


class AgainOut(BaseModel):
    sent: int = Field(description="How many go once more; what waits already is not among them")


@router.get("/events")
def list_kinds(_owner: Owner) -> list[KindOut]:
    """The catalogue: every kind that an endpoint may want."""
    return [
        KindOut(
            kind=kind,
            says=entry.says,
            data=[FieldOut(name=name, says=one.description) for name, one in entry.data.model_fields.items()],
        )
        for kind, entry in CATALOGUE.items()
    ]


@router.get("/endpoints")
def list_endpoints(services: ServicesDep, owner: Owner) -> list[EndpointOut]:
    """All of them, with their health."""
    with services.db.read() as conn:
        return [_out(one) for one in endpoints_of(conn, owner.organisation_id)]


@router.get("/endpoints/{endpoint_id}")
def get_endpoint(endpoint_id: PathId, services: ServicesDep, owner: Owner) -> EndpointOut:
    """One of them."""
    with services.db.read() as conn:
        return _out(endpoint_of(conn, owner.organisation_id, endpoint_id))


@router.post("/endpoints", status_code=HTTPStatus.CREATED)
def add(new: EndpointBody, services: ServicesDep, owner: Owner) -> SecretOut:
    """Tell a URL what happens from now on."""
    with services.db.write() as conn:
        made = endpoints.add_endpoint(conn, services.keyring, new.wanted(), by=owner, real_ms=services.clock.real_ms())
    return SecretOut(id=made.endpoint_id, secret=made.secret)


@router.put("/endpoints/{endpoint_id}", status_code=HTTPStatus.NO_CONTENT)
def change(endpoint_id: PathId, new: EndpointBody, services: ServicesDep, owner: Owner) -> None:
    """Another URL, or other kinds; what waits goes to the new URL."""
    with services.db.write() as conn:
        endpoints.change_endpoint(conn, endpoint_id, new.wanted(), by=owner, real_ms=services.clock.real_ms())


@router.delete("/endpoints/{endpoint_id}", status_code=HTTPStatus.NO_CONTENT)
def remove(endpoint_id: PathId, services: ServicesDep, owner: Owner) -> None:
    """Tell it nothing more, for good."""
    with services.db.write() as conn:
        endpoints.remove(conn, endpoint_id, by=owner, real_ms=services.clock.real_ms())


@router.post("/endpoints/{endpoint_id}/pause", status_code=HTTPStatus.NO_CONTENT)
def pause(endpoint_id: PathId, services: ServicesDep, owner: Owner) -> None:
    """Send nothing until it is turned on; what happens meanwhile waits, for 30 days."""
    with services.db.write() as conn:
        endpoints.pause(conn, endpoint_id, by=owner, real_ms=services.clock.real_ms())


@router.post("/endpoints/{endpoint_id}/turn-on", status_code=HTTPStatus.NO_CONTENT)
def turn_on(endpoint_id: PathId, services: ServicesDep, owner: Owner) -> None:
    """Send again, what waits first."""
    with services.db.write() as conn:
        endpoints.turn_on(conn, endpoint_id, by=owner, real_ms=services.clock.real_ms())


@router.post("/endpoints/{endpoint_id}/ping", status_code=HTTPStatus.NO_CONTENT)
def ping(endpoint_id: PathId, services: ServicesDep, owner: Owner) -> None:
    """Send one event that says nothing; its health tells what came of it."""
    with services.db.write() as conn:
        now_ms = business_now_ms(conn, owner.organisation_id, services.clock.real_ms())
        endpoints.ping(conn, endpoint_id, by=owner, now_ms=now_ms)


@router.post("/endpoints/{endpoint_id}/secret")
def new_secret(endpoint_id: PathId, services: ServicesDep, owner: Owner) -> SecretOut:
    """A new secret; for 24 hours the one before signs beside it."""
    with services.db.write() as conn:
        made = endpoints.take_new_secret(
            conn, services.keyring, endpoint_id, by=owner, real_ms=services.clock.real_ms()
        )
    return SecretOut(id=made.endpoint_id, secret=made.secret)


@router.get("/endpoints/{endpoint_id}/events")
def list_sent(
    endpoint_id: PathId,
    services: ServicesDep,
    owner: Owner,
    state: DeliveryState | None = None,
    before: Annotated[int | None, Query(ge=1, le=ID_MAX, description="`next_before` of the page before")] = None,
    limit: Limit = 50,
) -> SentPage:
    """What it was told or is to be told, newest first."""
    with services.db.read() as conn:
        endpoint_of(conn, owner.organisation_id, endpoint_id)
        found = sent_to(conn, owner.organisation_id, endpoint_id, state=state, before=before, limit=limit + 1)
    items = [SentOut.model_validate(one, from_attributes=True) for one in found[:limit]]
    return SentPage(items=items, next_before=items[-1].event_id if len(found) > limit else None)


@router.post("/endpoints/{endpoint_id}/send-again")
def send_again(endpoint_id: PathId, asked: Again, services: ServicesDep, owner: Owner) -> AgainOut:
    """Send once more, under the events' own ids: a receiver that has them already may pass them over."""
    with services.db.write() as conn:
        count = endpoints.send_again(
            conn,
            endpoint_id,
            by=owner,
            real_ms=services.clock.real_ms(),
            event_id=asked.event_id,
            since_ms=asked.since_ms,
        )
    return AgainOut(sent=count)


def _out(one: Health) -> EndpointOut:
    return EndpointOut.model_validate(one, from_attributes=True)
