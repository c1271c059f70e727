"""One output as its machine means it to stand: whose release runs, and whether it is held. Pure.

1. A release ends by itself (the guard ends it); `withdraw` ends it early once its reason is over.
2. A release that somebody asked for to leave is never cut short: neither by `withdraw` nor by the end of a hold. What
   was withdrawn meanwhile ends with it.
3. A hold is asked for again every RENEW_MS for as long as it is wanted, and locked once when it is wanted no more.
"""

from portillon_edge.doors.machine import NS_PER_MS, RENEW_MS, Action, Hold, Lock, Part, Release

RENEW_NS = RENEW_MS * NS_PER_MS


class PartDrive:
    """What one part of a door was told; the machine carries out nothing itself."""

    def __init__(self, part: Part) -> None:
        self._part = part
        self._released_until_ns = 0
        self._exit_until_ns = 0
        self._ends_with_exit = False
        self._wanted = False
        self._held = False
        self._renew_ns = 0

    @property
    def held(self) -> bool:
        """Whether it stands released by a hold."""
        return self._held

    @property
    def rest_ns(self) -> int:
        """When its last release is over; a hold may go on."""
        return max(self._released_until_ns, self._exit_until_ns)

    def release(self, on_ms: int, now: int, *, to_leave: bool = False) -> list[Action]:
        """Release it for `on_ms`; `to_leave`: nobody may cut it short."""
        until = now + on_ms * NS_PER_MS
        if to_leave:
            self._exit_until_ns = max(self._exit_until_ns, until)
        else:
            self._released_until_ns = max(self._released_until_ns, until)
            self._ends_with_exit = False
        return [Release(on_ms, self._part)]

    def withdraw(self, now: int) -> list[Action]:
        """The reason for the release is over: lock, unless an exit's release runs or it is held anyway."""
        until_ns, self._released_until_ns = self._released_until_ns, 0
        if now >= until_ns or self._held:
            return []
        self._ends_with_exit = now < self._exit_until_ns < until_ns
        return [Lock(self._part)] if now >= self._exit_until_ns else []

    def stand(self, now: int, *, released: bool) -> list[Action]:
        """How it is to stand when nobody passes; asked at every step, answers with what is due."""
        self._wanted = released
        if not released and now >= self.rest_ns:
            ended = self._held or self._ends_with_exit
            self._held = self._ends_with_exit = False
            return [Lock(self._part)] if ended else []
        if not released and not self._held:
            return []
        if self._held and now < self._renew_ns:
            return []
        self._held, self._renew_ns = True, now + RENEW_NS
        return [Hold(self._part)]

    def failed(self, now: int) -> None:
        """It did not do what it was told; a hold is asked for again at its next renewal, not at once."""
        self._released_until_ns = 0
        self._renew_ns = now + RENEW_NS

    @property
    def deadline_ns(self) -> int | None:
        """When `stand` has something to say."""
        if not self._held:
            return self._exit_until_ns if self._ends_with_exit else None
        return self._renew_ns if self._wanted else min(self._renew_ns, self.rest_ns)
