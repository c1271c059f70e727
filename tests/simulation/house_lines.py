"""Fire loops and lockdown switches in a life of gates; and what must hold of them beyond DESIGN §8:

18. Fire frees and the switch locks: while a fire loop alarms, and until somebody resets it, each lane of a running
    gateway stands free, whatever was ordered and through any restart; while a lockdown switch is on, each is locked
    down but for fire. Once both are quiet they have no say.
"""

import random

from portillon_edge.doors.machine import Bearing
from simulation.finding import Finding
from simulation.gateway_side import GatewaySide
from simulation.house_part import FIRE, SWITCH
from simulation.pace import Pace
from simulation.schedule import Schedule

HOUSE = 18
MINUTE_MS = 60_000


class HouseLines:
    """Mixed into a life."""

    random: random.Random
    schedule: Schedule
    finding: Finding
    gateways: list[GatewaySide]
    pace: Pace
    _healed: bool

    def alarm_fire(self) -> None:
        """A fire loop alarms, is quiet some time later, and later still somebody resets it."""
        gateway = self.random.choice(self.gateways)
        gateway.set_line(FIRE, True)
        quiet_ms = self._some_acts_ms(20)
        self.schedule.after(quiet_ms, lambda: gateway.set_line(FIRE, False))
        self.schedule.after(quiet_ms + self._some_acts_ms(30), lambda: self._reset(gateway))

    def _reset(self, gateway: GatewaySide) -> None:
        gateway.reset_fire()
        if not self._healed and (gateway.lines.burning or not gateway.alive):
            self.schedule.after(MINUTE_MS, lambda: self._reset(gateway))

    def switch_lockdown(self) -> None:
        """Somebody turns a lockdown switch, and later back."""
        gateway = self.random.choice(self.gateways)
        gateway.set_line(SWITCH, True)
        self.schedule.after(self._some_acts_ms(40), lambda: gateway.set_line(SWITCH, False))

    def _some_acts_ms(self, most: int) -> float:
        return self.pace.wait_ms * self.random.uniform(0.2, most)

    def quiet_lines(self, gateway: GatewaySide) -> None:
        """Everything is mended: no line has anything to say."""
        gateway.set_line(FIRE, False)
        gateway.set_line(SWITCH, False)
        gateway.reset_fire()

    def judge_lines(self, gateway: GatewaySide) -> None:
        """How its lanes stand now."""
        bearings, lines = set(gateway.bearings().values()), gateway.lines
        if lines.burning:
            self.finding.counts["gateways seen on fire"] += 1
            if bearings != {Bearing.FIRE}:
                self.finding.breaks(HOUSE, f"it burns at {gateway.name}, and lanes stand {sorted(bearings)}")
        elif lines.active[SWITCH]:
            self.finding.counts["gateways seen locked by switch"] += 1
            if bearings - {Bearing.LOCKDOWN, Bearing.FIRE}:
                self.finding.breaks(HOUSE, f"{gateway.name}'s switch locks down, and lanes stand {sorted(bearings)}")
