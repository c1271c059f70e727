"""Where a member is, by what was badged and passed."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Presence:
    """In `zone` (None: outside) since business time `since_ms`; not `fresh`: other gateways were not heard lately."""

    zone: str | None
    since_ms: int
    fresh: bool = True
