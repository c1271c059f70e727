"""Staff has a member's visits counted at the other gateway, and sells more of them, in a life of gates.

13 must hold over moves too: however often and under whatever faults visits change their home, all turns together spend
no more of them than there are. A turn is held to what was written down: a passage that a gateway told nobody, since it
died over it within the stated window or its card was harmed or copied, is known to no later home.
"""

import random
from collections import Counter
from collections.abc import Callable

from portillon_cloud.visits.moving import WINDOW_MS
from portillon_rules.visits import Visit
from simulation.cloud_side import LIMITED, CloudSide
from simulation.finding import Finding
from simulation.gateway_side import GatewaySide
from simulation.pace import Pace
from simulation.schedule import Schedule

VISITS = 13
PACK = 0
"""The member whose pack is topped up, so that there is always a last visit."""
SOLD_AHEAD = 2
MINUTE_MS = 60_000

Allowed = tuple[str, str]
"""An allowance and the period in which it counts."""


class VisitMoves:
    """Mixed into a life."""

    random: random.Random
    schedule: Schedule
    finding: Finding
    pace: Pace
    cloud: CloudSide
    cloud_alive: bool
    gateways: list[GatewaySide]
    spent: Counter[Visit]
    spent_again: Counter[Visit]
    visits_lost: bool
    outdated: Counter[Allowed]
    """Spent in turns that were over, by gateways whose card, or whose cloud, went back to before they ended."""
    cloud_went_back: bool
    _cloud_tick: Callable[[], None]

    def begin_moves(self) -> None:
        """Nothing went back."""
        self.outdated, self.cloud_went_back = Counter(), False

    def move_visits(self) -> None:
        """Some member's visits are to be counted at a gateway of chance."""
        number, to = self.random.choice(sorted(LIMITED)), self.random.choice(self.gateways)
        if self.cloud_alive:
            self.move(number, to)

    def move(self, number: int, to: GatewaySide) -> None:
        """Have the visits of member `number` counted there."""
        self.finding.counts["moves of visits asked for"] += 1
        self.cloud.move(number, to.name)
        self._cloud_tick()

    def sell_visits(self) -> None:
        """The pack gets as many visits as make two left."""
        spent = sum(count for visit, count in self.spent.items() if visit.name == self.cloud.allowances[PACK])
        if self.cloud_alive:
            self.cloud.sell(PACK, spent + SOLD_AHEAD)
            self._cloud_tick()

    def note_outdated(self, gateway: GatewaySide, visit: Visit) -> None:
        """That visit was spent there: by a copy that goes on in a turn which was over?"""
        if (self.cloud_went_back or gateway.excused) and self.cloud.home(visit.name) != (gateway.name, visit.turn):
            self.outdated[visit.name, visit.period] += 1

    def judge_moves(self) -> None:
        """13, over all turns."""
        if self.visits_lost:
            return
        total: Counter[Allowed] = Counter()
        for gateway in self.gateways:
            for (journal, visit), count in gateway.told_visits.items():
                if journal not in gateway.excused | gateway.cloned | gateway.in_memory and not gateway.was_copied:
                    total[visit.name, visit.period] += count
        for (name, period), count in total.items():
            again = sum(n for visit, n in self.spent_again.items() if (visit.name, visit.period) == (name, period))
            most = self.cloud.most[name] + again + self.outdated[name, period]
            if count > most:
                homes = sorted({visit.turn for visit in self.spent if (visit.name, visit.period) == (name, period)})
                self.finding.breaks(
                    VISITS, f"{count} visits of {most} were spent: {name} {period}, over its turns {homes}"
                )

    def moves_end(self) -> None:
        """Once all is mended, each move ends: the home's reports need to be heard, and a passage window to be over."""
        report_ms = max(self.pace.report_every_ms, MINUTE_MS)
        until_ms = self.schedule.now_ms + WINDOW_MS + 3 * report_ms
        while self.cloud.moving() and self.schedule.now_ms < until_ms:
            self.schedule.run_for(report_ms)
        self.finding.counts["turns of visits"] += self.cloud.turns()
        for member in self.cloud.moving():
            self.finding.breaks(VISITS, f"the visits of {member} go on moving though all is mended")
        self.judge_moves()
