"""What becomes of the news of the site's other gateways. Pure: inputs and the boot clock in, effects out.

1. Only what came live, rightly signed for this gateway, is news at all.
2. Whatever its number, what it tells goes to the doors: of two things known of a member the later one holds there. The
   number only tells what is missing; what is missing is asked for after 0.5 to 1 s, then less and less often.
3. The other gateways are heard up to the instant that the cloud names, once nothing before that message is missing;
   they count as heard for FRESH_MS from then on, by the boot clock. A message that was long under way has spent that.
4. This gateway tells every BEAT_NS how far it has heard, and up to when the cloud has all that it saw itself. Where
   the cloud says that there are no other gateways, presence is always fresh, and it is told seldom.
5. After a start, and in a new epoch of the feed (the cloud or this card was restored), everything is asked for again:
   nothing of the stream is kept but whether there are others. Before the time is known nothing is asked.
6. What the doors could not take is asked for again.
"""

import random
from dataclasses import dataclass

from portillon_rules.decision import TimeQuality
from portillon_wire.errors import WireError
from portillon_wire.messages import EventKind
from portillon_wire.presence import PresenceNews, PresenceReport
from portillon_wire.signature import PublicKeys, verify

from portillon_edge.domain.timekeeping import TimeKeeper
from portillon_edge.presence.news import UNHEARD_NS, PresenceHeard
from portillon_edge.sync.effects import Record
from portillon_edge.sync.inputs import Connected, Disconnected, Received
from portillon_edge.sync.refusals import Refusal, RefusalMeter, refusal_of

S = 1_000_000_000
FRESH_MS = 60_000
"""The stream's bound: four beats. What the rules make of a member's place after that is the zone's `stale`."""
BEAT_NS = 15 * S
ALONE_BEAT_NS = 300 * S
"""A second gateway that was enrolled meanwhile is noticed by then, or with its first passage."""
GAP_NS = 500_000_000
IN_FLIGHT_MS = 1_000
"""What a sensor saw may take so long to its event in the journal's queue; only what is older is claimed as told."""
_NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class Started:
    """The gateway starts, with a table of this epoch (0: none)."""

    epoch: int


@dataclass(frozen=True, slots=True)
class EpochEntered:
    """A table of another epoch is in force."""

    epoch: int


@dataclass(frozen=True, slots=True)
class AllTold:
    """The cloud has acknowledged every event that was handed to the journal until now."""


@dataclass(frozen=True, slots=True)
class DoorsBusy:
    """The doors did not take what they were told last."""


@dataclass(frozen=True, slots=True)
class TellDoors:
    """Hand over to the door loop without waiting; answered by DoorsBusy if it has no room."""

    heard: PresenceHeard


@dataclass(frozen=True, slots=True)
class SendPresence:
    """Publish on up/presence, with what was counted here of nobody."""

    report: PresenceReport


@dataclass(frozen=True, slots=True)
class KeepOthers:
    """Write down whether the site has other gateways."""

    others: bool


PresenceInput = Started | Connected | Disconnected | Received | EpochEntered | AllTold | DoorsBusy
PresenceEffect = TellDoors | SendPresence | KeepOthers | Record
Effects = list[PresenceEffect]


