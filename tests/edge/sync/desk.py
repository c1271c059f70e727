"""Carries out a session's effects on a table in memory, as the service does on files, and remembers what was asked."""

import random
from typing import Any

from edge.feed_maker import GATEWAY, KEYS, FeedMaker, credential, signed
from portillon_edge.domain.position import EMPTY, Position
from portillon_edge.domain.timekeeping import Mode, TimeKeeper
from portillon_edge.sync.carry_out import carry_out
from portillon_edge.sync.effects import (
    ApplyEntry,
    BuildSnapshot,
    CompareBuckets,
    EpochBegun,
    Record,
    RepairTable,
    SaveLease,
    SendReport,
    SessionEffect,
    SwitchSnapshot,
)
from portillon_edge.sync.inputs import (
    Applied,
    ApplyFailed,
    BucketsCompared,
    Connected,
    Received,
    Repaired,
    RepairFailed,
    SessionInput,
    SnapshotBuilt,
    Switched,
    Tick,
)
from portillon_edge.sync.session import SyncSession
from portillon_wire.digest import Digest, bucket_of
from portillon_wire.messages import EventKind, FeedEntry, Lease, SignedMessage, SyncReport
from portillon_wire.rows import canonical_body
from portillon_wire.topics import Down

MS = 1_000_000
S = 1_000 * MS


class Desk:
    """One gateway around a session: its table, its virtual clock, and everything it did."""

    def __init__(self, mode: Mode = "live") -> None:
        self.now_ns = 10 * S
        self.rows: dict[tuple[str, str], bytes] = {}
        self.digest = Digest.empty()
        self.position = EMPTY
        self.done: list[SessionEffect] = []
        self.broken: ApplyFailed | None = None
        self.unrepairable: RepairFailed | None = None
        self.repairs = False
        """Whether a failed apply says where the reason lies; otherwise only a snapshot helps."""
        self.keeper = TimeKeeper(mode=mode, boot_id="boot-a", boot_ns=0)
        self.session = SyncSession(
            gateway=GATEWAY,
            keys=KEYS,
            boot_id="boot-a",
            keeper=self.keeper,
            position=EMPTY,
            roots={},
            jitter=random.Random(1),
        )

    def give(self, *events: SessionInput) -> list[SessionEffect]:
        """Let events happen one after the other; returns everything that was done because of them."""
        start = len(self.done)
        for event in events:
            carry_out(self._handle(event), perform=self._perform, handle=self._handle)
        return self.done[start:]

    def rot(self, number: int) -> frozenset[int]:
        """A member's row is not what was applied any more; its bucket."""
        name = ("entitlement", credential(number))
        self.rows[name] = b'{"rotten":1}'
        return frozenset({bucket_of(*name)})

    def feed(self, *messages: SignedMessage, retained: bool = False) -> list[SessionEffect]:
        """Signed messages arrive."""
        return self.give(*(Received(_topic(message), signed(message), retained) for message in messages))

    def wait(self, seconds: float) -> list[SessionEffect]:
        """Let time pass, with a Tick at every deadline."""
        until_ns, start = self.now_ns + int(seconds * S), len(self.done)
        while (deadline := self.session.deadline_ns) is not None and deadline <= until_ns:
            self.now_ns = max(self.now_ns, deadline)
            self.give(Tick())
        self.now_ns = until_ns
        return self.done[start:]

    def take_snapshot(self, feed: FeedMaker) -> None:
        """Put what a feed holds now under the next switch."""
        self._built = (dict(feed.rows), feed.digest.copy())

    def start(self, feed: FeedMaker) -> None:
        """Connect, and put the feed's table in force."""
        offer, _ = feed.snapshot()
        self.take_snapshot(feed)
        self.give(Connected())
        self.feed(offer)
        self.give(SnapshotBuilt(offer))
        self.done.clear()

    def _handle(self, event: SessionInput) -> list[SessionEffect]:
        return self.session.handle(event, self.now_ns)

    def _perform(self, effect: SessionEffect) -> list[SessionInput]:
        self.done.append(effect)
        match effect:
            case ApplyEntry(entry):
                return [self.broken or self._apply(entry)]
            case CompareBuckets(sums):
                target = Position(sums.epoch, sums.revision, sums.root)
                return [BucketsCompared(target, self.digest.differing(sums.digest))]
            case RepairTable():
                return [self.unrepairable or self._repair(effect)]
            case SwitchSnapshot(offer, catch_up):
                self.rows, self.digest = self._built
                self.position = Position(offer.epoch, offer.revision, offer.root)
                for entry in catch_up:
                    assert isinstance(self._apply(entry), Applied)
                roots = {offer.revision: offer.root} | {entry.revision: entry.root for entry in catch_up}
                return [Switched(self.position, roots)]
        return []

    def _repair(self, effect: RepairTable) -> SessionInput:
        assert effect.target.epoch == self.position.epoch and effect.target.revision >= self.position.revision
        rows = {name: body for name, body in self.rows.items() if bucket_of(*name) not in effect.buckets}
        digest = self.digest.copy()
        for bucket in effect.buckets:
            digest.empty_bucket(bucket)
        for row in effect.rows:
            rows[row.kind, row.key] = canonical_body(row.body or {})
            digest.add(row.kind, row.key, rows[row.kind, row.key])
        if digest.root() != effect.target.root:
            return RepairFailed("another root", transient=False)
        self.rows, self.digest, self.position = rows, digest, effect.target
        return Repaired(self.position)

    def _apply(self, entry: FeedEntry) -> SessionInput:
        assert (entry.epoch, entry.revision) == (self.position.epoch, self.position.revision + 1), "out of order"
        rows, digest = dict(self.rows), self.digest.copy()
        for change in entry.changes:
            old = rows.pop((change.kind, change.key), None)
            if old is not None:
                digest.remove(change.kind, change.key, old)
            if change.body is not None:
                body = canonical_body(change.body)
                rows[change.kind, change.key] = body
                digest.add(change.kind, change.key, body)
        if digest.root() != entry.root:
            touched = frozenset(bucket_of(change.kind, change.key) for change in entry.changes)
            return ApplyFailed("another root", transient=False, buckets=touched if self.repairs else frozenset())
        self.rows, self.digest = rows, digest
        self.position = Position(entry.epoch, entry.revision, entry.root)
        return Applied(self.position)


def only(kind: type[Any], effects: list[SessionEffect]) -> list[Any]:
    """The effects of one kind."""
    return [effect for effect in effects if isinstance(effect, kind)]


def reports(effects: list[SessionEffect]) -> list[SyncReport]:
    """What was told."""
    return [effect.report for effect in only(SendReport, effects)]


def reasons(effects: list[SessionEffect], kind: EventKind = EventKind.REFUSED_MESSAGE) -> list[str]:
    """Why something was recorded."""
    return [effect.reason for effect in only(Record, effects) if effect.kind is kind]


def acted(effects: list[SessionEffect]) -> list[SessionEffect]:
    """Everything that changes something here."""
    return [e for e in effects if isinstance(e, ApplyEntry | BuildSnapshot | SwitchSnapshot | SaveLease | EpochBegun)]


def _topic(message: SignedMessage) -> Down:
    return Down.LEASE if isinstance(message, Lease) else Down.FEED
