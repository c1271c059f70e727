"""The cloud's stream and the gateways' flows and books together, on lines that lose, repeat and mix what is said."""

import random
import threading
from contextlib import suppress
from itertools import pairwise
from typing import Any

import pytest
from cloud.presence.site_of_gateways import Site, open_site
from portillon_cloud.database import Database
from portillon_cloud.gateways.outgoing import Outgoing
from portillon_cloud.presence import stream
from portillon_cloud.presence.tables import member_presence, site_presence
from portillon_edge.domain.events import Way
from portillon_edge.domain.timekeeping import TimeKeeper
from portillon_edge.presence.book import WATCHED_MS, Journey, Moment, PresenceBook
from portillon_edge.sync.inputs import Connected, Received
from portillon_edge.sync.presence_flow import BEAT_NS, FRESH_MS, AllTold, PresenceFlow, SendPresence, Started, TellDoors
from portillon_rules.zone_rule import ZoneRule
from portillon_wire.messages import JournalAck, JournalBatch, JournalEvent, Lease, decode, encode
from portillon_wire.presence import Seen
from portillon_wire.signature import KeyUse, PublicKey, PublicKeys
from portillon_wire.topics import Down, Up, up
from sqlalchemy import select

MS = 1_000_000
ZONES = {"gym": ZoneRule(zone="gym"), "pool": ZoneRule(zone="pool", within="gym")}


class Listening:
    """One gateway: its flow, its book, its journal that is not yet with the cloud."""

    def __init__(self, name: str, site: Site, dice: random.Random) -> None:
        self.name, self._site, self._dice = name, site, dice
        self.began_ms = site.now_ms
        self.keeper = TimeKeeper(mode="live", boot_id="boot", boot_ns=0)
        self.keeper.adopt(
            Lease(
                gateway=name, epoch=1, revision=1, root="", issued_ms=self.began_ms, duration_s=99_999, counter=1,
                business_ms=self.began_ms, clock_rev=0, rate=1, mode="live",
            ),
            0,
        )  # fmt: skip
        key = site.gym.keyring.feed_key
        self._keys = PublicKeys({key.kid: PublicKey(key.public, frozenset({KeyUse.FEED}))})
        self.unsent: list[JournalEvent] = []
        self.fresh_until_ns: int | None = None
        self.start()

    def start(self) -> None:
        """A new process, which forgot what its book had not written down: all of it."""
        self.book = PresenceBook(began_ms=self.began_ms - WATCHED_MS)
        self.flow = PresenceFlow(gateway=self.name, keys=self._keys, keeper=self.keeper, others=True, jitter=self._dice)
        for event in (Started(self._site.gym.state(self.name).epoch), Connected()):
            self._do(self.flow.handle(event, self.now_ns))

    @property
    def now_ns(self) -> int:
        return (self._site.now_ms - self.began_ms) * MS

    @property
    def fresh(self) -> bool:
        return self.fresh_until_ns is None or self.now_ns <= self.fresh_until_ns

    def moment(self) -> Moment:
        return Moment(ZONES, "UTC", self._site.now_ms)

    def passes(self, member: str, zone: str, way: Way) -> None:
        journey = Journey(member=member, credential=member, door="lane", zone=zone, way=way)
        self.book.passes(journey, self.moment())
        self.unsent.append(self._site.event(self.name, member, zone=zone, way=way))

    def where(self, member: str) -> str | None:
        ask = Journey(member=member, credential=member, door="lane", zone="gym", way=Way.ENTRY)
        found = self.book.presence(ask, self.moment())
        assert found is not None
        return found.zone

    def says(self) -> list[tuple[str, bytes]]:
        """What it sends just now: its journal, and how far it has heard."""
        said = []
        if self.unsent:
            said.append((up(self.name, Up.JOURNAL), encode(JournalBatch(journal_id="j1", events=tuple(self.unsent)))))
        else:
            self._do(self.flow.handle(AllTold(), self.now_ns))
        return said + self._do(self.flow.tick(self.now_ns))

    def hears(self, message: Outgoing) -> None:
        if message.topic.endswith("/ack"):
            through = decode(JournalAck, message.payload).through
            self.unsent = [event for event in self.unsent if event.sequence > through]
        elif message.topic.endswith("/presence"):
            self._do(self.flow.handle(Received(Down.PRESENCE, message.payload), self.now_ns))

    def _do(self, effects: list[Any]) -> list[tuple[str, bytes]]:
        said = []
        for effect in effects:
            if isinstance(effect, SendPresence):
                said.append((up(self.name, Up.PRESENCE), encode(effect.report)))
            elif isinstance(effect, TellDoors):
                self.fresh_until_ns = effect.heard.fresh_until_ns
                for one in effect.heard.seen:
                    self._hear(one)
        return said

    def _hear(self, one: Seen) -> None:
        way = Way.EXIT if one.left else Way.ENTRY
        self.book.hears(one.member, one.zone, way, at_ms=one.at_ms, moment=self.moment())


