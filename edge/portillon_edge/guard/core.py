"""The guard's rules, pure: no clock, no device, no socket. The server carries out its actions and reports back.

1. Until the locked state has been written once, and whenever a write failed, an output's state is unknown: the next
   thing written to it is the locked state.
2. A release ends at its on-time, at the latest `max_on_ms` after the output began to release (or was last held);
   asking again while it releases can lengthen it up to that bound and never past it.
3. A hold ends HOLD_MS after it was last asked for. Only an output declared `continuous` is ever held: the coil of
   another one may not carry current (or go without) for hours.
4. Whichever of release and hold ends last locks; `Lock` ends both.
5. When the client goes, everything is locked.
6. A release that failed is not tried again: the person has gone. A hold that failed is not either: the client asks
   again anyway, if it still wants it. Locking is tried again for ever, with back-off.
7. Every healthy output is told its present state again each second: that heals a board that lost its state, and notices
   one that was unplugged. A board that can time by itself hears each time how long it still may.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from portillon_drivers.backoff import Backoff

from portillon_edge.guard.protocol import (
    HOLD_MS,
    Hold,
    Lock,
    Locked,
    OutputFault,
    Release,
    Released,
    Reply,
    RequestRefused,
    Why,
)

MS = 1_000_000
REFRESH_NS = 1_000 * MS
NEVER_NS = 2**63 - 1
HOLD_NS = HOLD_MS * MS


@dataclass(frozen=True, slots=True)
class Drive:
    """Put the output into that state; then report `driven` or `failed`."""

    output: str
    releasing: bool
    at_most_ms: int | None = None
    """How long a releasing state may last if nobody says more; None when locking."""


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
    continuous: bool
    healthy: bool = False
    releasing: bool = False
    since_ns: int = 0
    released_until_ns: int = 0
    held_until_ns: int = 0
    why: Why = Why.START
    detail: str = "not yet opened"
    due_ns: int = 0
    """When to refresh (healthy) or to try again (not healthy)."""
    news: bool = False
    """Whether the write under way is one to tell, and not a mere refresh."""
    backoff: Backoff = field(default_factory=Backoff)

    @property
    def until_ns(self) -> int:
        """When a releasing output is to be locked, unless more is asked for."""
        return max(self.released_until_ns, self.held_until_ns)

    @property
    def over(self) -> Why:
        """What ended last."""
        return Why.NOT_RENEWED if self.held_until_ns > self.released_until_ns else Why.ON_TIME_OVER


class GuardCore:
    """How every output stands; every method returns the actions to carry out, in order."""

    def __init__(self, max_on_ms: Mapping[str, int], *, continuous: Collection[str] = ()) -> None:
        self._outputs = {
            name: _Output(max_on_ns=bound * MS, continuous=name in continuous) for name, bound in max_on_ms.items()
        }

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
        match request:
            case Lock():
                return self._lock(request.output, output, Why.ASKED)
            case Release():
                return self._release(request, output, now_ns)
            case Hold():
                return self._hold(request, output, now_ns)

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
                actions += self._lock(name, output, output.over)
            elif now_ns >= output.due_ns:
                actions.append(_drive(name, output, now_ns) if output.healthy else Reopen(name))
        return actions

    def next_ns(self) -> int:
        """When `tick` is due next; NEVER_NS where every output times itself and none is the guard's."""
        return min(
            (
                min(output.due_ns, output.until_ns) if output.releasing else output.due_ns
                for output in self._outputs.values()
            ),
            default=NEVER_NS,
        )

    def _release(self, asked: Release, output: _Output, now_ns: int) -> list[Action]:
        if not output.healthy:
            return [Tell(OutputFault(asked.output, output.detail, now_ns))]
        _begin(output, now_ns)
        bound_ns = max(output.since_ns, output.held_until_ns) + output.max_on_ns
        until_ns = now_ns + min(asked.on_ms * MS, output.max_on_ns)
        output.released_until_ns = min(max(output.released_until_ns, until_ns), bound_ns)
        output.news = True
        return [_drive(asked.output, output, now_ns)]

    def _hold(self, asked: Hold, output: _Output, now_ns: int) -> list[Action]:
        if not output.continuous:
            return [
                Tell(
                    RequestRefused(
                        f"output {asked.output!r} may not be held: its lock and relay must stand it for hours; "
                        "if they do, say continuous = true in its section"
                    )
                )
            ]
        if not output.healthy:
            return []  # the client was told of the fault, and asks again
        _begin(output, now_ns)
        under_way = now_ns < output.held_until_ns
        output.held_until_ns = now_ns + HOLD_NS
        if under_way:
            return []  # the next refresh tells the board
        output.news = True
        return [_drive(asked.output, output, now_ns)]

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


def _begin(output: _Output, now_ns: int) -> None:
    if not output.releasing:
        output.releasing, output.since_ns = True, now_ns
        output.released_until_ns = output.held_until_ns = 0


def _drive(name: str, output: _Output, now_ns: int) -> Drive:
    at_most_ms = -(-(output.until_ns - now_ns) // MS) if output.releasing else None
    return Drive(name, output.releasing, at_most_ms)
