"""The guard and a relay that latches: whatever the relay was told last it stays, whoever dies."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from portillon_edge.guard import core
from portillon_edge.guard.core import Action, Drive, GuardCore, Reopen, Tell
from portillon_edge.guard.protocol import GuardEvent, Hold, Lock, Release
from simulation.schedule import NS_PER_MS, Schedule

MAX_ON_MS = 5_000


@dataclass
class Relay:
    """One latching relay and how long it was ever in its releasing state while somebody was alive to end it."""

    releasing: bool = False
    since_ns: int = 0
    longest_ns: int = 0
    held_until_ns: int = 0
    """A hold may last until then: it is asked for again and again."""
    orphaned: bool = field(default=False)
    """Released while no guard lives: the one window that the design states."""

    def drive(self, releasing: bool, now_ns: int) -> None:
        """Take a command."""
        if self.releasing and not self.orphaned:
            self.longest_ns = max(self.longest_ns, now_ns - max(self.since_ns, self.held_until_ns))
        if releasing and not self.releasing:
            self.since_ns = now_ns
        if not releasing:
            self.orphaned = False
        self.releasing = releasing


class GuardSide:
    """The real guard core around some relays; it outlives its gateway, and can be killed itself."""

    def __init__(self, schedule: Schedule, relays: Mapping[str, Relay], *, deaf_to_client_end: bool = False) -> None:
        self._schedule = schedule
        self._relays = relays
        self._deaf = deaf_to_client_end
        self._core = GuardCore(dict.fromkeys(relays, MAX_ON_MS), continuous=relays)
        self.alive = True
        self._tell: Callable[[GuardEvent], None] | None = None
        self._do(self._core.start())

    def connect(self, tell: Callable[[GuardEvent], None]) -> None:
        """A gateway comes."""
        self._tell = tell
        self._do(self._core.client_came())

    def client_gone(self) -> None:
        """The gateway's end of the pipe closed."""
        self._tell = None
        if self.alive and not self._deaf:
            self._do(self._core.client_gone())

    def kill(self) -> None:
        """SIGKILL."""
        self.alive = False
        for relay in self._relays.values():
            relay.orphaned = relay.releasing

    def release(self, output: str, on_ms: int) -> None:
        """What the gateway asks for; a dead guard hears nothing."""
        if self.alive:
            self._do(self._core.handle(Release(output, on_ms), self._schedule.now_ns))
            for delay_ms in (on_ms, MAX_ON_MS):
                self._schedule.after(delay_ms, self._tick)

    def hold(self, output: str) -> None:
        """What the gateway asks for."""
        if self.alive:
            now_ns = self._schedule.now_ns
            self._relays[output].held_until_ns = now_ns + core.HOLD_NS
            self._do(self._core.handle(Hold(output), now_ns))
            self._schedule.after(core.HOLD_NS / NS_PER_MS, self._tick)

    def lock(self, output: str) -> None:
        """What the gateway asks for."""
        if self.alive:
            self._do(self._core.handle(Lock(output), self._schedule.now_ns))

    def _tick(self) -> None:
        """When what was asked for is over, or all that may be; refreshing in between changes no such relay."""
        if self.alive:
            self._do(self._core.tick(self._schedule.now_ns))

    def _do(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case Tell(message):
                    if self._tell is not None:
                        self._tell(message)
                case Drive(output, releasing):
                    self._drive(output, releasing)
                case Reopen(output):
                    self._drive(output, False)

    def _drive(self, output: str, releasing: bool) -> None:
        self._relays[output].drive(releasing, self._schedule.now_ns)
        self._do(self._core.driven(output, self._schedule.now_ns))
