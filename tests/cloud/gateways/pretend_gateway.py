"""A gateway of a hundred lines that follows wire/PROTOCOL.md: the other end of the line in the cloud's tests."""

import json
from collections.abc import Callable, Iterable

import zstandard
from portillon_cloud.gateways.outgoing import Outgoing
from portillon_wire.commands import Command, CommandResult
from portillon_wire.digest import Digest
from portillon_wire.messages import FeedEntry, Lease, SnapshotOffer, Status, SyncReport, encode
from portillon_wire.rows import canonical_body
from portillon_wire.signature import KeyUse, PublicKey, PublicKeys, SigningKey, Typ, kid_of, typ_of, verify
from portillon_wire.topics import Up, up

Fetch = Callable[[str], bytes]
Row = tuple[str, str]


class PretendGateway:
    """Applies entries in order, snapshots whole, leases for what it has; says where it stands."""

    def __init__(self, gateway_id: str, keys: Iterable[SigningKey], fetch: Fetch) -> None:
        self.id = gateway_id
        self._keys = PublicKeys({key.kid: PublicKey(key.public, frozenset(KeyUse)) for key in keys})
        self._fetch = fetch
        self.boot_id, self.connection = "boot-1", 0
        self.rows: dict[Row, bytes] = {}
        self.digest = Digest.empty()
        self.epoch, self.revision, self.root = 0, 0, ""
        self.leases: list[Lease] = []
        self.entries: list[FeedEntry] = []  # all that came, applied or not
        self.offers: list[SnapshotOffer] = []
        self.commands: list[Command] = []

    def birth(self) -> list[tuple[str, bytes]]:
        """What it says on a new connection."""
        self.connection += 1
        status = Status(online=True, boot_id=self.boot_id, connection=self.connection, software="pretend")
        return [(up(self.id, Up.STATUS), encode(status)), self.report()]

    def will(self) -> tuple[str, bytes]:
        status = Status(online=False, boot_id=self.boot_id, connection=self.connection, software="pretend")
        return up(self.id, Up.STATUS), encode(status)

    def report(self, **wants: int | bool) -> tuple[str, bytes]:
        """Where it stands."""
        lease = self.leases[-1] if self.leases else None
        report = SyncReport(
            epoch=self.epoch,
            revision=self.revision,
            root=self.root,
            lease_counter=lease.counter if lease else 0,
            clock_rev=lease.clock_rev if lease else 0,
            boot_id=self.boot_id,
            **wants,  # type: ignore[arg-type]
        )
        return up(self.id, Up.SYNC), encode(report)

    def receive(self, messages: Iterable[Outgoing]) -> list[tuple[str, bytes]]:
        """Take what is meant for it; what it says to that."""
        said: list[tuple[str, bytes]] = []
        for message in messages:
            if message.topic.startswith(f"portillon/v1/{self.id}/down/"):
                said += self._take(message)
        return said

    def _take(self, message: Outgoing) -> list[tuple[str, bytes]]:
        if message.topic.endswith("/ack"):
            return []
        match typ_of(message.payload):
            case Typ.FEED:
                return self._entry(verify(FeedEntry, message.payload, keys=self._keys, gateway=self.id))
            case Typ.SNAPSHOT:
                return self._snapshot(verify(SnapshotOffer, message.payload, keys=self._keys, gateway=self.id))
            case Typ.LEASE:
                return self._lease(verify(Lease, message.payload, keys=self._keys, gateway=self.id))
            case Typ.COMMAND:
                return self._command(message.payload)
            case _:
                return []

    def _entry(self, entry: FeedEntry) -> list[tuple[str, bytes]]:
        self.entries.append(entry)
        if (entry.epoch, entry.revision) != (self.epoch, self.revision + 1):
            return [self.report()]
        rows, digest = dict(self.rows), self.digest.copy()
        for change in entry.changes:
            self._put((change.kind, change.key), None if change.body is None else canonical_body(change.body))
        if self.digest.root() != entry.root:
            self.rows, self.digest = rows, digest
            return [self.report(want_snapshot=True)]
        self.revision, self.root = entry.revision, entry.root
        return [self.report()]

    def _snapshot(self, offer: SnapshotOffer) -> list[tuple[str, bytes]]:
        self.offers.append(offer)
        if (offer.epoch, offer.revision) < (self.epoch, self.revision):
            return []
        packed = self._fetch(offer.url)
        self.rows, self.digest = {}, Digest.empty()
        for line in zstandard.ZstdDecompressor().decompressobj().decompress(packed).splitlines():
            row = json.loads(line)
            self._put((row["kind"], row["key"]), canonical_body(row["body"]))
        assert (len(self.rows), self.digest.root()) == (offer.rows, offer.root)
        self.epoch, self.revision, self.root = offer.epoch, offer.revision, offer.root
        return [self.report()]

    def _lease(self, lease: Lease) -> list[tuple[str, bytes]]:
        current = self.leases[-1].counter if self.leases else 0
        if lease.counter <= current or lease.epoch != self.epoch or lease.revision > self.revision:
            return []
        self.leases.append(lease)
        return [self.report()]

    def _command(self, token: bytes) -> list[tuple[str, bytes]]:
        command = verify(Command, token, keys=self._keys, gateway=self.id)
        self.commands.append(command)
        result = CommandResult(kid=kid_of(token), counter=command.counter, outcome="taken")
        return [(up(self.id, Up.RESULT), encode(result))]

    def rot(self) -> None:
        """A row is gone from its disk; it counts what is left and believes that."""
        for name in list(self.rows)[:1]:
            self._put(name, None)
            self.root = self.digest.root()

    def _put(self, name: Row, body: bytes | None) -> None:
        old = self.rows.pop(name, None)
        if old is not None:
            self.digest.remove(*name, old)
        if body is not None:
            self.rows[name] = body
            self.digest.add(*name, body)
