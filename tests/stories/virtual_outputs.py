"""The outputs of a story in virtual time: the guard's core with its boards, and devices that time themselves."""

from collections.abc import Callable, Sequence

from portillon_drivers.events import OutputEvent, OutputLocked, OutputReleased, TellOutput
from portillon_drivers.options import OutputOptions
from portillon_edge.guard.core import Action, Drive, GuardCore, Reopen, Tell
from portillon_edge.guard.errors import GuardUnavailableError
from portillon_edge.guard.identity import outputs_digest
from portillon_edge.guard.protocol import GuardEvent, GuardLost, GuardUp, Hold, Lock, Release, Reply

MS = 1_000_000
OTHER_OUTPUTS = "the guard (pid 1) runs with other outputs than this configuration's: restart the guard"


class VirtualOutputs:
    """The guard's core and the true states of its outputs, which stay as last driven whoever dies."""

    def __init__(self, outputs: Sequence[OutputOptions], clock_ns: Callable[[], int]) -> None:
        self._sections = {section.name: section for section in outputs if section.guarded}
        self._clock_ns = clock_ns
        self._tell: Callable[[GuardEvent | Reply], None] | None = None
        self._digest = ""
        self._core: GuardCore | None = None
        self.releasing = dict.fromkeys(self._sections, False)
        self.unplugged: set[str] = set()
        self._ends_ns: dict[str, int] = {}
        """When a board that times its releases itself ends one."""

    @property
    def next_ns(self) -> int | None:
        """When the guard, or a board, has something to do."""
        own = [] if self._core is None else [self._core.next_ns()]
        return min((*own, *self._ends_ns.values()), default=None) if self._sections else None

    def start(self, outputs: Sequence[OutputOptions]) -> None:
        """A guard's process begins, with the outputs of the file as it is then."""
        self._sections = {section.name: section for section in outputs if section.guarded}
        self._digest = outputs_digest(outputs)
        self._core = GuardCore(
            {name: section.max_on_ms for name, section in self._sections.items()},
            continuous=[name for name, section in self._sections.items() if section.continuous],
        )
        self._do(self._core.start())

    def stop(self) -> None:
        """SIGTERM to the guard: it locks everything once more; then `kill` it."""
        if self._core is not None:
            self._do(self._core.stop())

    def kill(self) -> None:
        """SIGKILL to the guard."""
        self._core = None

    def come(self, tell: Callable[[GuardEvent | Reply], None], outputs: Sequence[OutputOptions]) -> None:
        """A gateway connects; one that has other outputs than this guard trusts it in nothing."""
        self._tell = None
        if self._core is not None and outputs_digest(outputs) != self._digest:
            tell(GuardLost(OTHER_OUTPUTS, self._clock_ns()))
        elif self._core is not None:
            self._tell = tell
            tell(GuardUp(pid=1, started_ns=self._clock_ns(), outputs_digest=""))
            self._do(self._core.client_came())

    def go(self) -> None:
        """The gateway is gone."""
        self._tell = None
        if self._core is not None:
            self._do(self._core.client_gone())

    def tick(self) -> None:
        """Time passed."""
        for output, end_ns in list(self._ends_ns.items()):
            if end_ns <= self._clock_ns():
                del self._ends_ns[output]
                self.releasing[output] = False
        if self._core is not None:
            self._do(self._core.tick(self._clock_ns()))

    def release(self, output: str, on_ms: int) -> None:
        """What GuardedOutputs asks for."""
        self._ask(Release(output, on_ms))

    def hold(self, output: str) -> None:
        """What GuardedOutputs asks for."""
        self._ask(Hold(output))

    def lock(self, output: str) -> None:
        """What GuardedOutputs asks for."""
        self._ask(Lock(output))

    def unplug(self, output: str) -> None:
        """Its board loses line and power: the coil drops."""
        self.unplugged.add(output)
        self.releasing[output] = self._sections[output].wiring.energised(releasing=True) is False

    def _ask(self, request: Release | Hold | Lock) -> None:
        if self._core is None or self._tell is None:
            raise GuardUnavailableError("no guard is connected")
        self._do(self._core.handle(request, self._clock_ns()))

    def _do(self, actions: Sequence[Action]) -> None:
        for action in actions:
            match action:
                case Tell(message):
                    if self._tell is not None:
                        self._tell(message)
                case Drive(output) | Reopen(output):
                    self._drive(output, action)

    def _drive(self, output: str, action: Drive | Reopen) -> None:
        assert self._core is not None
        if output in self.unplugged:
            detail = "was lost while writing" if isinstance(action, Drive) else "cannot be opened: nothing is there"
            self._do(self._core.failed(output, detail, self._clock_ns()))
            return
        self.releasing[output] = isinstance(action, Drive) and action.releasing
        self._ends_ns.pop(output, None)
        if (
            isinstance(action, Drive)
            and action.at_most_ms is not None
            and getattr(self._sections[output], "flash", False)
        ):
            self._ends_ns[output] = self._clock_ns() + action.at_most_ms * MS
        self._do(self._core.driven(output, self._clock_ns()))


class VirtualTimedOutput:
    """A relay of an OSDP reader: it ends each release by itself. Fills TimedOutput."""

    def __init__(self, section: OutputOptions, clock_ns: Callable[[], int]) -> None:
        self.name = section.name
        self.ends_ns: int | None = None
        self._clock_ns = clock_ns
        self._tell: TellOutput | None = None

    def attend(self, told: TellOutput) -> None:
        """A gateway is there."""
        self._tell = told

    def meet(self) -> None:
        """It has met the reader, and tells it to lock first."""
        self.ends_ns = None
        self._told(OutputLocked(self.name, self._clock_ns(), False))

    def release(self, for_ms: int) -> None:
        """The reader counts from now."""
        self.ends_ns = self._clock_ns() + for_ms * MS
        self._told(OutputReleased(self.name, self._clock_ns()))

    def lock(self) -> None:
        """At once."""
        self.ends_ns = None
        self._told(OutputLocked(self.name, self._clock_ns(), True))

    def tick(self) -> None:
        """Time passed."""
        if self.ends_ns is not None and self.ends_ns <= self._clock_ns():
            self.ends_ns = None

    def leave(self) -> None:
        """The gateway is dead: the reader counts on."""
        self._tell = None

    def _told(self, event: OutputEvent) -> None:
        if self._tell is not None:
            self._tell(event)
