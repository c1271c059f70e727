"""Webhooks for owners: which programs are told, how they do, what they were told, and what is to be done."""

from collections.abc import Callable, Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Connection

from portillon_cloud.clock.local import instant_of_ms
from portillon_cloud.http.dependencies import ServicesDep
from portillon_cloud.http.paging import ID_MAX, PathId
from portillon_cloud.http.services import Services
from portillon_cloud.identity.roles import Permission
from portillon_cloud.web.rendering import Notice, page
from portillon_cloud.web.settings import typed_lists
from portillon_cloud.web.visit import Visit, genuine_form, visit_with
from portillon_cloud.web.webhook_words import KINDS, WebhookWords
from portillon_cloud.web.wording import N_
from portillon_cloud.webhooks import endpoints
from portillon_cloud.webhooks.catalogue import EventKind
from portillon_cloud.webhooks.endpoints import ENDPOINTS_MOST, Secret, Wanted
from portillon_cloud.webhooks.errors import EndpointOffError, EndpointRefusedError, TooManyEndpointsError
from portillon_cloud.webhooks.health import endpoint_of, endpoints_of, sent_to

router = APIRouter()
Owner = Annotated[Visit, Depends(visit_with(Permission.CONNECT_PROGRAMS))]
Lists = Annotated[dict[str, list[str]], Depends(typed_lists)]
SHOWN = 50
DESCRIPTION_LENGTH = 200
CHOSEN = tuple(kind for kind in KINDS if kind is not EventKind.PING)

NOTICES: Mapping[str, str] = {
    "tried": N_("A trial is on its way. Open this page again in a moment to see what came of it."),
    "changed": N_("Noted."),
    "again": N_("It is sent once more."),
    "removed": N_("Nothing more is sent there."),
}
REFUSED_URL = N_("Nothing was changed: the address must be a whole one that begins with https://.")
TOO_MANY = N_("Nothing was changed: there are as many endpoints as there may be. Remove one first.")
NOT_NOW = N_("Nothing was changed: this endpoint is turned off. Turn it on, then try it.")
NO_DAY = N_("Nothing was sent: say from which day on.")


@router.get("/webhooks")
def webhooks_page(services: ServicesDep, owner: Owner, done: str = "") -> Response:
    """Every endpoint and how it does."""
    return _draw(services, owner, notice=_said(owner, done))


@router.post("/webhooks", dependencies=[Depends(genuine_form)])
def add_form(services: ServicesDep, owner: Owner, typed: Lists) -> Response:
    """It is told from now on; its secret is shown on the page that comes, and never again."""
    try:
        with services.db.write() as conn:
            made = endpoints.add_endpoint(
                conn, services.keyring, _wanted(typed), by=owner.principal, real_ms=owner.now_ms
            )
    except EndpointRefusedError:
        return _draw(services, owner, typed=typed, notice=_bad(owner, REFUSED_URL), status=422)
    except TooManyEndpointsError:
        return _draw(services, owner, typed=typed, notice=_bad(owner, TOO_MANY), status=409)
    return _draw(services, owner, secret=made)


@router.get("/webhooks/{endpoint_id}")
def endpoint_page(endpoint_id: PathId, services: ServicesDep, owner: Owner, done: str = "") -> Response:
    """One endpoint: what it was told, and a form to change it."""
    return _draw_one(services, owner, endpoint_id, notice=_said(owner, done))


@router.post("/webhooks/{endpoint_id}", dependencies=[Depends(genuine_form)])
def change_form(endpoint_id: PathId, services: ServicesDep, owner: Owner, typed: Lists) -> Response:
    """Another address, or other kinds."""
    try:
        with services.db.write() as conn:
            endpoints.change_endpoint(conn, endpoint_id, _wanted(typed), by=owner.principal, real_ms=owner.now_ms)
    except EndpointRefusedError:
        return _draw_one(services, owner, endpoint_id, typed=typed, notice=_bad(owner, REFUSED_URL), status=422)
    return RedirectResponse(f"/webhooks/{endpoint_id}?done=changed", 303)


@router.post("/webhooks/{endpoint_id}/secret", dependencies=[Depends(genuine_form)])
def secret_form(endpoint_id: PathId, services: ServicesDep, owner: Owner) -> Response:
    """A new secret, shown on the page that comes, and never again."""
    with services.db.write() as conn:
        made = endpoints.take_new_secret(conn, services.keyring, endpoint_id, by=owner.principal, real_ms=owner.now_ms)
    return _draw(services, owner, secret=made)


@router.post("/webhooks/{endpoint_id}/ping", dependencies=[Depends(genuine_form)])
def ping_form(endpoint_id: PathId, services: ServicesDep, owner: Owner) -> Response:
    """Send a trial."""

    def ping(conn: Connection) -> None:
        endpoints.ping(conn, endpoint_id, by=owner.principal, now_ms=owner.organisation.clock.business_ms)

    return _act(services, owner, endpoint_id, "tried", ping)


@router.post("/webhooks/{endpoint_id}/pause", dependencies=[Depends(genuine_form)])
def pause_form(endpoint_id: PathId, services: ServicesDep, owner: Owner) -> Response:
    """Send nothing until it is turned on."""

    def pause(conn: Connection) -> None:
        endpoints.pause(conn, endpoint_id, by=owner.principal, real_ms=owner.now_ms)

    return _act(services, owner, endpoint_id, "changed", pause)


