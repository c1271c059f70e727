"""The gateway's side of the feed and of leases. Pure: inputs and the boot clock in, effects out (DESIGN §4).

1. Only `revision = applied + 1` is applied, one at a time; then the position is reported.
2. What comes early waits in a bounded buffer; a gap is asked for after 0.5 to 1 s, then less and less often.
3. What is in force already is confirmed again, and changes nothing.
4. A root that does not fit, a damaged or lost table: a snapshot is asked for; nothing is applied on top of doubt.
5. A snapshot is built aside while the feed goes on; it is put in force only if that never leads back.
6. A lease counts only for a revision that was in force here with the very root that it names.
7. What is not rightly signed for this gateway, or came retained, is recorded and does nothing else.
"""

import random
from collections.abc import Mapping
from typing import TypeVar

from portillon_wire.errors import WireError
from portillon_wire.messages import EventKind, FeedEntry, Lease, SnapshotOffer, SyncReport
from portillon_wire.signature import PublicKeys, Typ, typ_of, verify
from portillon_wire.topics import Down

from portillon_edge.domain.position import EMPTY, Position
from portillon_edge.domain.timekeeping import STEP_MS_MAX, LeaseRefusal, TimeKeeper
from portillon_edge.sync.effects import (
    ApplyEntry,
    BuildSnapshot,
    CancelSnapshot,
    EpochBegun,
    SaveLease,
    SendReport,
    SessionEffect,
    SwitchSnapshot,
)
from portillon_edge.sync.feed_buffer import FeedBuffer
from portillon_edge.sync.inputs import (
    Applied,
    ApplyFailed,
    Connected,
    Disconnected,
    Received,
    RowDamageFound,
    SessionInput,
    SnapshotBuilt,
    SnapshotFailed,
    Switched,
    TableLost,
    Tick,
)
from portillon_edge.sync.refusals import Alarm, Refusal, RefusalMeter, refusal_of
from portillon_edge.sync.reporter import Reporter
from portillon_edge.sync.snapshot_flow import SnapshotFlow, Verdict

S = 1_000_000_000
GAP_NS = 500_000_000
GAP_NS_MAX = 30 * S
SAVE_LEASE_NS = 60 * S
APPLY_RETRY_NS = S
APPLY_RETRY_NS_MAX = 60 * S
ENTRIES_PER_REPORT = 32
ROOTS_KEPT = 1_000

Effects = list[SessionEffect]
M = TypeVar("M", FeedEntry, SnapshotOffer, Lease)