def play(site: Site, seed: int, *, steps: int = 120) -> None:
    """A while of a bad line; then a good one. Fresh is never said of what is not known; in the end all know all."""
    dice = random.Random(seed)
    listening = {name: Listening(name, site, dice) for name in site.names}
    last: dict[str, tuple[int, str | None]] = {}
    on_the_way: list[Outgoing] = []

    def deliver(loss: float) -> None:
        said = [one for gateway in listening.values() for one in gateway.says()]
        for topic, payload in said:
            if dice.random() >= loss:
                on_the_way.extend(site.gym.link.handle(topic, payload))
        dice.shuffle(on_the_way)
        for _ in range(dice.randint(0, len(on_the_way)) if loss else len(on_the_way)):
            message = on_the_way.pop()
            if dice.random() >= loss:
                listening[message.topic.split("/")[2]].hears(message)
            if loss and dice.random() < 0.2:
                on_the_way.append(message)

    for _ in range(steps):
        site.gym.clock.forward(ms=dice.choice((1, 200, 3_000, 9_000)))
        here, member = dice.choice(list(listening.values())), dice.choice("123456")
        way, zone = dice.choice(list(Way)), dice.choice(("gym", "pool"))
        here.passes(member, zone, way)
        around = "gym" if zone == "pool" else None
        last[member] = site.now_ms, zone if way is Way.ENTRY else around
        if dice.random() < 0.03:
            here.unsent, kept = [], here.unsent
            here.start()
            here.unsent = kept
        deliver(loss=0.3)
        for gateway in listening.values():
            if gateway.fresh:
                for name, (at_ms, place) in last.items():
                    known = at_ms > site.now_ms - FRESH_MS or gateway.where(name) == place
                    assert known, f"seed {seed}: {gateway.name} does not know of {name}"
    for _ in range(4):
        site.gym.clock.forward(ms=BEAT_NS // MS)
        for _ in range(4):
            deliver(loss=0.0)
    for gateway in listening.values():
        assert gateway.fresh, f"seed {seed}"
        places = {name: place for name, (_, place) in last.items()}
        assert {name: gateway.where(name) for name in last} == places, f"seed {seed}: {gateway.name}"


@pytest.mark.parametrize("seed", range(6))
def test_after_a_bad_line_every_gateway_knows_where_everybody_is(sqlite_db: Database, clock: Any, seed: int) -> None:
    """Three gateways that die and forget, a third of all messages lost, the rest repeated and out of order."""
    play(open_site(sqlite_db, clock, "a", "b", "c"), seed)


def test_without_the_numbers_something_stays_unknown(
    sqlite_db: Database, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ablation: a cloud that answers only with what is new since its last answer, whatever was heard."""
    shipped = stream.answer

    def forgetful(conn: Any, key: Any, who: Any, report: Any, *, now_ms: int) -> Any:
        head = conn.execute(select(site_presence.c.sequence)).scalar() or 0
        return shipped(conn, key, who, report.model_copy(update={"through": head}), now_ms=now_ms)

    monkeypatch.setattr(stream, "answer", forgetful)
    with pytest.raises(AssertionError, match="seed"):
        for seed in range(6):
            play(open_site(sqlite_db, clock, *(f"{name}{seed}" for name in "abc")), seed)


def test_gateways_that_tell_at_once_are_numbered_without_a_hole(db: Database, clock: Any) -> None:
    """Several processes take in the journals of one site at the same moment: no number twice, none left out, and every
    push tells what follows the one before."""
    site = open_site(db, clock, "a", "b", "c")
    events = {name: [site.event(name, f"{name}{number}") for number in range(12)] for name in site.names}
    told: list[Any] = []
    begin = threading.Barrier(len(site.names))

    def tell(name: str) -> None:
        begin.wait()
        for event in events[name]:
            told.append(site.tells(name, event))

    threads = [threading.Thread(target=tell, args=(name,)) for name in site.names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with db.read() as conn:
        numbers = conn.execute(select(member_presence.c.sequence)).scalars().all()
    assert sorted(numbers) == list(range(1, 37))
    for name in site.names:
        parts = sorted((part for news in told for part in news.get(name, ())), key=lambda part: part.through)
        assert len(parts) == 24
        assert all(after.after == before.through for before, after in pairwise(parts))


@pytest.mark.postgres
def test_without_the_sites_lock_a_number_is_given_twice(
    postgres_cluster: Any, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ablation: whoever numbers without holding the site tells something under a number that is told already."""
    meeting = threading.Barrier(3)
    shipped = stream._lock

    def unlocked(conn: Any, sender: Any) -> int:
        last = conn.execute(select(site_presence.c.sequence).where(site_presence.c.site_id == sender.site_id)).scalar()
        with suppress(threading.BrokenBarrierError):
            meeting.wait(2)
        return shipped(conn, sender) if last is None else int(last)

    url = postgres_cluster.fresh()
    database = Database(url)
    monkeypatch.setattr(stream, "_lock", unlocked)
    with pytest.raises(AssertionError):
        test_gateways_that_tell_at_once_are_numbered_without_a_hole(database, clock)
    database.close()
    postgres_cluster.drop(url)
