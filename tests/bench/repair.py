"""What a damaged row costs on the line: the shipped gateway mends it with the shipped cloud; beside, a snapshot."""

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from bench.cloud_gym import GATEWAY, build
from bench.gym_rows import hashed, rows
from bench.report import Row
from cloud.gateways.real_gateway import RealGateway
from portillon_cloud.database import Database
from portillon_cloud.database.rows import insert_many
from portillon_cloud.gateways import snapshot, store
from portillon_cloud.gateways.link import GatewayLink
from portillon_cloud.gateways.tables import feed_row
from portillon_cloud.secrets import Keyring
from portillon_rules.decision import RowDamaged
from portillon_wire.digest import Digest, bucket_of

BASE_URL = "http://127.0.0.1:8000"
TURNS_MAX = 50
_DAMAGE = "UPDATE feed_row SET body = replace(body, 'gym', 'spa') WHERE key = ?"


def benchmarks(folder: Path, members: int) -> Iterator[Row]:
    """One flipped row of so many; the line carries no other traffic."""
    gym = build(f"sqlite:///{folder / 'cloud.db'}", 0)
    keyring = Keyring.generate()
    _fill(gym.db, keyring, gym.organisation_id, members)
    link = GatewayLink(gym.db, keyring, gym.clock, base_url=BASE_URL)

    def fetch(url: str) -> bytes:
        token = url.removeprefix(BASE_URL + snapshot.PATH)
        with gym.db.read() as conn:
            found = snapshot.find(conn, token, now_ms=gym.clock.real_ms())
        return b"".join(snapshot.read(gym.db, found))

    gateway = RealGateway(GATEWAY, folder, keyring.feed_key, fetch=fetch, real_ms=gym.clock.real_ms)
    _talk(link, gateway, gateway.birth())
    whole = gateway.bytes_taken
    gateway.bytes_taken = 0
    victim = hashed(members // 2)
    hand = sqlite3.connect(gateway.store._pointer.current)
    hand.execute(_DAMAGE, (victim,))
    hand.commit()
    hand.close()
    assert isinstance(gateway.store.lookup(victim), RowDamaged)
    began = time.perf_counter()
    _talk(link, gateway, gateway.look())
    spent_s = time.perf_counter() - began
    assert not isinstance(gateway.store.lookup(victim), RowDamaged) and gateway.snapshots == 1
    taken = gateway.bytes_taken
    gateway.store.close()
    gym.db.close()
    yield Row(
        f"a damaged row mended; {members:,} members",
        f"{taken / 1e3:,.0f} kB on the line, {spent_s * 1e3:.0f} ms",
        f"a snapshot {whole / 1e6:.1f} MB",
        taken / whole,
        "≤ 0.1×",
        taken / whole <= 0.1,
    )


def _fill(db: Database, keyring: Keyring, organisation_id: int, members: int) -> None:
    """Let the feed say so much, as a first sweep would leave it."""
    digest = Digest.empty()
    columns = ("gateway_id", "organisation_id", "kind", "key", "account_id", "body", "bucket")
    with db.write() as conn:
        content = []
        for kind, key, body in rows(members):
            digest.add(kind, key, body)
            content.append((GATEWAY, organisation_id, kind, key, None, body, bucket_of(kind, key)))
        insert_many(conn, feed_row, columns, content)
        state = store.lock(conn, GATEWAY)
        assert state is not None
        store.open_epoch(conn, state, epoch=1, digest=digest, now_ms=0, key=keyring.feed_key)
        store.change(conn, GATEWAY, sweep_after=None)


def _talk(link: GatewayLink, gateway: RealGateway, said: list[tuple[str, bytes]]) -> None:
    for _ in range(TURNS_MAX):
        messages = [answer for topic, payload in said for answer in link.handle(topic, payload)]
        messages += link.snapshots()
        said = gateway.receive(messages)
        if not said and not messages:
            return
    raise AssertionError("they never stop talking")
