"""Events as the doors make them."""

from typing import Any

from portillon_edge.domain.events import EventKind, NewEvent
from portillon_rules.decision import TimeQuality
from portillon_wire.messages import EventTime

NS_PER_S = 1_000_000_000


def at(seconds: float = 0, *, real_ms: int | None = 1_790_000_000_000) -> EventTime:
    """A time stamp that many seconds after the boot."""
    return EventTime(
        boot_id="boot-a",
        boot_ns=int(seconds * NS_PER_S),
        real_ms=real_ms,
        business_ms=real_ms,
        quality=TimeQuality.CERTAIN,
    )


def event(detail: str = "", seconds: float = 0, **more: Any) -> NewEvent:
    """Somebody was let in at lane 1."""
    base: dict[str, Any] = {"kind": EventKind.GRANTED, "door": "lane1", "detail": detail or None}
    return NewEvent(at=at(seconds), **(base | more))
