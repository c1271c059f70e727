"""Subscription events as they rest in the database: a kind and a JSON body, read back as the same value."""

from typing import Any

from pydantic import TypeAdapter, ValidationError

from portillon_cloud.billing.errors import TimelineError
from portillon_cloud.billing.timeline import Discounted, Ended, Event, Frozen, Resumed, Shared, Started, TariffChanged

_CLASSES: dict[str, type[Event]] = {
    "started": Started,
    "tariff_changed": TariffChanged,
    "frozen": Frozen,
    "resumed": Resumed,
    "discounted": Discounted,
    "shared": Shared,
    "ended": Ended,
}
_KINDS = {kept: kind for kind, kept in _CLASSES.items()}
_ADAPTERS: dict[str, TypeAdapter[Event]] = {kind: TypeAdapter(kept) for kind, kept in _CLASSES.items()}

EVENT_KINDS = tuple(_CLASSES)
"""What subscription_event.kind may say."""


def kind_of(event: Event) -> str:
    """The name that the database keeps for this sort of event."""
    return _KINDS[type(event)]


def to_body(event: Event) -> dict[str, Any]:
    """The JSON-ready body."""
    body: dict[str, Any] = _ADAPTERS[kind_of(event)].dump_python(event, mode="json")
    return body


def from_body(kind: str, body: dict[str, Any]) -> Event:
    """The event again. Raises TimelineError for what no version of this code wrote."""
    try:
        return _ADAPTERS[kind].validate_python(body)
    except (KeyError, ValidationError) as error:
        raise TimelineError(f"a stored event of kind {kind!r} cannot be read: {error}") from error
