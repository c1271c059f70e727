"""The gateway's side of the feed and of leases. Pure: inputs and the boot clock in, effects out (DESIGN §4).

1. Only `revision = applied + 1` is applied, one at a time; then the position is reported.
2. What comes early waits in a bounded buffer; a gap is asked for after 0.5 to 1 s, then less and less often.
3. What is in force already is confirmed again, and changes nothing.
4. Damaged rows are repaired by their buckets, and so is a root that does not fit; nothing is applied on top of doubt.
   Where repair does not help, or the table is lost, a snapshot is asked for.
5. A snapshot is built aside while the feed goes on; it is put in force only if that never leads back.
6. A lease counts only for a revision that was in force here with the very root that it names.
7. What is not rightly signed for this gateway, or came retained, is recorded and does nothing else.
"""

import random
from collections.abc import Mapping
from typing import TypeVar

from portillon_wire.errors import WireError
from portillon_wire.messages import FeedEntry, Lease, SnapshotOffer, SyncReport
from portillon_wire.repair import BucketRows, BucketSums
from portillon_wire.signature import PublicKeys, Typ, typ_of, verify
from portillon_wire.topics import Down

from portillon_edge.domain.position import EMPTY, Position
from portillon_edge.domain.timekeeping import TimeKeeper
from portillon_edge.sync.effects import (
    ApplyEntry,
    BuildSnapshot,
    CancelSnapshot,
    CompareBuckets,
    EpochBegun,
    RepairTable,
    SessionEffect,
    SwitchSnapshot,
)
from portillon_edge.sync.feed_buffer import FeedBuffer
from portillon_edge.sync.gap_watch import GapWatch
from portillon_edge.sync.inputs import (
    Applied,
    ApplyFailed,
    BucketsCompared,
    Connected,
    Disconnected,
    Received,
    Repaired,
    RepairFailed,
    RowDamageFound,
    SessionInput,
    SnapshotBuilt,
    SnapshotFailed,
    Switched,
    TableLost,
    Tick,
)
from portillon_edge.sync.lease_desk import LeaseDesk, LeaseNews
from portillon_edge.sync.refusals import Alarm, Refusal, RefusalMeter, refusal_of
from portillon_edge.sync.repair_flow import RepairFlow
from portillon_edge.sync.reporter import NO_WISH, Reporter, Wish
from portillon_edge.sync.snapshot_flow import SnapshotFlow, Verdict

S = 1_000_000_000
APPLY_RETRY_NS = S
APPLY_RETRY_NS_MAX = 60 * S
ENTRIES_PER_REPORT = 32
ROOTS_KEPT = 1_000

