"""The shipped session over the shipped store, at the other end of the cloud's line: it takes what a broker carries."""

import random
from collections.abc import Callable, Iterable
from pathlib import Path

from portillon_cloud.gateways.outgoing import Outgoing
from portillon_edge.domain.timekeeping import TimeKeeper
from portillon_edge.store.entitlements import EntitlementStore
from portillon_edge.store.snapshot_build import build_snapshot
from portillon_edge.sync.carry_out import carry_out
from portillon_edge.sync.effects import (
    ApplyEntry,
    BuildSnapshot,
    CompareBuckets,
    Record,
    RepairTable,
    SaveLease,
    SendReport,
    SessionEffect,
    SwitchSnapshot,
)
from portillon_edge.sync.inputs import Connected, Disconnected, Received, SessionInput, SnapshotBuilt, Tick
from portillon_edge.sync.session import SyncSession
from portillon_edge.sync.table_work import TableWork
from portillon_wire.messages import Status, encode
from portillon_wire.signature import KeyUse, PublicKey, PublicKeys, SigningKey
from portillon_wire.topics import Down, Up, parse, up

SECRET = b"m" * 32
Said = list[tuple[str, bytes]]


class RealGateway:
    """`bytes_taken` counts what came on the line, snapshots included."""

    def __init__(
        self,
        gateway_id: str,
        folder: Path,
        key: SigningKey,
        *,
        fetch: Callable[[str], bytes],
        real_ms: Callable[[], int],
    ) -> None:
        self.id = gateway_id
        self._folder, self._fetch, self._real_ms = folder, fetch, real_ms
        self._began_ms = real_ms()
        self.store = EntitlementStore(folder / "entitlements.db", SECRET)
        self._table = TableWork(self.store)
        self.session = SyncSession(
            gateway=gateway_id,
            keys=PublicKeys({key.kid: PublicKey(key.public, frozenset(KeyUse))}),
            boot_id="boot-1",
            keeper=TimeKeeper(mode="live", boot_id="boot-1", boot_ns=0),
            position=self.store.position(),
            roots=self.store.roots(),
            jitter=random.Random(1),
        )
        self._said: Said = []
        self.bytes_taken = 0
        self.snapshots = 0
        self.told: list[str] = []

    def birth(self) -> Said:
        """What it says on a new connection."""
        status = Status(online=True, boot_id="boot-1", connection=1, software="real")
        self._tell(Disconnected())
        self._tell(Connected())
        return [(up(self.id, Up.STATUS), encode(status)), *self._take_said()]

    def receive(self, messages: Iterable[Outgoing]) -> Said:
        """Take what is meant for it, and what is due; what it says to that."""
        for message in messages:
            if message.topic.startswith(f"portillon/v1/{self.id}/down/"):
                self.bytes_taken += len(message.payload)
                name = parse(message.topic).name
                assert isinstance(name, Down)
                if name in (Down.FEED, Down.LEASE):
                    self._tell(Received(name, message.payload))
        deadline = self.session.deadline_ns
        if deadline is not None and deadline <= self._now_ns:
            self._tell(Tick())
        return self._take_said()

    def look(self) -> Said:
        """Meet what readers and scrub have found by now."""
        damage = self._table.damage(self._now_ns)
        if damage is not None:
            self._tell(damage)
        return self._take_said()

    @property
    def in_force(self) -> tuple[int, int, str]:
        """Epoch, revision and root."""
        here = self.store.position()
        return here.epoch, here.revision, here.root

    @property
    def _now_ns(self) -> int:
        return (self._real_ms() - self._began_ms + 60_000) * 1_000_000

    def _take_said(self) -> Said:
        said, self._said = self._said, []
        return said

    def _tell(self, event: SessionInput) -> None:
        carry_out(self._ask(event), perform=self._perform, handle=self._ask)

    def _ask(self, event: SessionInput) -> list[SessionEffect]:
        return self.session.handle(event, self._now_ns)

    def _perform(self, effect: SessionEffect) -> list[SessionInput]:
        match effect:
            case ApplyEntry(entry):
                return [self._table.apply(entry)]
            case CompareBuckets(sums):
                return [self._table.compare(sums)]
            case RepairTable():
                return [self._table.repair(effect)]
            case BuildSnapshot(offer):
                packed = self._fetch(offer.url)
                self.bytes_taken += len(packed)
                self.snapshots += 1
                compressed = self._folder / "snapshot.zst"
                compressed.write_bytes(packed)
                self._built = self.store.snapshot_path(offer.epoch, offer.revision)
                build_snapshot(compressed, self._built, offer=offer, secret=SECRET, cancelled=lambda: False)
                return [SnapshotBuilt(offer)]
            case SwitchSnapshot():
                return [self._table.switch(effect, self._built)]
            case SendReport(report):
                self._said.append((up(self.id, Up.SYNC), encode(report)))
            case SaveLease(saved):
                self.store.save_lease(saved)
            case Record(_, reason, _):
                self.told.append(reason)
        return []
