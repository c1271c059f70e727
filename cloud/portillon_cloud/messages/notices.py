"""What a notice said, as values that are kept as they were sent. Each kind is one class; its letter is written from it.

Names are not among them: those stand in the letter alone, which goes with the person when they are erased.
"""

import datetime
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewalComes:
    """The term goes on by itself after `ends_on`, its first day after, unless they say no up to `until_on`."""

    ends_on: datetime.date
    until_on: datetime.date
    renewed_until_on: datetime.date
    cycle_minor: int
    clause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewalOffered:
    """The term is over on `ends_on` and nothing renews it; another of `months` is offered, for a written yes."""

    ends_on: datetime.date
    months: int
    cycle_minor: int
    clause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewalAgreed:
    """Both sides agreed on `agreed_on` that the term lasts until `ends_on`, its first day after."""

    agreed_on: datetime.date
    ends_on: datetime.date


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceChanges:
    """What a cycle costs becomes another from `from_on`; who does not want that leaves at no cost up to `until_on`."""

    from_on: datetime.date
    until_on: datetime.date
    was_minor: int
    becomes_minor: int
    clause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceStays:
    """What was told of a new price from `from_on` is taken back: it stays `was_minor`."""

    from_on: datetime.date
    was_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """It ends on `ends_on`, the first day without it. `back_minor`: what is paid back, by `back_by_on`."""

    told_on: datetime.date
    ends_on: datetime.date
    back_minor: int = 0
    back_by_on: datetime.date | None = None
    clause: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn:
    """The consumer withdrew from what was signed at a distance."""

    told_on: datetime.date
    ends_on: datetime.date
    back_minor: int
    back_by_on: datetime.date
    clause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FreezeAgreed:
    """Frozen from `on` up to and without `until_on`; `fee_minor` for each cycle of it."""

    on: datetime.date
    until_on: datetime.date
    fee_minor: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class WayToLeave:
    """A new link to the page on which one leaves, asked for on `asked_on`."""

    asked_on: datetime.date


Notice = (
    RenewalComes
    | RenewalOffered
    | RenewalAgreed
    | PriceChanges
    | PriceStays
    | Cancelled
    | Withdrawn
    | FreezeAgreed
    | WayToLeave
)

_CLASSES: dict[str, type[Notice]] = {
    "renewal_comes": RenewalComes,
    "renewal_offered": RenewalOffered,
    "renewal_agreed": RenewalAgreed,
    "price_changes": PriceChanges,
    "price_stays": PriceStays,
    "cancelled": Cancelled,
    "withdrawn": Withdrawn,
    "freeze_agreed": FreezeAgreed,
    "way_to_leave": WayToLeave,
}
_KINDS = {kept: kind for kind, kept in _CLASSES.items()}
_ADAPTERS: dict[str, TypeAdapter[Notice]] = {kind: TypeAdapter(kept) for kind, kept in _CLASSES.items()}

NOTICE_KINDS = tuple(_CLASSES)
"""What notice.kind may say."""


def kind_of(notice: Notice) -> str:
    """The name that the database keeps for this sort of notice."""
    return _KINDS[type(notice)]


def to_body(notice: Notice) -> dict[str, Any]:
    """The JSON-ready body."""
    body: dict[str, Any] = _ADAPTERS[kind_of(notice)].dump_python(notice, mode="json")
    return body


def from_body(kind: str, body: dict[str, Any]) -> Notice:
    """The notice again; ValueError for what no version of this code wrote."""
    return _ADAPTERS[kind].validate_python(body)
