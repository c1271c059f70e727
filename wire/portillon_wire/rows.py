"""The rows that a feed carries: everything the decision reads, except the local state of a door."""

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class RowKind(StrEnum):
    """Kinds of feed rows; each body is defined by the class of that name in portillon_rules."""

    ENTITLEMENT = "entitlement"
    SCHEDULE = "schedule"
    HOLIDAYS = "holidays"
    POLICY = "policy"
    DOOR_PLAN = "door_plan"
    DOOR_ORDER = "door_order"
    DOOR_RULE = "door_rule"
    ZONE_RULE = "zone_rule"
    FORGIVEN = "forgiven"
    VISITS = "visits"
    """Body: VisitRow; the key is the member."""


class RowName(BaseModel):
    """What a row is called."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    kind: str = Field(pattern=r"^[a-z_]{1,32}$")
    key: str = Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")


class RowChange(RowName):
    """One row put (`body`) or deleted (None). An unknown kind is kept, hashed and not read: the cloud may be newer."""

    body: dict[str, Any] | None


def canonical_body(body: Mapping[str, Any]) -> bytes:
    """The one spelling of a body that is hashed and stored: JSON, keys sorted, no spaces, UTF-8."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
