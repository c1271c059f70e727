"""Files for the accountant over HTTP: the year's book for France's tax office, sales and payments by day and rate."""

import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse
from pydantic import Field

from portillon_cloud.accounting.exports import Export, ExportFile, export
from portillon_cloud.accounting.own_book import own_book
from portillon_cloud.http.dependencies import ServicesDep, require
from portillon_cloud.http.paging import PathId
from portillon_cloud.identity.principal import Principal
from portillon_cloud.identity.roles import Permission

router = APIRouter(tags=["accounting"])
Accountant = Annotated[Principal, Depends(require(Permission.KEEP_BOOKS))]
Day = Annotated[datetime.date, Field(ge=datetime.date(2000, 1, 1), le=datetime.date(2199, 12, 31))]


def answer(file: ExportFile) -> StreamingResponse:
    """The file as a download."""
    headers = {"Content-Disposition": f'attachment; filename="{file.name}"'}
    return StreamingResponse(file.content, media_type=file.media_type, headers=headers)


@router.get(
    "/legal-entities/{legal_entity_id}/exports/{what}",
    response_class=StreamingResponse,
    responses={200: {"description": "The file", "content": {"text/plain": {}, "text/csv": {}}}},
)
def get_export(
    legal_entity_id: PathId,
    what: Export,
    services: ServicesDep,
    accountant: Accountant,
    from_on: Annotated[Day, Query(alias="from")],
    through_on: Annotated[Day, Query(alias="through", description="The last day that counts")],
) -> StreamingResponse:
    """A file of these days: `fec` and its description, sales or payments of consumers by day and rate.

    409 says why there is none: the book is not a French one, or the firm's number is missing. Nothing is sent anywhere.
    """
    with services.db.read() as conn:
        book = own_book(conn, accountant.organisation_id, legal_entity_id)
        return answer(export(conn, book, what, from_on=from_on, through_on=through_on))
