"""A credential memory in plain dictionaries; `broken` makes it unwritable, `asked` counts every look into it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from portillon_edge.domain.credential_facts import (
    CodeFreed,
    CodeUsed,
    CounterSeen,
    Fact,
    PassSeen,
    PinTried,
    PinTriesForgotten,
    Tries,
)
from portillon_edge.domain.events import EventTime
from portillon_edge.domain.visit_facts import EveryVisitFreed, VisitFreed, VisitReserved, VisitSpent
from portillon_edge.errors import MemoryUnwritable
from portillon_rules.visits import Visit


@dataclass
class PlainMemory:
    counters: dict[str, int] = field(default_factory=dict)
    phones: dict[str, int] = field(default_factory=dict)
    nonces: set[tuple[str, str]] = field(default_factory=set)
    used: set[str] = field(default_factory=set)
    pins: dict[str, Tries] = field(default_factory=dict)
    spent: Counter[tuple[str, Visit]] = field(default_factory=Counter)
    reserved: Counter[tuple[str, Visit]] = field(default_factory=Counter)
    commits: list[tuple[Fact, ...]] = field(default_factory=list)
    alarms: list[str] = field(default_factory=list)
    broken: bool = False
    asked: int = 0

    def counter(self, name: str) -> int | None:
        self.asked += 1
        return self.counters.get(name)

    def issued_ms(self, name: str) -> int | None:
        self.asked += 1
        return self.phones.get(name)

    def has_pass(self, name: str, nonce: str, issued_ms: int) -> bool:
        self.asked += 1
        return (name, nonce) in self.nonces

    def is_used(self, name: str, valid_from_ms: int) -> bool:
        self.asked += 1
        return name in self.used

    def tries(self, name: str) -> Tries | None:
        self.asked += 1
        return self.pins.get(name)

    def visits(self, member: str) -> dict[Visit, int]:
        counted = Counter(self.spent)
        counted.update(self.reserved)
        return {visit: count for (whose, visit), count in counted.items() if whose == member}

    def may_have_forgotten(self, since_ms: int) -> bool:
        return False

    def commit(self, facts: Sequence[Fact]) -> None:
        self.asked += 1
        if self.broken:
            raise MemoryUnwritable("the disk is full")
        self.commits.append(tuple(facts))
        self.hold(facts)

    def hold(self, facts: Sequence[Fact]) -> None:
        for fact in facts:
            match fact:
                case CounterSeen(name, counter):
                    self.counters[name] = max(counter, self.counters.get(name, counter))
                case PassSeen(name, nonce, issued_ms, _):
                    self.nonces.add((name, nonce))
                    self.phones[name] = max(issued_ms, self.phones.get(name, issued_ms))
                case CodeUsed(name, _):
                    self.used.add(name)
                case CodeFreed(name):
                    self.used.discard(name)
                case PinTried(name, tries):
                    self.pins[name] = tries
                case PinTriesForgotten(name):
                    self.pins.pop(name, None)
                case VisitReserved(member, visit):
                    self.reserved[member, visit] += 1
                case VisitSpent(member, visit):
                    self.reserved[member, visit] -= 1
                    self.spent[member, visit] += 1
                case VisitFreed(member, visit):
                    self.reserved[member, visit] -= 1
                case EveryVisitFreed():
                    self.reserved.clear()

    def tidy(self, now: EventTime) -> None:
        """Nothing runs out here."""

    def take_alarms(self) -> list[str]:
        alarms, self.alarms = self.alarms, []
        return alarms
