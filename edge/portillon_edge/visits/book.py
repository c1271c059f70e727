"""Visits at one gateway, from grant to passage. Pure; the memory is a port. Its promises:

1. A visit is reserved, durably, before anybody is let in on it: the last one is never spent at two lanes.
2. The passage spends it, whoever saw it or not; a grant that ends without one frees it. Each grant ends once.
3. Whoever badges again at the same door before passing holds the visit that they hold already, and no second one.
4. A start frees what was reserved: no grant outlives the process that gave it.
5. A gateway that is not the home of the visits, or that forgot or cannot read its count, is not `sure`: the policy for
   visits held elsewhere decides (portillon_rules.visits), and what is given then is marked as unchecked.
6. While the memory cannot be written the site's policy for the journal holds: refuse (JOURNAL_UNWRITABLE), or count in
   this process, and flag the grant NOT_JOURNALED. Within the process the count stays exact.

How a door uses it, in this order:

    use = book.use(row, door=door.name, credential=hashed)       # VisitUse() on the way out: that takes no visit
    outcome = decide(…, local=LocalFacts(visits=use, …))
    if granted: reserved = book.reserve(use, door=…, credential=…, policy=…, business_ms=…)
                reserved.reason: refuse with it
                else Grant(visits=reserved.reservation, flags=(*flags, *reserved.flags))
    on PASSAGE: book.spent(grant.visits)
    on GRANT_NOT_USED, DENIED, PASSAGE_REFUSED and REBADGED with this grant: book.freed(grant.visits)
"""

from collections.abc import Sequence
from dataclasses import dataclass

from portillon_rules.decision import RowDamaged
from portillon_rules.policy import JournalUnwritable, SitePolicy
from portillon_rules.reason import DenyReason, GrantFlag
from portillon_rules.visits import Visit, VisitRow, VisitUse, choose

from portillon_edge.domain.visit_facts import (
    EveryVisitFreed,
    Reservation,
    VisitFact,
    VisitFreed,
    VisitReserved,
    VisitSpent,
)
from portillon_edge.errors import MemoryUnwritable
from portillon_edge.visits.memory import VisitMemory

QUOTA_KEPT_MS = 32 * 86_400_000
"""The count of a quota is of use until its period ends; no period is longer than a month."""


@dataclass(frozen=True, slots=True)
class Reserved:
    """What came of it: a `reason` why nobody is let in after all, or the reservation (None: nothing limits the member).

    `flags` are all that the grant says of it: the marks of its visits too.
    """

    reservation: Reservation | None = None
    flags: tuple[str, ...] = ()
    reason: DenyReason | None = None


class VisitBook:
    """The visits that this gateway, named `gateway`, gives. Used by one thread only, that of the doors."""

    def __init__(self, gateway: str, memory: VisitMemory) -> None:
        self._gateway = gateway
        self._memory = memory
        self._held: dict[tuple[str, str, str], list[Reservation]] = {}
        self._keep([EveryVisitFreed()])

    def use(self, row: VisitRow | RowDamaged | None, *, door: str, credential: str) -> VisitUse:
        """What is known of the member's visits, for the decision about this credential at this door. Raises nothing."""
        if isinstance(row, RowDamaged):
            return VisitUse(damaged=True)
        if row is None:
            return VisitUse()
        if row.home != self._gateway or self._memory.may_have_forgotten(row.since_ms):
            return VisitUse(row, sure=False)
        try:
            counted = dict(self._memory.visits(row.member))
        except MemoryUnwritable:
            return VisitUse(row, sure=False)
        for visit in self._own(door, credential, row.member):
            counted[visit] = counted.get(visit, 0) - 1
        return VisitUse(row, tuple(counted.items()))

    def reserve(self, use: VisitUse, *, door: str, credential: str, policy: SitePolicy, business_ms: int) -> Reserved:
        """Take, durably, the visits that the grant of this moment needs; call `freed` or `spent` when it ends."""
        row = use.row
        chosen = choose(use, policy=policy, business_ms=business_ms)
        if row is None or chosen.ruling.reason is not None or not chosen.visits:
            return Reserved(reason=chosen.ruling.reason)
        key = (door, credential, row.member)
        if running := self._held.get(key):
            again = running[0]
            running.append(again)
            return Reserved(again, again.marks)
        ends = [business_ms + QUOTA_KEPT_MS, *(one.until_ms for one in row.allowances if one.per is None)]
        reservation = Reservation(
            door=door, credential=credential, member=row.member, visits=chosen.visits, until_ms=max(ends)
        )
        flags: tuple[str, ...] = reservation.marks
        facts = _facts(VisitReserved, reservation)
        if facts:
            try:
                self._memory.commit(facts)
            except MemoryUnwritable:
                if policy.journal_unwritable is JournalUnwritable.DENY:
                    return Reserved(reason=DenyReason.JOURNAL_UNWRITABLE)
                self._memory.hold(facts)
                flags = (GrantFlag.NOT_JOURNALED, *flags)
        self._held[key] = [reservation]
        return Reserved(reservation, flags)

    def spent(self, reservation: Reservation | None) -> None:
        """Somebody passed on the grant."""
        if reservation is None:
            return
        left = self._end(reservation)
        facts = _facts(VisitSpent, reservation)
        if left is None:
            facts = [*_facts(VisitReserved, reservation), *facts]
        elif left:
            # Another grant still runs on it: that is one more visit, whether or not one is left.
            facts += _facts(VisitReserved, reservation)
        self._keep(facts)

    def freed(self, reservation: Reservation | None) -> None:
        """The grant ended, and nobody passed on it."""
        if reservation is not None and self._end(reservation) == 0:
            self._keep(_facts(VisitFreed, reservation))

    def _own(self, door: str, credential: str, member: str) -> tuple[Visit, ...]:
        running = self._held.get((door, credential, member))
        return running[0].counted if running else ()

    def _end(self, reservation: Reservation) -> int | None:
        """How many other grants still hold it; None: none did, this one neither."""
        key = (reservation.door, reservation.credential, reservation.member)
        running = self._held.get(key)
        if running is None or reservation not in running:
            return None
        running.remove(reservation)
        if not running:
            del self._held[key]
        return len(running)

    def _keep(self, facts: Sequence[VisitFact]) -> None:
        if not facts:
            return
        try:
            self._memory.commit(facts)
        except MemoryUnwritable:
            self._memory.hold(facts)  # the memory itself raises the alarm


def _facts(
    kind: type[VisitReserved] | type[VisitSpent] | type[VisitFreed], reservation: Reservation
) -> list[VisitFact]:
    return [kind(reservation.member, visit, reservation.until_ms) for visit in reservation.counted]
