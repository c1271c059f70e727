"""A door machine that is fed milliseconds: what tests of one machine share."""

from dataclasses import dataclass, field

from portillon_edge.domain.events import EventKind, Way
from portillon_edge.doors.machine import (
    NS_PER_MS,
    Action,
    Bearing,
    BearingChanged,
    DoorMachine,
    Grant,
    Hold,
    Record,
    Signal,
    Tick,
)

ANNE = Grant(member="m-anne", credential="k1.aa", reader="lane1-reader")
BEN = Grant(member="m-ben", credential="k1.bb", reader="lane1-reader")
CLEO = Grant(member="m-cleo", credential="k1.cc", reader="lane1-reader")
DEE = Grant(member="m-dee", credential="k1.dd", reader="lane1-reader")
EMIL = Grant(member="m-emil", credential="k1.ee", reader="lane1-reader")


def leaving(grant: Grant) -> Grant:
    """The same person at the reader inside."""
    return Grant(member=grant.member, credential=grant.credential, reader="lane1-exit", way=Way.EXIT)


def bears(bearing: Bearing, *, reason: str = "order", by: str | None = "s-1") -> BearingChanged:
    """The door is told to stand so."""
    return BearingChanged(bearing, reason, by)


@dataclass
class Fed:
    """Keeps what the machine said last; `at` returns the actions of one signal, `kinds` only what was recorded."""

    machine: DoorMachine
    deadline_ms: int | None = field(default=None, init=False)

    def at(self, ms: int, *signals: Signal) -> list[Action]:
        actions: list[Action] = []
        for signal in signals:
            step = self.machine.handle(signal, ms * NS_PER_MS)
            actions += step.actions
            self.deadline_ms = None if step.deadline_ns is None else step.deadline_ns // NS_PER_MS
        return actions

    def kinds(self, ms: int, *signals: Signal) -> list[EventKind]:
        return [action.kind for action in self.at(ms, *signals) if isinstance(action, Record)]

    def run(self, until_ms: int) -> list[tuple[int, Action]]:
        """Wake it at each of its deadlines, as the loop does; what it did then, holds asked for again left out."""
        did: list[tuple[int, Action]] = []
        for _ in range(1_000):
            if self.deadline_ms is None or self.deadline_ms > until_ms:
                break
            due = self.deadline_ms
            did += [(due, action) for action in self.at(due, Tick()) if not isinstance(action, Hold)]
            assert self.deadline_ms is None or self.deadline_ms > due, "a deadline that does not move"
        else:
            raise AssertionError("deadlines do not end")
        return [*did, *((until_ms, a) for a in self.at(until_ms, Tick()) if not isinstance(a, Hold))]
