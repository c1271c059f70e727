"""The guard's rules, pure: no clock, no device, no socket. The server carries out its actions and reports back.

1. Until the locked state has been written once, and whenever a write failed, an output's state is unknown: the next
   thing written to it is the locked state.
2. A release ends at its on-time, at the latest `max_on_ms` after the output began to release; asking again while it
   releases can lengthen it up to that bound and never past it.
3. When the client goes, everything is locked.
4. A release that failed is not tried again: the person has gone. Locking is tried again for ever, with back-off.
5. Every healthy output is told its present state again each second: that heals a board that lost its state, and notices
   one that was unplugged.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from portillon_drivers.backoff import Backoff

from portillon_edge.guard.protocol import Hold, Lock, Locked, OutputFault, Release, Released, Reply, RequestRefused, Why

MS = 1_000_000
REFRESH_NS = 1_000 * MS
HOLD_NS = 5_000 * MS


@dataclass(frozen=True, slots=True)
class Drive:
    """Put the output into that state; then report `driven` or `failed`."""

    output: str
    releasing: bool


@dataclass(frozen=True, slots=True)
class Reopen:
    """Open the output (again) and put it into its locked state; then report `driven` or `failed`."""

    output: str


@dataclass(frozen=True, slots=True)
class Tell:
    """Tell the client, if there is one."""

    message: Reply


Action: TypeAlias = Drive | Reopen | Tell


@dataclass(slots=True)
class _Output:
    max_on_ns: int
    healthy: bool = False
    releasing: bool = False
    since_ns: int = 0
    until_ns: int = 0
    why: Why = Why.START
    detail: str = "not yet opened"
    due_ns: int = 0
    """When to refresh (healthy) or to try again (not healthy)."""
    news: bool = False
    """Whether the write under way is one to tell, and not a mere refresh."""
    backoff: Backoff = field(default_factory=Backoff)


class GuardCore:
    """How every output stands; every method returns the actions to carry out, in order."""

    def __init__(self, max_on_ms: Mapping[str, int]) -> None:
        self._outputs = {name: _Output(max_on_ns=bound * MS) for name, bound in max_on_ms.items()}

    def start(self) -> list[Action]:
        """Before anything else: lock everything."""
        return [Reopen(name) for name in self._outputs]

    def client_came(self) -> list[Action]:
        """A new client learns how every output stands."""
        return [Tell(self._standing(name, output)) for name, output in self._outputs.items()]

    def client_gone(self) -> list[Action]:
        """Nobody answers for the releases any more."""
        return [
            action
            for name, output in self._outputs.items()
            if output.releasing
            for action in self._lock(name, output, Why.CLIENT_GONE)
        ]

    def stop(self) -> list[Action]:
        """The guard ends: lock everything once more, and try a failed output a last time."""
        return [
            action
            for name, output in self._outputs.items()
            for action in (self._lock(name, output, Why.STOPPING) if output.healthy else [Reopen(name)])
        ]

    def handle(self, request: Release | Hold | Lock, now_ns: int) -> list[Action]:
        """One request of the client."""
        output = self._outputs.get(request.output)
        if output is None:
            known = ", ".join(self._outputs)
            return [Tell(RequestRefused(f"there is no output {request.output!r} under this guard; there are: {known}"))]
        if isinstance(request, Lock):
            return self._lock(request.output, output, Why.ASKED)
        if not output.healthy:
            return [Tell(OutputFault(request.output, output.detail, now_ns))]
        if not output.releasing:
            output.releasing, output.since_ns, output.until_ns = True, now_ns, 0
        if isinstance(request, Hold):
            output.until_ns = max(output.until_ns, now_ns + HOLD_NS)
        else:
            bound_ns = output.since_ns + output.max_on_ns
            output.until_ns = min(max(output.until_ns, now_ns + request.on_ms * MS), bound_ns)
        output.news = True
        return [Drive(request.output, True)]

    def driven(self, name: str, now_ns: int) -> list[Action]:
        """The output took what it was told."""
        output = self._outputs[name]
        output.due_ns = now_ns + REFRESH_NS
        output.backoff.reset()
        if output.healthy and not output.news:
            return []
        output.healthy, output.news = True, False
        output.since_ns = output.since_ns if output.releasing else now_ns
        return [Tell(self._standing(name, output))]

    def failed(self, name: str, detail: str, now_ns: int) -> list[Action]:
        """The output did not take it; the client hears of each new cause once."""
        output = self._outputs[name]
        known = not output.healthy and output.detail == detail
        # The first locked state that can be written is news again; after a start it is still the start's.
        output.why = output.why if output.why is Why.START and not output.healthy else Why.RECONNECTED
        output.healthy, output.releasing, output.detail = False, False, detail
        output.since_ns = output.since_ns if known else now_ns
        output.due_ns = now_ns + int(output.backoff.next_s() * 1_000) * MS
        return [] if known else [Tell(OutputFault(name, detail, now_ns))]

    def tick(self, now_ns: int) -> list[Action]:
        """Time passed: end what is over, try again what failed, refresh what stands."""
        actions: list[Action] = []
        for name, output in self._outputs.items():
            if output.releasing and now_ns >= output.until_ns:
                actions += self._lock(name, output, Why.ON_TIME_OVER)
            elif now_ns >= output.due_ns:
                actions.append(Drive(name, output.releasing) if output.healthy else Reopen(name))
        return actions

    def next_ns(self) -> int:
        """When `tick` is due next."""
        return min(
            min(output.due_ns, output.until_ns) if output.releasing else output.due_ns
            for output in self._outputs.values()
        )

    def _lock(self, name: str, output: _Output, why: Why) -> list[Action]:
        output.releasing = False
        if not output.healthy:
            return []  # the next thing written to it is the locked state anyway
        output.why, output.news = why, True
        return [Drive(name, False)]

    def _standing(self, name: str, output: _Output) -> Reply:
        if not output.healthy:
            return OutputFault(name, output.detail, output.since_ns)
        if output.releasing:
            return Released(name, output.since_ns)
        return Locked(name, output.since_ns, output.why)
