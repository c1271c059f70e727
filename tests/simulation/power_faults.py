"""What befalls the gateways' processes, guards, power and clocks in a life of gates."""

import random
from collections.abc import Callable

from simulation.finding import Finding
from simulation.gateway_side import RESTART_MS, GatewaySide
from simulation.schedule import Schedule

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS


class PowerFaults:
    """Mixed into a life."""

    random: random.Random
    schedule: Schedule
    finding: Finding
    gateways: list[GatewaySide]
    off_ms: dict[str, list[tuple[int, int]]]
    boots_at_ms: dict[str, list[int]]
    _dark: dict[str, int]
    _connect: Callable[[GatewaySide], None]
    _disconnect: Callable[[GatewaySide], None]

    def crash_gateway(self) -> None:
        """SIGKILL; systemd starts it again within seconds."""
        gateway = self.random.choice(self.gateways)
        if gateway.alive:
            self.kill(gateway)

    def kill(self, gateway: GatewaySide) -> None:
        """The same to a chosen one."""
        if gateway.alive:
            self._disconnect(gateway)
            gateway.crash()
            if any(relay.releasing and not relay.orphaned for relay in gateway.relays.values()):
                self.finding.breaks(4, f"{gateway.name} died and its guard left the lane released")
            self.schedule.after(self.random.uniform(200, 3_000), lambda: self._restart(gateway))

    def _restart_soon(self, gateway: GatewaySide) -> None:
        self._disconnect(gateway)
        self.schedule.after(RESTART_MS, lambda: self._restart(gateway))

    def _restart(self, gateway: GatewaySide) -> None:
        if gateway.alive or gateway.gone or gateway.card in self._dark:
            return
        if gateway.start():
            self._connect(gateway)
        else:
            self.schedule.after(RESTART_MS, lambda: self._restart(gateway))

    def cut_power(self) -> None:
        """No power for a while."""
        gateway = self.random.choice(self.gateways)
        if gateway.alive:
            self.darken(gateway)

    def darken(
        self, gateway: GatewaySide, meanwhile: Callable[[], None] = lambda: None, *, for_ms: int | None = None
    ) -> None:
        """No power for that gateway for so long, or for a while; `meanwhile` is done to it."""
        self._disconnect(gateway)
        gateway.power_off()
        self._dark[gateway.card] = self.schedule.now_ms
        meanwhile()
        off_ms = for_ms or self.random.choice([10_000, 10 * MINUTE_MS, 2 * 60 * MINUTE_MS])
        self.schedule.after(off_ms, lambda: self.mend_power(gateway))

    def mend_power(self, gateway: GatewaySide) -> None:
        """The power is back, if it was gone."""
        if gateway.card not in self._dark:
            return
        self.off_ms[gateway.card].append((self._dark.pop(gateway.card), self.schedule.now_ms))
        self.boots_at_ms[gateway.card].append(self.schedule.now_ms)
        gateway.cold_boot()
        self._restart(gateway)

    def jump_gateway_clock(self) -> None:
        """Its real-time clock is set wrong while the power is off, and right again the next time."""
        gateway = self.random.choice(self.gateways)
        if gateway.alive:
            now_ms = self.schedule.now_ms
            gateway.clock_error_ms = self.random.choice(
                [-now_ms, -30 * DAY_MS, 3_650 * DAY_MS, HOUR_MS, -HOUR_MS]  # 1970, a flat battery, summer time
            )
            self.darken(gateway)

    def kill_guard(self) -> None:
        """SIGKILL to a guard."""
        self.random.choice(self.gateways).kill_guard()
