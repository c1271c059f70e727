"""What members do in a life of gates: they come in, go out, lend their cards; and what they must not get away with.

Beyond DESIGN §8 three more things must hold here, numbered on from its invariants:
13. No visit of a pack or quota is spent twice, at two lanes or over any end of a process or of the power.
14. Nobody who came in here and did not leave comes in here again, unless the grant says that presence was in doubt, or
    a lane stood free by which they may have left, as far as this gateway has heard of the others.
15. Presence heals: after the site's reset hour everybody counts as gone, and nobody is kept out for what was.
"""

import datetime
import random
from collections import Counter
from collections.abc import Callable

from portillon_edge.domain.events import NewEvent
from portillon_edge.domain.timekeeping import STEP_MS_MAX
from portillon_rules.reason import DenyReason, GrantFlag
from portillon_rules.visits import UNCHECKED, Visit
from portillon_wire.messages import EventKind, JournalEvent
from simulation.cloud_side import RESET_HOUR, CloudSide
from simulation.finding import Finding
from simulation.gateway_side import GatewaySide
from simulation.hours import TIME_ZONE
from simulation.lanes import ENTRIES, EXIT, ZONE
from simulation.network import Network
from simulation.schedule import Schedule
from simulation.visit_moves import VISITS

PASSBACK, HEALS = 14, 15
IN_DOUBT = (GrantFlag.PASSBACK, GrantFlag.PRESENCE_STALE, GrantFlag.TIME_UNCERTAIN)