@router.post("/webhooks/{endpoint_id}/turn-on", dependencies=[Depends(genuine_form)])
def turn_on_form(endpoint_id: PathId, services: ServicesDep, owner: Owner) -> Response:
    """Send again, what waits first."""

    def turn_on(conn: Connection) -> None:
        endpoints.turn_on(conn, endpoint_id, by=owner.principal, real_ms=owner.now_ms)

    return _act(services, owner, endpoint_id, "changed", turn_on)


@router.post("/webhooks/{endpoint_id}/remove", dependencies=[Depends(genuine_form)])
def remove_form(endpoint_id: PathId, services: ServicesDep, owner: Owner) -> Response:
    """Tell it nothing more, for good."""
    with services.db.write() as conn:
        endpoints.remove(conn, endpoint_id, by=owner.principal, real_ms=owner.now_ms)
    return RedirectResponse("/webhooks?done=removed", 303)


@router.post("/webhooks/{endpoint_id}/send-again", dependencies=[Depends(genuine_form)])
def send_again_form(
    endpoint_id: PathId,
    services: ServicesDep,
    owner: Owner,
    event_id: Annotated[int | None, Form(ge=1, le=ID_MAX)] = None,
    since_on: Annotated[str, Form(max_length=10)] = "",
) -> Response:
    """One event, or everything since a day, once more."""
    since_ms = None
    if event_id is None:
        try:
            since_ms = instant_of_ms(since_on, owner.organisation.time_zone)
        except (ValueError, OverflowError):
            return _draw_one(services, owner, endpoint_id, notice=_bad(owner, NO_DAY), status=422)

    def again(conn: Connection) -> None:
        endpoints.send_again(
            conn, endpoint_id, by=owner.principal, real_ms=owner.now_ms, event_id=event_id, since_ms=since_ms
        )

    return _act(services, owner, endpoint_id, "again", again)


@router.get("/webhooks/{endpoint_id}/{act}")
def back_page(endpoint_id: PathId, act: str, _owner: Owner) -> Response:
    """Where the language is changed after a form: nothing is done again."""
    return RedirectResponse(f"/webhooks/{endpoint_id}" if act != "secret" else "/webhooks", 303)


def _act(services: Services, owner: Visit, endpoint_id: int, done: str, act: Callable[[Connection], None]) -> Response:
    try:
        with services.db.write() as conn:
            act(conn)
    except EndpointOffError:
        return _draw_one(services, owner, endpoint_id, notice=_bad(owner, NOT_NOW), status=409)
    return RedirectResponse(f"/webhooks/{endpoint_id}?done={done}", 303)


def _wanted(typed: Mapping[str, list[str]]) -> Wanted:
    """Raises EndpointRefusedError for what no form of ours sends."""
    known = {kind.value: kind for kind in CHOSEN}
    try:
        kinds = tuple(known[one] for one in typed.get("kinds", ()))
    except KeyError as error:
        raise EndpointRefusedError(f"There is no kind {error}.") from error
    url, description = ((typed.get(name) or [""])[0].strip() for name in ("url", "description"))
    if not description.isprintable():
        raise EndpointRefusedError("The description holds what cannot be read.")
    return Wanted(url=url, description=description[:DESCRIPTION_LENGTH], kinds=kinds)


def _said(owner: Visit, done: str) -> Notice | None:
    return Notice("ok", owner.words.say(NOTICES[done])) if done in NOTICES else None


def _bad(owner: Visit, text: str) -> Notice:
    return Notice("bad", owner.words.say(text))


def _draw(
    services: Services,
    owner: Visit,
    *,
    secret: Secret | None = None,
    typed: Mapping[str, list[str]] | None = None,
    notice: Notice | None = None,
    status: int = 200,
) -> Response:
    with services.db.read() as conn:
        found = endpoints_of(conn, owner.organisation.id)
    shown = None if secret is None else next(one for one in found if one.id == secret.endpoint_id)
    return page(
        "webhooks/endpoints.html",
        owner,
        status=status,
        notice=notice,
        endpoints=found,
        secret=secret,
        secret_of=shown,
        typed=typed or {},
        chosen=CHOSEN,
        room=len(found) < ENDPOINTS_MOST,
        test=owner.organisation.clock.test,
        said=WebhookWords(owner.words),
    )


def _draw_one(
    services: Services,
    owner: Visit,
    endpoint_id: int,
    *,
    typed: Mapping[str, list[str]] | None = None,
    notice: Notice | None = None,
    status: int = 200,
) -> Response:
    with services.db.read() as conn:
        endpoint = endpoint_of(conn, owner.organisation.id, endpoint_id)
        sent = sent_to(conn, owner.organisation.id, endpoint_id, limit=SHOWN)
    return page(
        "webhooks/endpoint.html",
        owner,
        status=status,
        notice=notice,
        endpoint=endpoint,
        sent=sent,
        typed=typed
        or {
            "url": [endpoint.url],
            "description": [endpoint.description],
            "kinds": [kind.value for kind in endpoint.kinds],
        },
        chosen=CHOSEN,
        test=owner.organisation.clock.test,
        said=WebhookWords(owner.words),
    )
