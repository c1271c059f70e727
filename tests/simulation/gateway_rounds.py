"""When a simulated gateway wakes and what it does then: at its cores' own deadlines, and never in between."""

from collections import Counter
from contextlib import suppress
from functools import partial

from portillon_edge.doors.attendant import Attendant
from portillon_edge.errors import StoreBusy
from portillon_edge.presence.news import UNHEARD_NS
from portillon_edge.store.memory_journal import MemoryJournal
from portillon_edge.sync import presence_flow
from portillon_edge.sync.inputs import JournalSeen, RowDamageFound, Tick
from portillon_edge.sync.presence_flow import AllTold
from portillon_rules.reason import GrantFlag
from portillon_rules.visits import UNCHECKED, Visit
from portillon_wire.messages import EventKind, JournalEvent, Way
from simulation.gateway_shell import GatewayShell
from simulation.schedule import NS_PER_MS

OVERDUE_MS = 100
"""What is due and was not done is looked at again so much later."""
TIDY_MS = 3_600_000
LOOKS_NS = 10_000 * NS_PER_MS
"""So often what has no deadline (damages, the scrub, journals) is looked at, if the gateway wakes at all."""
BOOT_NS = 1_000_000_000
"""What the boot clock shows when the process starts."""
NEVER_NS = 2**62


class GatewayRounds(GatewayShell):
    """The part of a gateway that takes its turns."""

    attendant: Attendant
    commit_after_ms: float
    committed: dict[tuple[str, int], JournalEvent]
    rewritten: list[tuple[str, int]]
    told_visits: Counter[tuple[str, Visit]]
    in_memory: set[str]
    _journals: set[str]
    _booted_ns: int
    _wakes_at_ns: int | None
    _tidied_ns: int
    _woke_ns: int
    _looked_ns: int

    def _plan(self) -> None:
        """Wake when the first of the cores is due, as the threads of the real shell do, and not before."""
        timers = (
            self.attendant.deadline_ns, self.session.deadline_ns, self.uplink.deadline_ns, self.presence.deadline_ns,
        )  # fmt: skip
        due = min((timer for timer in timers if timer is not None), default=NEVER_NS)
        at_ns = min(due, self._tidied_ns + TIDY_MS * NS_PER_MS) + self._booted_ns - BOOT_NS
        now_ns = self._schedule.now_ns
        if at_ns <= now_ns:
            at_ns = now_ns + OVERDUE_MS * NS_PER_MS if self._woke_ns == now_ns else now_ns
        if self._wakes_at_ns is None or at_ns < self._wakes_at_ns:
            self._wakes_at_ns = at_ns
            self._schedule.after((at_ns - now_ns) / NS_PER_MS, partial(self._wake, self._life, at_ns))

    def _wake(self, life: int, at_ns: int) -> None:
        if life == self._life and self.alive and at_ns == self._wakes_at_ns:
            self._wakes_at_ns, self._woke_ns = None, self._schedule.now_ns
            self._let(self._look_at_doors if self._doors_alone() else self._look_around)

    def _doors_alone(self) -> bool:
        """Whether nothing is due but the doors: as in the real shell, nobody else wakes for them."""
        now_ns, timers = self.boot_ns, (self.session.deadline_ns, self.uplink.deadline_ns, self.presence.deadline_ns)
        look_ns = now_ns + self._looked_ns + LOOKS_NS - self._schedule.now_ns
        return now_ns < min(look_ns, self._tidied_ns + TIDY_MS * NS_PER_MS, *(at for at in timers if at is not None))

    def _look_at_doors(self) -> None:
        self.attendant.tick(self.boot_ns)
        self.attendant.tidy(self.boot_ns)

    def heard_until_ms(self, now_ms: int) -> int:
        """Up to when it has heard of the site's other gateways; 0: not at all."""
        until_ns = self.attendant.presence_until_ns
        if until_ns is None or until_ns == UNHEARD_NS:
            return 0
        return now_ms + (until_ns - self.boot_ns) // NS_PER_MS - presence_flow.FRESH_MS

    def _tell_health(self) -> None:
        raise NotImplementedError

    def _doors_look(self) -> None:
        self.attendant.tidy(self.boot_ns)  # as in the door loop's next quiet moment, a second later at most

    def _look_around(self) -> None:
        now_ns, self._looked_ns = self.boot_ns, self._schedule.now_ns
        self._look_at_doors()
        if now_ns - self._tidied_ns >= TIDY_MS * NS_PER_MS:
            self._tidied_ns = now_ns
            self.shelf.tidy(self.keeper.real_ms(now_ns))
        self._tell(Tick())
        for source in self.shelf.sources():
            self._tell(JournalSeen(source.journal_id, source.epoch, source.acknowledged, source.last))
        if not self._log.waiting and all(source.acknowledged == source.last for source in self.shelf.sources()):
            self.presence.take(AllTold())
        self.presence.tick()
        self._tell_health()
        damage = self.store.take_damage() or self.store.scrub(now_ns)
        if damage is not None:
            self._tell(
                self._lose_table(damage.detail) if damage.whole_file else RowDamageFound(damage.detail, damage.buckets)
            )

    def _commit_soon(self) -> None:
        life = self._life

        def commit() -> None:
            if life == self._life:
                self._let(self._commit)

        self._schedule.after(self.commit_after_ms, commit)

    def _commit(self) -> None:
        events, self._log.waiting = self._log.waiting, []
        self.shelf.write(events, self.keeper.stamp(self.boot_ns))
        if not self.alive:
            return
        for source in self.shelf.sources():
            self._journals.add(source.journal_id)
            if isinstance(source, MemoryJournal):  # what lies in memory alone was promised to nobody
                self.in_memory.add(source.journal_id)
            else:
                for event in source.read(max(source.last - len(events) - 8, 1), source.last):
                    key = (source.journal_id, event.sequence)
                    if key not in self.committed:
                        self._note_visits(source.journal_id, event)
                    if self.committed.setdefault(key, event) != event:
                        self.rewritten.append(key)
            self._tell(JournalSeen(source.journal_id, source.epoch, source.acknowledged, source.last))

    def _note_visits(self, journal_id: str, event: JournalEvent) -> None:
        if event.kind != EventKind.PASSAGE or event.way == Way.EXIT or GrantFlag.NOT_JOURNALED in event.flags:
            return
        for visit in (Visit.from_mark(flag) for flag in event.flags):
            if visit is not None and visit.turn != UNCHECKED:
                self.told_visits[journal_id, visit] += 1

    def _save_lease(self) -> None:
        saved = self.keeper.saved(self.boot_ns)
        if saved is not None:
            with suppress(StoreBusy):  # a full disk shuts nobody out
                self.store.save_lease(saved)
