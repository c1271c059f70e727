"""A site with a rule for its zone and several gateways, each of which tells what it saw and hears of the others."""

from dataclasses import dataclass, field
from typing import Any

from cloud.gateways.conftest import Gym, build_gym
from portillon_cloud.database import Database
from portillon_cloud.gateways.outgoing import Outgoing
from portillon_cloud.zones.operations import put_zone_rule
from portillon_rules.decision import TimeQuality
from portillon_wire.messages import EventTime, JournalBatch, JournalEvent, Way, encode
from portillon_wire.presence import PresenceNews, PresenceReport, Seen, Unseen
from portillon_wire.signature import KeyUse, PublicKey, PublicKeys, verify
from portillon_wire.topics import Up, up


@dataclass
class Site:
    """`a`, `b` … are its gateways; a passage is `member, at_ms` into the gym unless it says otherwise."""

    gym: Gym
    names: tuple[str, ...]
    events: dict[str, int] = field(default_factory=dict)
    journal: str = "j1"

    @property
    def now_ms(self) -> int:
        return int(self.gym.clock.real_ms())

    def event(self, gateway: str, member: str | None = "17", *, at_ms: int | None = None, **more: Any) -> JournalEvent:
        """The next event of that gateway's journal."""
        self.events[gateway] = self.events.get(gateway, 0) + 1
        at_ms = self.now_ms if at_ms is None else at_ms
        said: dict[str, Any] = {"kind": "passage", "way": Way.ENTRY, "zone": "gym", "door": "lane", **more}
        at = said.pop("at", None) or EventTime(
            boot_id=f"boot-{gateway}", boot_ns=1, real_ms=at_ms, business_ms=at_ms, quality=TimeQuality.CERTAIN
        )
        return JournalEvent(sequence=self.events[gateway], at=at, member=member, **said)

    def tells(self, gateway: str, *events: JournalEvent) -> dict[str, list[PresenceNews]]:
        """The gateway sends its journal; what the others are told then, by gateway."""
        payload = encode(JournalBatch(journal_id=self.journal, events=events))
        return self._news(self.gym.link.handle(up(gateway, Up.JOURNAL), payload))

    def passes(self, gateway: str, member: str = "17", **more: Any) -> dict[str, list[PresenceNews]]:
        """Somebody passes there, and the journal comes."""
        return self.tells(gateway, self.event(gateway, member, **more))

    def asks(
        self,
        gateway: str,
        through: int = 0,
        *,
        told_ms: int | None = None,
        epoch: int | None = None,
        unseen: tuple[Unseen, ...] = (),
    ) -> list[PresenceNews]:
        """The gateway says how far it has heard; what it is answered."""
        epoch = self.gym.state(gateway).epoch if epoch is None else epoch
        report = PresenceReport(epoch=epoch, through=through, told_ms=told_ms, unseen=unseen)
        return self._news(self.gym.link.handle(up(gateway, Up.PRESENCE), encode(report))).get(gateway, [])

    def _news(self, messages: list[Outgoing]) -> dict[str, list[PresenceNews]]:
        key = self.gym.keyring.feed_key
        keys = PublicKeys({key.kid: PublicKey(key.public, frozenset({KeyUse.FEED}))})
        news: dict[str, list[PresenceNews]] = {}
        for message in messages:
            if message.topic.endswith("/down/presence"):
                gateway = message.topic.split("/")[2]
                news.setdefault(gateway, []).append(verify(PresenceNews, message.payload, keys=keys, gateway=gateway))
        return news


def open_site(db: Database, clock: Any, *names: str, ruled: bool = True) -> Site:
    """Every gateway has a table, and has listened once."""
    gym = build_gym(db, clock)
    if ruled:
        with db.write() as conn:
            put_zone_rule(
                conn, organisation_id=gym.organisation_id, site_id=gym.site_id, zone="gym", body={"passback": "hard"}
            )
    for name in names:
        gateway = gym.enrol(name)
        gym.talk(gateway.birth(), gateway)
    site = Site(gym, names)
    for name in names:
        site.asks(name)
    return site


def members(news: list[PresenceNews]) -> list[str]:
    """Of whom it tells."""
    return [one.member for part in news for one in part.seen]


def seen(member: str, at_ms: int, *, zone: str = "gym", left: bool = False) -> Seen:
    return Seen(member=member, zone=zone, left=left, at_ms=at_ms)
