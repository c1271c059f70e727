"""A noisy line must not wear the journal out: equal faults within a minute become one event with a count. Pure.

The first fault of a kind is told at once; the ones after it are counted, and told together once the minute is over.
"""

from collections.abc import Iterator
from dataclasses import dataclass

QUIET_NS = 60_000_000_000
FaultKey = tuple[str, str]
"""The device and the kind of fault."""


@dataclass(slots=True)
class _Held:
    until_ns: int
    count: int = 0
    detail: str = ""


class FaultLimit:
    """One for all devices; there are never more kinds of fault than devices times a handful."""

    def __init__(self) -> None:
        self._held: dict[FaultKey, _Held] = {}

    @property
    def deadline_ns(self) -> int | None:
        """When `due` has something to say, or something to forget."""
        return min((held.until_ns for held in self._held.values()), default=None)

    def tell_now(self, key: FaultKey, detail: str, now_ns: int) -> bool:
        """Whether this fault is to be told at once; else it is counted."""
        held = self._held.get(key)
        if held is None or (now_ns >= held.until_ns and not held.count):
            self._held[key] = _Held(now_ns + QUIET_NS)
            return True
        held.count += 1
        held.detail = detail
        return False

    def due(self, now_ns: int) -> Iterator[tuple[FaultKey, str]]:
        """What was counted and is now to be told; the last one's detail stands for all."""
        for key, held in list(self._held.items()):
            if now_ns < held.until_ns:
                continue
            if held.count:
                yield key, f"{held.detail} ({held.count} times within {QUIET_NS // 1_000_000_000} s)"
                self._held[key] = _Held(now_ns + QUIET_NS)
            else:
                del self._held[key]