class Habits:
    """Mixed into a life."""

    random: random.Random
    schedule: Schedule
    network: Network
    finding: Finding
    cloud: CloudSide
    gateways: list[GatewaySide]
    clones: list[GatewaySide]
    everyone: Callable[[], list[GatewaySide]]
    _judge_grant: Callable[[GatewaySide, int], None]
    judge_hours: Callable[[GatewaySide, int, str], None]
    note_outdated: Callable[[GatewaySide, Visit], None]
    came_in: dict[int, tuple[GatewaySide, int, int]]
    """Who is inside: through which gateway's lane, in which life of its process, and when."""
    spent: Counter[Visit]
    spent_again: Counter[Visit]
    """What the home cannot know any more, since its card was replaced by an older copy."""
    visits_lost: bool

    def begin_habits(self) -> None:
        """Nobody is inside, nothing is spent."""
        self.came_in, self.spent, self.spent_again, self.visits_lost = {}, Counter(), Counter(), False

    def somebody_badges(self) -> None:
        """A card at a lane, mostly the right way; sometimes at two lanes at once."""
        gateway = self.random.choice(self.everyone())
        number = self.random.randrange(len(self.cloud.cards))
        if not gateway.alive:
            return
        if number in self.came_in and self.random.random() < 0.75:
            self.badge(gateway, number, EXIT)
            return
        first = self.random.choice(ENTRIES)
        self.badge(gateway, number, first)
        if self.random.random() < 0.15:
            self.badge(gateway, number, next(lane for lane in ENTRIES if lane != first))

    def badge(self, gateway: GatewaySide, number: int, lane: str = ENTRIES[0]) -> None:
        """Member `number` holds the card there, and mostly goes through."""
        if self._answer(gateway, number, lane) and self.random.random() < 0.8:
            self.schedule.after(self.random.uniform(50, 2_500), lambda: self._passes(gateway, lane))

    def come_in(self, gateway: GatewaySide, number: int) -> None:
        """Member `number` badges, and goes in if that opened the lane."""
        if self._answer(gateway, number, ENTRIES[0]):
            self._passes(gateway, ENTRIES[0])
        self.schedule.run_for(10_000)

    def go_out(self, gateway: GatewaySide, number: int) -> None:
        """Member `number` badges at the way out, and goes."""
        if self._answer(gateway, number, EXIT):
            self._passes(gateway, EXIT)
        self.schedule.run_for(10_000)

    def _answer(self, gateway: GatewaySide, number: int, lane: str) -> bool:
        answer = gateway.badge(self.cloud.cards[number], lane) if gateway.alive else None
        if answer is None:
            return False
        self.network.trace.update(f"{answer.kind} {answer.reason}\n".encode())
        if answer.kind is EventKind.DENIED:
            if not answer.reason:
                self.finding.breaks(6, f"a denial without a reason at {gateway.name}")
            self.finding.counts[f"denied: {answer.reason}"] += 1
            return False
        if answer.kind is EventKind.GRANTED:
            self._judge_grant(gateway, number)
            self.judge_hours(gateway, number, lane)
            if lane != EXIT:
                self._judge_entry(gateway, number, answer)
        return True

    def _judge_entry(self, gateway: GatewaySide, number: int, answer: NewEvent | JournalEvent) -> None:
        where, life, at_ms = self.came_in.get(number, (None, 0, 0))
        if where is not gateway or life != gateway.life or ZONE not in gateway.store.site_rules().zones:
            return
        if any(one.free_until_ms >= self._unseen_after_ms(gateway, one, at_ms) for one in self.everyone()):
            return
        if _reset_since(at_ms, self.schedule.now_ms) or not gateway.knows(self.schedule.now_ms):
            return
        if not any(flag in answer.flags for flag in IN_DOUBT):
            self.finding.breaks(PASSBACK, f"{gateway.name} let in {answer.member}, who came in there and did not leave")

    def _unseen_after_ms(self, gateway: GatewaySide, where: GatewaySide, at_ms: int) -> int:
        """From when on they may have left by a lane that stood free there: until it has heard of the others, for what
        it knows, whatever stood free at them does so still."""
        if where is gateway:
            return at_ms
        return min(at_ms, gateway.heard_until_ms(self.schedule.now_ms)) - STEP_MS_MAX

    def _passes(self, gateway: GatewaySide, lane: str) -> None:
        event = gateway.push_through(lane)
        if event is None:
            return
        number = self.cloud.number_of(event.member)
        if lane == EXIT:
            self.came_in.pop(number, None)
            return
        if not gateway.knows(self.schedule.now_ms):  # once it does, that may have been before the reset hour
            self.came_in.pop(number, None)
        else:
            self.came_in[number] = (gateway, gateway.life, self.schedule.now_ms)
        if gateway in self.clones or GrantFlag.NOT_JOURNALED in event.flags:
            return
        if not gateway.alive:  # it died over writing this passage down: that moment is the stated window
            return
        for visit in (Visit.from_mark(flag) for flag in event.flags):
            if visit is not None and visit.turn != UNCHECKED:
                self._spends(gateway, visit)

    def _spends(self, gateway: GatewaySide, visit: Visit) -> None:
        self.finding.counts["visits spent"] += 1
        self.spent[visit] += 1
        self.note_outdated(gateway, visit)
        most = self.cloud.most[visit.name] + self.spent_again[visit]
        if self.spent[visit] > most and not self.visits_lost:
            self.finding.breaks(
                VISITS, f"{gateway.name} let somebody in on visit {self.spent[visit]} of {most}: {visit}"
            )

    def presence_heals(self) -> None:
        """15: a day later everybody counts as gone."""
        self.schedule.run_for(25 * 3_600_000)
        for gateway in self.gateways:
            if any(gateway.attendant.occupancy.values()):
                self.finding.breaks(HEALS, f"{gateway.name} still counts {dict(gateway.attendant.occupancy)}")
            for number, card in enumerate(self.cloud.cards):
                answer = gateway.badge(card)
                self.schedule.run_for(10_000)
                if answer is not None and answer.reason == DenyReason.PASSBACK:
                    self.finding.breaks(HEALS, f"{gateway.name} keeps member {number} out: {answer.detail}")


def _reset_since(at_ms: int, now_ms: int) -> bool:
    """Whether the site's reset hour came in between."""
    now = datetime.datetime.fromtimestamp(now_ms / 1000, TIME_ZONE)
    last = now.replace(hour=RESET_HOUR, minute=0, second=0, microsecond=0)
    if last > now:
        last -= datetime.timedelta(days=1)
    return at_ms < last.timestamp() * 1000