class PresenceFlow:
    """One gateway's place in the stream of its site. `tick` when `deadline_ns` has come."""

    def __init__(
        self, *, gateway: str, keys: PublicKeys, keeper: TimeKeeper, others: bool, jitter: random.Random
    ) -> None:
        """`others`: whether the site had other gateways when the cloud was heard last."""
        self._gateway = gateway
        self._keys = keys
        self._keeper = keeper
        self._others = others
        self._jitter = jitter
        self._meter = RefusalMeter()
        self._connected = False
        self._epoch = 0
        self._told_ms: int | None = None
        self.through = 0
        self._before = 0
        self._known = 0
        self._heard_ms: int | None = None
        self._fresh_until_ns = UNHEARD_NS
        self._gap_ns = GAP_NS
        self.deadline_ns: int | None = None
        """When `tick` is due; None: only when something happens."""

    def handle(self, event: PresenceInput, now_ns: int) -> Effects:
        """Take one input; returns what to do, in order."""
        match event:
            case Started(epoch):
                self._epoch = epoch
                return [TellDoors(PresenceHeard((), self._until_ns(), now_ns))]
            case Connected():
                self._connected = True
                self._gap_ns = GAP_NS
                self.deadline_ns = now_ns
            case Disconnected():
                self._connected = False
                self.deadline_ns = None
            case EpochEntered(epoch):
                self._epoch = epoch
                self._told_ms = None
                self.through = self._before = self._known = 0
                self._ask_within(0, now_ns)
            case AllTold():
                self._all_told(now_ns)
            case DoorsBusy():
                self.through = self._before
                self._ask_within(self._waited(), now_ns)
            case Received(name, payload, retained):
                if retained:
                    return self._refuse(Refusal.RETAINED, f"a retained message on {name}", now_ns)
                return self._on_message(payload, now_ns)
        return []

    def tick(self, now_ns: int) -> Effects:
        """A deadline may have come: say how far this gateway has heard."""
        if self.deadline_ns is None or now_ns < self.deadline_ns:
            return []
        if self._keeper.at(now_ns).quality is TimeQuality.UNKNOWN:
            self.deadline_ns = now_ns + self._waited()
            return []
        behind = self.through < self._known
        self.deadline_ns = None
        self._ask_within(self._waited() if behind else self._beat(), now_ns)
        return [SendPresence(PresenceReport(epoch=self._epoch, through=self.through, told_ms=self._told_ms))]

    def _on_message(self, payload: bytes, now_ns: int) -> Effects:
        try:
            news = verify(PresenceNews, payload, keys=self._keys, gateway=self._gateway)
        except WireError as error:
            return self._refuse(refusal_of(error), f"presence: {error}", now_ns)
        effects: Effects = []
        others = news.others > 0
        if others is not self._others:
            self._others = others
            effects.append(KeepOthers(others))
            self._ask_within(0, now_ns)
        self._move(news, now_ns)
        return [*effects, TellDoors(PresenceHeard(news.seen, self._until_ns(), now_ns, news.unseen))]

    def _move(self, news: PresenceNews, now_ns: int) -> None:
        self._before = self.through
        if news.after == 0:
            self.through, self._known = news.through, news.through
        elif news.after <= self.through:
            self.through = max(self.through, news.through)
        self._known = max(self._known, news.through)
        if self.through < self._known:
            self._ask_within(self._waited(), now_ns)
            return
        self._gap_ns = GAP_NS
        if news.more:
            self._ask_within(0, now_ns)
        elif news.heard_ms is not None and news.after <= self._before:
            self._hear(news.heard_ms, now_ns)

    def _hear(self, heard_ms: int, now_ns: int) -> None:
        self._heard_ms = max(heard_ms, self._heard_ms or 0)
        real_ms = self._keeper.real_ms(now_ns)
        if real_ms is None or self._keeper.at(now_ns).quality is not TimeQuality.CERTAIN:
            return
        age_ms = max(0, real_ms - self._heard_ms)
        self._fresh_until_ns = max(self._fresh_until_ns, now_ns + (FRESH_MS - age_ms) * _NS_PER_MS)

    def _until_ns(self) -> int | None:
        return self._fresh_until_ns if self._others else None

    def _all_told(self, now_ns: int) -> None:
        real_ms = self._keeper.real_ms(now_ns)
        if real_ms is not None and self._keeper.at(now_ns).quality is TimeQuality.CERTAIN:
            self._told_ms = max(0, real_ms - IN_FLIGHT_MS)

    def _ask_within(self, wait_ns: int, now_ns: int) -> None:
        if self._connected and (self.deadline_ns is None or now_ns + wait_ns < self.deadline_ns):
            self.deadline_ns = now_ns + wait_ns

    def _waited(self) -> int:
        """How long to wait before asking for what is missing; longer each time."""
        wait_ns = int(self._gap_ns * (1 + self._jitter.random()))
        self._gap_ns = min(BEAT_NS // 2, self._gap_ns * 2)
        return wait_ns

    def _beat(self) -> int:
        return int((BEAT_NS if self._others else ALONE_BEAT_NS) * (0.9 + 0.1 * self._jitter.random()))

    def _refuse(self, reason: Refusal, detail: str, now_ns: int) -> Effects:
        return list(self._meter.record(EventKind.REFUSED_MESSAGE, reason.value, detail, now_ns))
