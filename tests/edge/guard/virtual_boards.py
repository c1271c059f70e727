"""Virtual relay boards and a virtual clock around the guard's rules."""

from collections.abc import Collection
from dataclasses import dataclass

from portillon_edge.guard.core import Action, Drive, GuardCore, Tell
from portillon_edge.guard.protocol import Hold, Lock, Release, Reply

MS = 1_000_000
MAX_ON_MS = 3_000


@dataclass
class Board:
    """A latching relay; whoever left it releasing is not known."""

    releasing: bool = True
    plugged: bool = True
    since_ns: int = 0
    longest_ns: int = 0
    at_most_ms: int | None = None
    """What it was told last."""

    def drive(self, releasing: bool, now_ns: int) -> None:
        if self.releasing and not releasing:
            self.longest_ns = max(self.longest_ns, now_ns - self.since_ns)
        if releasing and not self.releasing:
            self.since_ns = now_ns
        self.releasing = releasing


class World:
    """Carries out the core's actions, as the server does, and lets time pass exactly as the core asks for it."""

    def __init__(self, *names: str, core: type[GuardCore] = GuardCore, continuous: Collection[str] = ()) -> None:
        self.now_ns = 0
        self.boards = {name: Board() for name in names}
        self.core = core(dict.fromkeys(names, MAX_ON_MS), continuous=continuous)
        self.told: list[Reply] = []
        self.writes = 0
        self.do(self.core.start())

    def do(self, actions: list[Action]) -> None:
        for action in actions:
            if isinstance(action, Tell):
                self.told.append(action.message)
                continue
            board = self.boards[action.output]
            if board.plugged:
                releasing = isinstance(action, Drive) and action.releasing
                board.drive(releasing, self.now_ns)
                board.at_most_ms = action.at_most_ms if isinstance(action, Drive) else None
                self.writes += 1
                self.do(self.core.driven(action.output, self.now_ns))
            else:
                self.do(self.core.failed(action.output, "unplugged", self.now_ns))

    def ask(self, request: Release | Hold | Lock) -> None:
        self.do(self.core.handle(request, self.now_ns))

    def pass_ms(self, duration_ms: int) -> None:
        until_ns = self.now_ns + duration_ms * MS
        while (due_ns := self.core.next_ns()) <= until_ns:
            self.now_ns = max(self.now_ns, due_ns)
            self.do(self.core.tick(self.now_ns))
        self.now_ns = until_ns
