"""The shipped gateway and the shipped cloud mend a damaged table between them, on both databases."""

import itertools
import random
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cloud.gateways.conftest import Gym, build_gym
from cloud.gateways.real_gateway import RealGateway
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from portillon_cloud.database import Database
from portillon_cloud.gateways import repair
from portillon_cloud.gateways.link import GatewayLink
from portillon_cloud.gateways.outgoing import Outgoing
from portillon_rules.decision import RowDamaged
from portillon_wire.digest import DigestBuilder
from portillon_wire.messages import SyncReport, WantedRows, encode
from portillon_wire.signature import Typ, typ_of
from portillon_wire.topics import Up, up

_COPY = "SELECT kind, key || hex(randomblob(2)), body, mac FROM feed_row LIMIT 1"
_NAMES = (f"g{number}" for number in itertools.count())


@pytest.fixture
def real(gym: Gym, tmp_path: Path) -> Iterator[RealGateway]:
    """Forty members at a real gateway."""
    gym.add_members(40)
    made = connected(gym, tmp_path)
    yield made
    made.store.close()


def connected(gym: Gym, folder: Path, name: str = "front") -> RealGateway:
    gym.enrol(name)
    made = RealGateway(name, folder, gym.keyring.feed_key, fetch=gym.fetch, real_ms=gym.clock.real_ms)
    gym.talk(made.birth(), made)  # type: ignore[arg-type]  # it takes and says the same
    assert same(gym, made)
    made.bytes_taken = made.snapshots = 0
    return made


def same(gym: Gym, real: RealGateway) -> bool:
    """Whether epoch, revision and root are the cloud's, and the rows on the gateway's disk make that root."""
    state = gym.state(real.id)
    builder = DigestBuilder()
    builder.add_many((kind.encode(), key.encode(), body.encode()) for kind, key, body in rows(real))
    return real.in_force == (state.epoch, state.revision, state.root) and builder.digest().root() == state.root


def rows(real: RealGateway) -> list[Any]:
    db = sqlite3.connect(real.store._pointer.current)
    found = db.execute("SELECT kind, key, body FROM feed_row").fetchall()
    db.close()
    return found


def by_hand(real: RealGateway, sql: str) -> None:
    db = sqlite3.connect(real.store._pointer.current)
    db.execute(sql)
    db.commit()
    db.close()


def flip(real: RealGateway, number: int = 0) -> str:
    """A member's row is not what it was; its credential."""
    key: str = sorted(key for kind, key, _ in rows(real) if kind == "entitlement")[number]
    by_hand(real, f"UPDATE feed_row SET body = replace(body, 'valid', 'walid') WHERE key = '{key}'")
    return key


def mend(gym: Gym, real: RealGateway, seconds: int = 3) -> None:
    """Let both talk for so long."""
    for _ in range(seconds):
        gym.talk([*real.look(), *real.receive([])], real)  # type: ignore[arg-type]
        gym.clock.forward(ms=1_000)


def test_a_flipped_row_is_right_again_without_a_snapshot(gym: Gym, real: RealGateway) -> None:
    """Met at the door, asked for, put in place: no snapshot, no new epoch, a few kilobytes."""
    key = flip(real)
    assert real.store.lookup(key) == RowDamaged(key)
    mend(gym, real)
    assert not isinstance(real.store.lookup(key), RowDamaged) and same(gym, real)
    assert real.snapshots == 0 and real.in_force[0] == 1 and real.bytes_taken < 5_000
    assert real.told == ["row_damaged"]


def test_a_change_to_a_damaged_row_is_mended_on_the_way(gym: Gym, real: RealGateway) -> None:
    """Nobody met the damage before the entry did: sums, rows, and the gateway is where the cloud is."""
    flip(real, 0), flip(real, 1)
    for account in gym.accounts:
        gym.block(account)
    gym.talk([], real)  # type: ignore[arg-type]
    mend(gym, real, 40)
    assert same(gym, real) and "root_differs" in real.told and real.snapshots == 0


