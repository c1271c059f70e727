"""POST /webhooks/stripe/{organisation}: what Stripe tells. Its signature is the key: there is no other way in.

The answer is 200 once the event is on disk, whatever follows from it, and however often it is sent.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Protocol, cast

from fastapi import APIRouter, Depends, Request, Response

from portillon_cloud.http.paging import PathId
from portillon_cloud.http.services import Services
from portillon_cloud.payments.inbox.news import NewsForgedError, NewsOf
from portillon_cloud.payments.inbox.receiving import receive
from portillon_cloud.payments.tables import STRIPE

BODY_MOST = 1 << 20  # an event is some kilobytes; nobody needs to show a signature to send more

router = APIRouter(include_in_schema=False)


class NewsServices(Services, Protocol):
    """What these routes need beside the ordinary services."""

    @property
    def news_of(self) -> NewsOf: ...


def news_services(request: Request) -> NewsServices:
    """What `create_app` was given."""
    return cast(NewsServices, request.app.state.services)


NewsServicesDep = Annotated[NewsServices, Depends(news_services)]


async def _body(request: Request) -> bytes | None:
    """The raw body, as it was signed; None: it is too long."""
    read = bytearray()
    async for part in request.stream():
        read += part
        if len(read) > BODY_MOST:
            return None
    return bytes(read)


def _headers(request: Request) -> Mapping[str, str]:
    return request.headers


@router.post("/webhooks/stripe/{organisation_id}")
def stripe_webhook(
    organisation_id: PathId,
    services: NewsServicesDep,
    headers: Annotated[Mapping[str, str], Depends(_headers)],
    body: Annotated[bytes | None, Depends(_body)],
) -> Response:
    """Keep one event. 400: not signed by an endpoint of this organisation's account; 413: too long."""
    if body is None:
        return Response(status_code=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    news = services.news_of(organisation_id, STRIPE)
    try:
        if news is None:
            raise NewsForgedError("the organisation has no account there")
        receive(
            services.db,
            news,
            headers,
            body,
            organisation_id=organisation_id,
            provider=STRIPE,
            real_ms=services.clock.real_ms(),
        )
    except NewsForgedError:
        # The same for an organisation without an account and for one that is not there: nobody learns which are.
        return Response("This was not signed by an endpoint that is known here.", HTTPStatus.BAD_REQUEST)
    return Response(status_code=HTTPStatus.OK)