class SyncSession:
    """One gateway's position in its feed, and its lease. `handle` everything; look at `deadline_ns` after each call."""

    def __init__(
        self,
        *,
        gateway: str,
        keys: PublicKeys,
        boot_id: str,
        keeper: TimeKeeper,
        position: Position,
        roots: Mapping[int, str],
        jitter: random.Random,
    ) -> None:
        """`position` and `roots` are the store's; `keeper` is adopted into here, and read by whoever needs the time."""
        self._gateway = gateway
        self._keys = keys
        self._boot_id = boot_id
        self._keeper = keeper
        self._jitter = jitter
        self.position = position
        self._roots = dict(roots)
        self._ahead = FeedBuffer()
        self._flow = SnapshotFlow()
        self._flow.wanted = position == EMPTY
        self._meter = RefusalMeter()
        self._reporter = Reporter()
        self._applying = False
        self._in_doubt = False
        self._unreported = 0
        self._known_revision = position.revision
        self._gap_at_ns: int | None = None
        self._gap_delay_ns = GAP_NS
        self._save_at_ns = 0
        self._apply_at_ns: int | None = None
        self._apply_delay_ns = APPLY_RETRY_NS

    @property
    def deadline_ns(self) -> int | None:
        """When a Tick is due; None: only when something happens."""
        timers = (
            self._gap_at_ns,
            self._reporter.deadline_ns,
            self._save_at_ns,
            self._apply_at_ns,
            self._flow.retry_at_ns,
        )
        return min((timer for timer in timers if timer is not None), default=None)

    def handle(self, event: SessionInput, now_ns: int) -> Effects:
        """Take one input; returns what to do, in order."""
        match event:
            case Connected():
                self._reporter.connect()
                return self._report(now_ns)
            case Disconnected():
                self._reporter.connected = False
                return []
            case Received(name, payload, retained):
                return self._on_message(name, payload, retained, now_ns)
            case Applied(position):
                return self._on_applied(position, now_ns)
            case ApplyFailed(detail, transient):
                return self._on_apply_failed(detail, transient, now_ns)
            case SnapshotBuilt(offer):
                return self._on_built(offer, now_ns)
            case SnapshotFailed(offer, detail, transient):
                return self._on_snapshot_failed(offer, detail, transient, now_ns)
            case Switched(position, roots):
                return self._on_switched(position, roots, now_ns)
            case TableLost(detail):
                self._move_to(EMPTY, {})
                self._flow.wanted = True
                return [*self._alarm(Alarm.TABLE_LOST, detail, now_ns), *self._report(now_ns)]
            case RowDamageFound(detail):
                self._flow.wanted = True
                return [*self._alarm(Alarm.ROW_DAMAGED, detail, now_ns), *self._report_if_new(now_ns)]
            case Tick():
                return self._on_tick(now_ns)

    # Messages ------------------------------------------------------------------------------------------------------

    def _on_message(self, name: Down, payload: bytes, retained: bool, now_ns: int) -> Effects:
        if retained:
            return self._refuse(Refusal.RETAINED, f"a retained message on {name}", now_ns)
        try:
            if name is Down.LEASE:
                return self._on_lease(self._verify(Lease, payload), now_ns)
            if typ_of(payload) is Typ.SNAPSHOT:
                return self._on_offer(self._verify(SnapshotOffer, payload), now_ns)
            return self._on_entry(self._verify(FeedEntry, payload), now_ns)
        except WireError as error:
            return self._refuse(refusal_of(error), f"{name}: {error}", now_ns)

    def _verify(self, cls: type[M], payload: bytes) -> M:
        return verify(cls, payload, keys=self._keys, gateway=self._gateway)

    def _on_entry(self, entry: FeedEntry, now_ns: int) -> Effects:
        here = self.position
        if entry.epoch < here.epoch:
            return self._refuse(
                Refusal.OLD_EPOCH, f"entry {entry.epoch}/{entry.revision}; epoch is {here.epoch}", now_ns
            )
        self._flow.note(entry)
        if entry.epoch > here.epoch:
            return [] if self._flow.offer is not None else self._report_if_new(now_ns)
        if entry.revision <= here.revision:
            return self._report_if_new(now_ns)
        self._known_revision = max(self._known_revision, entry.revision)
        self._ahead.add(entry)
        return self._advance(now_ns)

    def _on_offer(self, offer: SnapshotOffer, now_ns: int) -> Effects:
        detail = f"snapshot {offer.epoch}/{offer.revision}; in force is {self.position.epoch}/{self.position.revision}"
        match self._flow.judge(offer, self.position):
            case Verdict.KNOWN:
                return []
            case Verdict.OLD_EPOCH:
                return self._refuse(Refusal.OLD_EPOCH, detail, now_ns)
            case Verdict.OLD_REVISION:
                return [*self._refuse(Refusal.OLD_REVISION, detail, now_ns), *self._report_if_new(now_ns)]
            case Verdict.ACCEPT:
                replaced: Effects = [CancelSnapshot()] if self._flow.offer is not None else []
                self._flow.begin(offer, self._ahead)
                self._gap_at_ns = None
                return [*replaced, BuildSnapshot(offer)]

    def _on_lease(self, lease: Lease, now_ns: int) -> Effects:
        here = self.position
        detail = f"lease {lease.counter} for {lease.epoch}/{lease.revision}; in force is {here.epoch}/{here.revision}"
        if lease.epoch < here.epoch:
            return self._refuse(Refusal.OLD_EPOCH, detail, now_ns)
        if lease.epoch > here.epoch:
            return self._report_if_new(now_ns)
        if lease.revision > here.revision:
            self._known_revision = max(self._known_revision, lease.revision)
            return self._advance(now_ns)
        root = self._roots.get(lease.revision)
        if root is None:
            return self._refuse(Refusal.UNKNOWN_REVISION, detail, now_ns)
        if root != lease.root:
            self._flow.wanted = True
            refused = self._refuse(Refusal.UNKNOWN_REVISION, f"{detail}: root {root} here, {lease.root} there", now_ns)
            alarm = self._alarm(Alarm.ROOT_DIFFERS, detail, now_ns)
            return [*refused, *alarm, *self._report_if_new(now_ns)]
        return self._adopt(lease, detail, now_ns)

    def _adopt(self, lease: Lease, detail: str, now_ns: int) -> Effects:
        before_ms = self._keeper.real_ms(now_ns)
        refusal = self._keeper.adopt(lease, now_ns)
        if refusal is None:
            # Back by so much only because all leases of six hours said so (timekeeping.py, rule 7).
            moved_ms = 0 if before_ms is None else lease.issued_ms - before_ms
            set_back = f"{detail}: this clock was {-moved_ms // 60_000} minutes ahead of the cloud's, and was put right"
            alarm = self._alarm(Alarm.CLOCK_STEP, set_back, now_ns) if moved_ms < -STEP_MS_MAX else []
            return [*alarm, *self._save_lease(now_ns), *self._report(now_ns)]
        if refusal is LeaseRefusal.DUPLICATE:
            return self._report_if_new(now_ns)
        refused = self._refuse(refusal, detail, now_ns)
        if refusal is LeaseRefusal.CLOCK_STEP:
            real_ms = self._keeper.real_ms(now_ns)
            step = f"{detail}: issued at {lease.issued_ms}, here it is {real_ms}: check the cloud's and this clock"
            return [*refused, *self._alarm(Alarm.CLOCK_STEP, step, now_ns)]
        return refused

    # The table -----------------------------------------------------------------------------------------------------

    def _advance(self, now_ns: int) -> Effects:
        if self._applying or self._in_doubt or self._apply_at_ns is not None:
            return []
        entry = self._ahead.get(self.position.revision + 1)
        if entry is not None:
            self._applying = True
            return [ApplyEntry(entry)]
        behind = self._known_revision > self.position.revision
        if behind and self._gap_at_ns is None and self._flow.offer is None:
            self._gap_at_ns = now_ns + int(self._gap_delay_ns * (1 + self._jitter.random()))
        return []

    def _on_applied(self, position: Position, now_ns: int) -> Effects:
        self._applying = False
        self.position = position
        self._roots[position.revision] = position.root
        self._roots.pop(position.revision - ROOTS_KEPT, None)
        self._ahead.drop_through(position.revision)
        self._gap_at_ns, self._gap_delay_ns = None, GAP_NS
        self._apply_delay_ns = APPLY_RETRY_NS
        self._unreported += 1
        following = self._advance(now_ns)
        if following and self._unreported < ENTRIES_PER_REPORT:
            return following
        return [*self._report(now_ns), *following]

    def _on_apply_failed(self, detail: str, transient: bool, now_ns: int) -> Effects:
        self._applying = False
        if transient:
            self._apply_at_ns = now_ns + self._apply_delay_ns
            self._apply_delay_ns = min(APPLY_RETRY_NS_MAX, self._apply_delay_ns * 2)
            return self._alarm(Alarm.STORE_FAILS, detail, now_ns)
        self._in_doubt = True
        self._flow.wanted = True
        return [*self._alarm(Alarm.ROOT_DIFFERS, detail, now_ns), *self._report(now_ns)]

    def _on_built(self, offer: SnapshotOffer, now_ns: int) -> Effects:
        if self._flow.offer != offer:
            return []
        catch_up = self._flow.catch_up(self.position)
        if catch_up is None:
            detail = f"snapshot {offer.epoch}/{offer.revision} was overtaken by the feed"
            return self._on_snapshot_failed(offer, detail, False, now_ns)
        return [SwitchSnapshot(offer, catch_up)]

    def _on_snapshot_failed(self, offer: SnapshotOffer, detail: str, transient: bool, now_ns: int) -> Effects:
        if self._flow.offer != offer:
            return []
        if self._flow.failed(transient=transient, now_ns=now_ns):
            return []
        # The next one is asked for with the next report, not at once: a bad snapshot must not make a storm.
        self._reporter.postpone(now_ns)
        return self._alarm(Alarm.SNAPSHOT_REFUSED, detail, now_ns)

    def _on_switched(self, position: Position, roots: Mapping[int, str], now_ns: int) -> Effects:
        epoch_before = self.position.epoch
        since = self._flow.end(wanted=False)
        self._move_to(position, roots)
        for entry in since:
            if entry.epoch == position.epoch and entry.revision > position.revision:
                self._ahead.add(entry)
                self._known_revision = max(self._known_revision, entry.revision)
        begun: Effects = [EpochBegun(position.epoch)] if position.epoch != epoch_before else []
        return [*begun, *self._report(now_ns), *self._advance(now_ns)]

    def _move_to(self, position: Position, roots: Mapping[int, str]) -> None:
        same_feed = position.epoch == self.position.epoch and position != EMPTY
        if same_feed:
            self._ahead.drop_through(position.revision)
            self._known_revision = max(self._known_revision, position.revision)
        else:
            self._ahead.clear()
            self._known_revision = position.revision
        self.position = position
        self._roots = dict(roots)
        self._applying = self._in_doubt = False
        self._gap_at_ns, self._gap_delay_ns, self._apply_at_ns = None, GAP_NS, None

    # Time ----------------------------------------------------------------------------------------------------------

    def _on_tick(self, now_ns: int) -> Effects:
        effects: Effects = []
        if _due(self._save_at_ns, now_ns):
            effects += self._save_lease(now_ns)
        if _due(self._apply_at_ns, now_ns):
            self._apply_at_ns = None
            effects += self._advance(now_ns)
        if _due(self._flow.retry_at_ns, now_ns) and self._flow.offer is not None:
            self._flow.retry_at_ns = None
            effects.append(BuildSnapshot(self._flow.offer))
        if _due(self._gap_at_ns, now_ns):
            effects += self._ask_for_gap(now_ns)
        if _due(self._reporter.deadline_ns, now_ns):
            self._reporter.lengthen()
            effects += self._report(now_ns)
        return effects

    def _ask_for_gap(self, now_ns: int) -> Effects:
        first = self.position.revision + 1
        lowest = self._ahead.lowest
        last = self._known_revision if lowest is None else lowest - 1
        self._gap_delay_ns = min(GAP_NS_MAX, self._gap_delay_ns * 2)
        self._gap_at_ns = now_ns + int(self._gap_delay_ns * (1 + self._jitter.random()))
        return self._report(now_ns, want_from=first, want_to=max(first, last))

    def _save_lease(self, now_ns: int) -> Effects:
        saved = self._keeper.saved(now_ns)
        self._save_at_ns = now_ns + SAVE_LEASE_NS
        return [SaveLease(saved)] if saved is not None else []

    # What is told --------------------------------------------------------------------------------------------------

    def _report(self, now_ns: int, *, want_from: int | None = None, want_to: int | None = None) -> Effects:
        if not self._reporter.connected:
            return []
        report = self._report_now(want_from, want_to)
        self._unreported = 0
        self._reporter.said(report, now_ns)
        return [SendReport(report)]

    def _report_if_new(self, now_ns: int) -> Effects:
        return [] if self._reporter.just_said(self._report_now(None, None), now_ns) else self._report(now_ns)

    def _report_now(self, want_from: int | None, want_to: int | None) -> SyncReport:
        return SyncReport(
            epoch=self.position.epoch,
            revision=self.position.revision,
            root=self.position.root,
            lease_counter=self._keeper.lease_counter,
            clock_rev=self._keeper.clock_rev,
            boot_id=self._boot_id,
            want_from=want_from,
            want_to=want_to,
            want_snapshot=self._flow.wanted and self._flow.offer is None,
        )

    def _refuse(self, reason: Refusal | LeaseRefusal, detail: str, now_ns: int) -> Effects:
        return list(self._meter.record(EventKind.REFUSED_MESSAGE, reason.value, detail, now_ns))

    def _alarm(self, reason: Alarm, detail: str, now_ns: int) -> Effects:
        return list(self._meter.record(EventKind.ALARM, reason.value, detail, now_ns))


def _due(at_ns: int | None, now_ns: int) -> bool:
    return at_ns is not None and at_ns <= now_ns