def test_the_answer_is_of_one_position(gym: Gym, real: RealGateway) -> None:
    """Rows are told for the position that was asked for only while that is the cloud's; else it tells where it is."""
    epoch, revision, root = real.in_force
    asked = WantedRows(epoch=epoch, revision=revision, root=root, buckets=tuple(range(64)))
    report = SyncReport(
        epoch=epoch, revision=revision, root=root, lease_counter=0, clock_rev=0, boot_id="boot-1", want_rows=asked
    )  # fmt: skip

    def kinds() -> list[Typ]:
        answers = gym.link.handle(up("front", Up.SYNC), encode(report))
        return [typ_of(one.payload) for one in answers if one.topic.endswith("/feed")]

    assert kinds() == [Typ.BUCKET_ROWS]
    gym.block(gym.accounts[0])
    gym.link.tick()
    assert kinds() == [Typ.BUCKET_SUMS]


def test_large_buckets_come_in_parts(gym: Gym, real: RealGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """However the database orders text, each part begins where the one before ended, and none is too large."""
    monkeypatch.setattr(repair, "ENTRY_BYTES", 700)
    victims = [flip(real, number) for number in range(0, 40, 2)]
    for key in victims:
        real.store.lookup(key)
    mend(gym, real)
    assert same(gym, real) and real.snapshots == 0


def test_several_clouds_answer_one_gateway(gym: Gym, real: RealGateway) -> None:
    """Each process reads under the lock: whichever hears a question answers it from the same rows."""
    other = GatewayLink(gym.db, gym.keyring, gym.clock, base_url="http://127.0.0.1:8000")
    key = flip(real)
    real.store.lookup(key)
    said, turn = real.look(), 0
    while said and turn < 20:
        link = (gym.link, other)[turn % 2]
        said = real.receive([answer for topic, payload in said for answer in link.handle(topic, payload)])
        turn += 1
    assert same(gym, real) and not isinstance(real.store.lookup(key), RowDamaged)


def test_ablation_without_repair_a_flipped_row_costs_a_snapshot(
    gym: Gym, real: RealGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gateway that never asks for rows gets well too, for the whole table's price."""
    monkeypatch.setattr("portillon_edge.sync.repair_flow.REPAIR_BUCKETS_MAX", 0)
    real.store.lookup(flip(real))
    mend(gym, real)
    assert same(gym, real) and real.snapshots == 1


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 1_000_000))
def test_any_damage_on_a_bad_line_ends_with_the_cloud_s_rows(
    sqlite_db: Database, clock: Any, tmp_path: Path, seed: int
) -> None:
    """Rows flipped, lost and put in by hand while accounts change and messages are lost, doubled and late: once the
    line is good again the rows on the disk are the cloud's."""
    chance = random.Random(seed)
    gym = build_gym(sqlite_db, clock)
    gym.add_members(12)
    folder = tmp_path / f"gateway{len(list(tmp_path.iterdir()))}"
    folder.mkdir()
    real = connected(gym, folder, next(_NAMES))
    late: list[Outgoing] = []

    def line(messages: list[Outgoing]) -> list[Outgoing]:
        arriving = [message for message in messages * 2 + late if chance.random() < 0.4]
        late[:] = [message for message in messages if chance.random() < 0.1]
        chance.shuffle(arriving)
        return arriving

    damages: tuple[Callable[[], object], ...] = (
        lambda: flip(real, chance.randrange(5)),
        lambda: by_hand(real, "DELETE FROM feed_row WHERE key LIKE '%a'"),
        lambda: by_hand(
            real, "INSERT OR IGNORE INTO feed_row SELECT kind, key || 'x', body, mac FROM feed_row LIMIT 1"
        ),
    )
    for _ in range(12):
        if chance.random() < 0.4:
            chance.choice(damages)()
        if chance.random() < 0.5:
            chance.choice((gym.block, gym.unblock))(chance.choice(gym.accounts))
        said = real.look()
        for _ in range(3):
            answers = [
                one for topic, payload in said if chance.random() < 0.7 for one in gym.link.handle(topic, payload)
            ]
            said = real.receive(line([*answers, *gym.link.tick()]))
        gym.clock.forward(ms=chance.choice((100, 1_000, 5_000)))
    gym.clock.forward(ms=86_400_000)  # the scrub of the day finds what nobody has met
    for _ in range(30):
        gym.talk([*real.birth(), *real.look(), *real.receive([])], real)  # type: ignore[arg-type]
        gym.clock.forward(ms=5_000)
    assert same(gym, real)
    real.store.close()
