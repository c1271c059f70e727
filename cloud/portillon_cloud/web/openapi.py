"""The OpenAPI document of /api/v1, made once from the routes, with problem details as the one error body."""

import json

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from portillon_cloud.http.problem import FieldError, ProblemDetails
from portillon_cloud.webhooks.described import described

_DESCRIPTION = (
    "Members, contracts, invoices, gateways and attendance of one organisation: the one whose API key is sent. "
    "Amounts are integers in minor units; instants are milliseconds since the Unix epoch; dates are business dates. "
    "Errors are RFC 9457 problem details whose `type` is stable."
)


def openapi_of(app: FastAPI) -> str:
    """The document as JSON."""
    document = get_openapi(title="Portillon API", version="1", description=_DESCRIPTION, routes=app.routes)
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for model in (FieldError, ProblemDetails):
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        schema.pop("$defs", None)
        schemas[model.__name__] = schema
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    document["webhooks"], told = described()
    schemas.update(told)
    return json.dumps(document, ensure_ascii=False, sort_keys=True)
