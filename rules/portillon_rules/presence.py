"""Where a member is, by what was badged and passed; and for how long that is believed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from portillon_rules.schedule import local_time
from portillon_rules.zone_rule import EVERY_ZONE, ZoneRule, chain

MS_PER_MINUTE = 60_000
FUTURE_MS_MAX = 3_600_000
"""After a cold boot time lags; who is found further ahead than this was seen before the clock was turned back."""


@dataclass(frozen=True, slots=True)
class Presence:
    """In `zone` (None: outside) since business time `since_ms`; not `fresh`: other gateways were not heard lately."""

    zone: str | None
    since_ms: int
    fresh: bool = True


@dataclass(frozen=True, slots=True)
class Forgiven:
    """Staff let a member begin anew: where they were up to business time `at_ms` no longer counts."""

    member: str
    at_ms: int

    def to_body(self) -> dict[str, int]:
        """The JSON-ready body of the feed row; its key is `member`."""
        return {"at_ms": self.at_ms}

    @classmethod
    def from_body(cls, key: str, body: Mapping[str, int]) -> "Forgiven":
        """Rebuild it for the member `key`; raises KeyError."""
        return cls(key, body["at_ms"])


def believed(
    presence: Presence | None,
    zones: Mapping[str, ZoneRule],
    *,
    now_ms: int,
    time_zone: str,
    forgiven_ms: int | None = None,
) -> Presence | None:
    """The presence as far as it still counts; None: nobody knows where the member is, and nothing is held against them.

    It ends with the reset hour and the longest stay, as the innermost zone says that says anything; and by forgiveness.
    """
    if presence is None or (forgiven_ms is not None and presence.since_ms <= forgiven_ms):
        return None
    if presence.zone is None:
        return presence
    gone_ms = gone_by_ms(presence.zone, zones, now_ms=now_ms, time_zone=time_zone)
    return presence if gone_ms <= presence.since_ms <= now_ms + FUTURE_MS_MAX else None


def gone_by_ms(zone: str, zones: Mapping[str, ZoneRule], *, now_ms: int, time_zone: str) -> int:
    """Whoever was seen last in that zone before this business time counts as gone by now."""
    rules = [zones[name] for name in (*chain(zone, zones), EVERY_ZONE) if name in zones]
    hour = next((rule.reset_hour for rule in rules if rule.reset_hour is not None), None)
    stay = next((rule.stay_minutes for rule in rules if rule.stay_minutes is not None), None)
    reset_ms = 0 if hour is None else last_reset_ms(hour, now_ms=now_ms, time_zone=time_zone)
    return max(reset_ms, 0 if stay is None else now_ms - stay * MS_PER_MINUTE)


def last_reset_ms(hour: int, *, now_ms: int, time_zone: str) -> int:
    """When the site's wall clock last showed that hour. One that summer time skips comes an hour later, one that comes
    twice counts the first time."""
    local = local_time(now_ms, time_zone)
    today = local.replace(hour=hour, minute=0, second=0, microsecond=0, fold=0)
    return next((ms for days in range(3) if (ms := _business_ms(today - timedelta(days=days))) <= now_ms), 0)


def _business_ms(local: datetime) -> int:
    return round(local.astimezone(UTC).timestamp() * 1_000)
