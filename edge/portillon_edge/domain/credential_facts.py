"""What a gateway must not forget about credentials: one dataclass for each fact, written down in one commit. Pure.

`name` is a keyed hash of the credential (or `reader:<name>`), never the credential itself, and no PIN in any form.
"""

from dataclasses import dataclass

from portillon_edge.domain.events import EventTime
from portillon_edge.domain.visit_facts import VisitFact

NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class Tries:
    """Wrong PINs in a row, and the lock-out that they brought: `lockout_ms` long, until `until_ns` of boot `boot_id`.

    Nobody knows how long the power was off. So a lock-out counts boot-clock time only, and after a cold boot runs its
    whole length again from the beginning of that boot: never shorter for a restart, never longer than once more.
    """

    wrong: int
    lockout_ms: int = 0
    boot_id: str = ""
    until_ns: int = 0

    def ends_ns(self, boot_id: str) -> int:
        """When the lock-out ends on the clock of that boot; 0: there is none."""
        return self.until_ns if boot_id == self.boot_id else self.lockout_ms * NS_PER_MS

    def locked(self, now: EventTime) -> bool:
        """Whether no PIN is taken now."""
        return self.lockout_ms > 0 and now.boot_ns < self.ends_ns(now.boot_id)

    def over(self, now: EventTime) -> bool:
        """Whether there was a lock-out and it has ended: the next wrong PIN is the first one again."""
        return self.lockout_ms > 0 and not self.locked(now)


def after_wrong_pin(before: Tries | None, *, tries_max: int, lockout_s: int, now: EventTime) -> Tries:
    """The tries with one more wrong PIN, which may be the one that locks."""
    wrong = 1 if before is None or before.over(now) else before.wrong + 1
    if wrong < tries_max:
        return Tries(wrong)
    lockout_ms = lockout_s * 1_000
    return Tries(wrong, lockout_ms, now.boot_id, now.boot_ns + lockout_ms * NS_PER_MS)


@dataclass(frozen=True, slots=True)
class CounterSeen:
    """A card proved itself with this counter; it must rise."""

    name: str
    counter: int


@dataclass(frozen=True, slots=True)
class PassSeen:
    """A phone's pass let somebody in; the nonce may be forgotten from real time `until_ms` on."""

    name: str
    nonce: str
    issued_ms: int
    until_ms: int


@dataclass(frozen=True, slots=True)
class CodeUsed:
    """A single-use credential is spent or reserved; its row ends at business time `until_ms`."""

    name: str
    until_ms: int


@dataclass(frozen=True, slots=True)
class CodeFreed:
    """Nobody passed on a reserved single-use credential after all."""

    name: str


@dataclass(frozen=True, slots=True)
class PinTried:
    """A wrong PIN was entered there."""

    name: str
    tries: Tries


@dataclass(frozen=True, slots=True)
class PinTriesForgotten:
    """A right PIN was entered there."""

    name: str


Fact = CounterSeen | PassSeen | CodeUsed | CodeFreed | PinTried | PinTriesForgotten | VisitFact
