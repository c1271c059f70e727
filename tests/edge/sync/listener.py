"""A gateway that listens to its site's other gateways, and a cloud of some lines that tells it of them."""

import random
from collections.abc import Iterable
from functools import partial

from edge.feed_maker import GATEWAY, KEY, KEYS, NOON_MS, FeedMaker
from portillon_edge.domain.timekeeping import TimeKeeper
from portillon_edge.presence.news import PresenceHeard
from portillon_edge.sync.carry_out import carry_out
from portillon_edge.sync.inputs import Connected, Received
from portillon_edge.sync.presence_flow import (
    DoorsBusy,
    KeepOthers,
    PresenceEffect,
    PresenceFlow,
    PresenceInput,
    SendPresence,
    Started,
    TellDoors,
)
from portillon_wire.presence import PresenceNews, PresenceReport, Seen
from portillon_wire.signature import SigningKey, sign
from portillon_wire.topics import Down

MS = 1_000_000
S = 1_000 * MS


class Listener:
    """One gateway around a flow: its virtual clock, what its doors heard, and everything it asked for."""

    def __init__(self, *, others: bool = True, certain: bool = True, flow: type[PresenceFlow] = PresenceFlow) -> None:
        self.now_ns = 10 * S
        self.keeper = TimeKeeper(mode="live", boot_id="boot-a", boot_ns=0)
        if certain:
            self.knows_the_time()
        self._new_flow = partial(
            flow, gateway=GATEWAY, keys=KEYS, keeper=self.keeper, others=others, jitter=random.Random(1)
        )
        self.flow = self._new_flow()
        self.done: list[PresenceEffect] = []
        self.seen: dict[str, Seen] = {}
        self.busy = False

    def knows_the_time(self, counter: int = 1) -> None:
        """A lease came, and took no time."""
        assert self.keeper.adopt(FeedMaker().lease(counter=counter), self.now_ns) is None

    def restart(self) -> None:
        """The process died, and what its doors knew with it; the line is up again at once."""
        self.flow = self._new_flow()
        self.seen.clear()
        self.start()

    @property
    def real_ms(self) -> int:
        """What time it is here, by the cloud's clock."""
        return NOON_MS + (self.now_ns - 10 * S) // MS

    def start(self, epoch: int = 1) -> None:
        """The process starts, and the broker takes it."""
        self.take(Started(epoch))
        self.take(Connected())
        self.tick()

    def take(self, event: PresenceInput) -> None:
        carry_out(self.flow.handle(event, self.now_ns), perform=self._perform, handle=self._handle)

    def hear(self, news: PresenceNews, *, retained: bool = False, key: SigningKey = KEY) -> None:
        self.take(Received(Down.PRESENCE, sign(news, key), retained))

    def tick(self) -> None:
        carry_out(self.flow.tick(self.now_ns), perform=self._perform, handle=self._handle)

    def waits(self, ns: int) -> None:
        """Time passes, and every deadline in it is met."""
        until_ns = self.now_ns + ns
        while self.flow.deadline_ns is not None and self.flow.deadline_ns <= until_ns:
            self.now_ns = max(self.now_ns, self.flow.deadline_ns)
            self.tick()
        self.now_ns = until_ns

    def take_reports(self) -> list[PresenceReport]:
        """What it said since the last call."""
        said = [one.report for one in self.done if isinstance(one, SendPresence)]
        self.done = [one for one in self.done if not isinstance(one, SendPresence)]
        return said

    @property
    def heard(self) -> list[PresenceHeard]:
        """What its doors were told."""
        return [one.heard for one in self.done if isinstance(one, TellDoors)]

    @property
    def fresh(self) -> bool:
        """What its doors would say of presence now."""
        until_ns = self.heard[-1].fresh_until_ns
        return until_ns is None or self.now_ns <= until_ns

    @property
    def kept(self) -> list[bool]:
        """What it wrote down of others."""
        return [one.others for one in self.done if isinstance(one, KeepOthers)]

    def _handle(self, event: PresenceInput) -> Iterable[PresenceEffect]:  # type: ignore[override]
        return self.flow.handle(event, self.now_ns)

    def _perform(self, effect: PresenceEffect) -> list[PresenceInput]:
        if isinstance(effect, TellDoors):
            if self.busy:
                return [DoorsBusy()]
            for one in effect.heard.seen:
                if one.member not in self.seen or self.seen[one.member].at_ms < one.at_ms:
                    self.seen[one.member] = one
        self.done.append(effect)
        return []


class Teller:
    """What the cloud keeps of one site's other gateways, and says of it."""

    def __init__(self) -> None:
        self.rows: dict[str, tuple[int, Seen]] = {}
        self.sequence = 0
        self.told_ms: int | None = None

    def passes(self, *seen: Seen) -> PresenceNews:
        """A journal came; what is pushed."""
        before = self.sequence
        for one in seen:
            self.sequence += 1
            self.rows[one.member] = self.sequence, one
        return PresenceNews(gateway=GATEWAY, after=before, through=self.sequence, seen=seen, others=1)

    def answer(self, report: PresenceReport) -> PresenceNews:
        """All that the gateway has not heard of."""
        after = report.through if report.through <= self.sequence else 0
        seen = tuple(one for number, one in sorted(self.rows.values(), key=lambda row: row[0]) if number > after)
        return PresenceNews(
            gateway=GATEWAY, after=after, through=self.sequence, seen=seen, others=1, heard_ms=self.told_ms
        )
