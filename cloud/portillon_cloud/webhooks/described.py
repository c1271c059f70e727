"""The catalogue in OpenAPI's own words, so that receivers can have their types made from the API's document."""

from typing import Any

from pydantic.json_schema import models_json_schema

from portillon_cloud.webhooks.catalogue import CATALOGUE, EventKind, State

_REF = "#/components/schemas/{model}"


def described() -> tuple[dict[str, Any], dict[str, Any]]:
    """OpenAPI 3.1 `webhooks`, and the schemas they refer to."""
    data: list[type[State]] = list(dict.fromkeys(entry.data for entry in CATALOGUE.values()))
    names, found = models_json_schema([(one, "serialization") for one in data], ref_template=_REF)
    sent = {
        kind.value: {
            "post": {
                "summary": entry.says,
                "tags": ["webhooks"],
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {"schema": _event(kind, names[entry.data, "serialization"]["$ref"])}
                    },
                },
                "responses": {"2XX": {"description": "The endpoint has it; anything else is tried again"}},
            }
        }
        for kind, entry in CATALOGUE.items()
    }
    return sent, found["$defs"]


def _event(kind: EventKind, data: str) -> dict[str, Any]:
    properties = {
        "type": {"const": kind.value},
        "timestamp": {"type": "string", "format": "date-time", "description": "When it happened, business time"},
        "organisation_id": {"type": "integer"},
        "mode": {"enum": ["live", "test"]},
        "read_at": {"type": "string", "format": "date-time", "description": "When `data` was so, business time"},
        "data": {"$ref": data},
    }
    return {"type": "object", "properties": properties, "required": list(properties)}