Effects = list[SessionEffect]
M = TypeVar("M", FeedEntry, SnapshotOffer, Lease, BucketSums, BucketRows)


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
        self.position = position
        self._roots = dict(roots)
        self._ahead = FeedBuffer()
        self._flow = SnapshotFlow()
        self._flow.wanted = position == EMPTY
        self._repair = RepairFlow()
        self._meter = RefusalMeter()
        self._leases = LeaseDesk(keeper, self._meter)
        self._reporter = Reporter(boot_id, keeper)
        self._applying = False
        self._in_doubt = False
        self._unreported = 0
        self._known_revision = position.revision
        self._gap = GapWatch(jitter)
        self._apply_at_ns: int | None = None
        self._apply_delay_ns = APPLY_RETRY_NS

    @property
    def deadline_ns(self) -> int | None:
        """When a Tick is due; None: only when something happens."""
        timers = (
            self._gap.at_ns,
            self._repair.ask_at_ns,
            self._reporter.deadline_ns,
            self._leases.save_at_ns,
            self._apply_at_ns,
            self._flow.retry_at_ns,
        )
        return min((timer for timer in timers if timer is not None), default=None)

    def handle(self, event: SessionInput, now_ns: int) -> Effects:
        """Take one input; returns what to do, in order."""
        match event:
            case Connected():
                self._reporter.connect()
                return [*self._report(now_ns), *self._ask_again(now_ns)]
            case Disconnected():
                self._reporter.connected = False
                self._repair.pause()
                return []
            case Received(name, payload, retained):
                return self._on_message(name, payload, retained, now_ns)
            case Applied(position):
                return self._on_applied(position, now_ns)
            case ApplyFailed():
                return self._on_apply_failed(event, now_ns)
            case SnapshotBuilt(offer):
                return self._on_built(offer, now_ns)
            case SnapshotFailed(offer, detail, transient):
                return self._on_snapshot_failed(offer, detail, transient, now_ns)
            case Switched(position, roots):
                return self._on_switched(position, roots, now_ns)
            case TableLost(detail):
                self._move_to(EMPTY, {})
                self._flow.wanted = True
                return [*self._meter.alarm(Alarm.TABLE_LOST, detail, now_ns), *self._report(now_ns)]
            case RowDamageFound(detail, buckets):
                return [*self._meter.alarm(Alarm.ROW_DAMAGED, detail, now_ns), *self._mend(buckets, now_ns)]
            case BucketsCompared(target, differing):
                return self._ask(self._repair.compare(target, differing), now_ns)
            case Repaired(position):
                return self._on_repaired(position, now_ns)
            case RepairFailed(detail, transient):
                alarm = self._meter.alarm(Alarm.REPAIR_FAILED, detail, now_ns)
                if transient:
                    self._repair.put_off(now_ns)
                    return alarm
                return [*alarm, *self._ask(self._repair.failed(self.position), now_ns)]
            case Tick():
                return self._on_tick(now_ns)

    # Messages ------------------------------------------------------------------------------------------------------

    def _on_message(self, name: Down, payload: bytes, retained: bool, now_ns: int) -> Effects:
        if retained:
            return self._meter.refuse(Refusal.RETAINED, f"a retained message on {name}", now_ns)
        try:
            if name is Down.LEASE:
                return self._on_lease(self._verify(Lease, payload), now_ns)
            match typ_of(payload):
                case Typ.SNAPSHOT:
                    return self._on_offer(self._verify(SnapshotOffer, payload), now_ns)
                case Typ.BUCKET_SUMS:
                    sums = self._verify(BucketSums, payload)
                    return [CompareBuckets(sums)] if self._repair.is_ahead(sums) else []
                case Typ.BUCKET_ROWS:
                    return self._on_rows(self._verify(BucketRows, payload), len(payload), now_ns)
            return self._on_entry(self._verify(FeedEntry, payload), now_ns)
        except WireError as error:
            return self._meter.refuse(refusal_of(error), f"{name}: {error}", now_ns)

    def _verify(self, cls: type[M], payload: bytes) -> M:
        return verify(cls, payload, keys=self._keys, gateway=self._gateway)

    def _on_entry(self, entry: FeedEntry, now_ns: int) -> Effects:
        here = self.position
        if entry.epoch < here.epoch:
            return self._meter.refuse(
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
                return self._meter.refuse(Refusal.OLD_EPOCH, detail, now_ns)
            case Verdict.OLD_REVISION:
                return [*self._meter.refuse(Refusal.OLD_REVISION, detail, now_ns), *self._report_if_new(now_ns)]
            case Verdict.ACCEPT:
                replaced: Effects = [CancelSnapshot()] if self._flow.offer is not None else []
                self._flow.begin(offer, self._ahead)
                self._repair.end()
                self._gap.put_off()
                return [*replaced, BuildSnapshot(offer)]

    def _on_lease(self, lease: Lease, now_ns: int) -> Effects:
        here, root = self.position, self._roots.get(lease.revision)
        news, effects = self._leases.take(lease, here=here, root=root, now_ns=now_ns)
        match news:
            case LeaseNews.ADOPTED:
                return [*effects, *self._report(now_ns)]
            case LeaseNews.REFUSED:
                return effects
            case LeaseNews.AHEAD:
                self._known_revision = max(self._known_revision, lease.revision)
                return self._advance(now_ns)
            case LeaseNews.ROOT_DIFFERS:
                self._flow.wanted = True
        return [*effects, *self._report_if_new(now_ns)]

    # The table -----------------------------------------------------------------------------------------------------

    def _advance(self, now_ns: int) -> Effects:
        if self._applying or self._in_doubt or self._apply_at_ns is not None:
            return []
        entry = self._ahead.get(self.position.revision + 1)
        if entry is not None:
            self._applying = True
            return [ApplyEntry(entry)]
        behind = self._known_revision > self.position.revision
        if behind and self._flow.offer is None:
            self._gap.notice(now_ns)
        return []

    def _on_applied(self, position: Position, now_ns: int) -> Effects:
        self._applying = False
        self._reach(position)
        self._apply_delay_ns = APPLY_RETRY_NS
        self._unreported += 1
        if not self._repair.moved_on(position):
            return self._ask(False, now_ns)
        following = self._advance(now_ns)
        if following and self._unreported < ENTRIES_PER_REPORT:
            return following
        return [*self._report(now_ns), *following]

    def _on_apply_failed(self, failed: ApplyFailed, now_ns: int) -> Effects:
        self._applying = False
        if failed.transient:
            self._apply_at_ns = now_ns + self._apply_delay_ns
            self._apply_delay_ns = min(APPLY_RETRY_NS_MAX, self._apply_delay_ns * 2)
            return self._meter.alarm(Alarm.STORE_FAILS, failed.detail, now_ns)
        self._in_doubt = True
        return [*self._meter.alarm(Alarm.ROOT_DIFFERS, failed.detail, now_ns), *self._mend(failed.buckets, now_ns)]

    def _reach(self, position: Position) -> None:
        self.position = position
        self._roots[position.revision] = position.root
        self._roots.pop(position.revision - ROOTS_KEPT, None)
        self._ahead.drop_through(position.revision)
        self._known_revision = max(self._known_revision, position.revision)
        self._gap.filled()

    # Repair --------------------------------------------------------------------------------------------------------

    def _mend(self, buckets: frozenset[int], now_ns: int) -> Effects:
        if self._flow.wanted or self._flow.offer is not None:
            return self._report_if_new(now_ns)
        asked = self._repair.asked
        going_on = self._repair.begin(buckets, self.position)
        return [] if going_on and asked == self._repair.asked else self._ask(going_on, now_ns)

    def _ask(self, going_on: bool, now_ns: int) -> Effects:
        if not going_on:
            self._repair.end()
            self._flow.wanted = True
            return self._report(now_ns)
        return self._ask_again(now_ns)

    def _ask_again(self, now_ns: int) -> Effects:
        if self._repair.asked is None or not self._reporter.connected:
            return []
        self._repair.wait(now_ns)
        return self._report(now_ns, Wish(rows=self._repair.asked))

    def _on_rows(self, answer: BucketRows, size_bytes: int, now_ns: int) -> Effects:
        asked = answer.asked
        if asked != self._repair.asked:
            return []
        if not self._repair.take(answer, size_bytes):
            return self._ask(False, now_ns)
        if answer.more:
            return self._ask_again(now_ns)
        target = Position(asked.epoch, asked.revision, asked.root)
        return [RepairTable(target, asked.buckets, self._repair.rows)]

    def _on_repaired(self, position: Position, now_ns: int) -> Effects:
        self._reach(position)
        self._repair.end()
        self._in_doubt = False
        return [*self._report(now_ns), *self._advance(now_ns)]

    # Snapshots -----------------------------------------------------------------------------------------------------

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
        return self._meter.alarm(Alarm.SNAPSHOT_REFUSED, detail, now_ns)

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
        self._apply_at_ns = None
        self._gap.filled()
        self._repair.end()

    # Time ----------------------------------------------------------------------------------------------------------

    def _on_tick(self, now_ns: int) -> Effects:
        effects: Effects = []
        if _due(self._leases.save_at_ns, now_ns):
            effects += self._leases.save(now_ns)
        if _due(self._apply_at_ns, now_ns):
            self._apply_at_ns = None
            effects += self._advance(now_ns)
        if _due(self._flow.retry_at_ns, now_ns) and self._flow.offer is not None:
            self._flow.retry_at_ns = None
            effects.append(BuildSnapshot(self._flow.offer))
        if _due(self._gap.at_ns, now_ns):
            effects += self._ask_for_gap(now_ns)
        if _due(self._repair.ask_at_ns, now_ns):
            effects += self._ask(not self._repair.is_hopeless, now_ns)
        if _due(self._reporter.deadline_ns, now_ns):
            self._reporter.lengthen()
            effects += self._report(now_ns)
        return effects

    def _ask_for_gap(self, now_ns: int) -> Effects:
        first = self.position.revision + 1
        lowest = self._ahead.lowest
        last = self._known_revision if lowest is None else lowest - 1
        self._gap.asked(now_ns)
        return self._report(now_ns, Wish(first=first, last=max(first, last)))

    # What is told --------------------------------------------------------------------------------------------------

    def _report(self, now_ns: int, wish: Wish = NO_WISH) -> Effects:
        self._unreported = 0
        return self._reporter.report(self._position_and(wish), now_ns)

    def _report_if_new(self, now_ns: int) -> Effects:
        report = self._position_and(NO_WISH)
        return [] if self._reporter.just_said(report, now_ns) else self._report(now_ns)

    def _position_and(self, wish: Wish) -> SyncReport:
        want_snapshot = self._flow.wanted and self._flow.offer is None
        return self._reporter.compose(self.position, wish, want_snapshot=want_snapshot)


def _due(at_ns: int | None, now_ns: int) -> bool:
    return at_ns is not None and at_ns <= now_ns
