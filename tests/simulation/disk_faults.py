"""What befalls the gateways' disks in a life of gates."""

import random
from collections.abc import Callable

from simulation.disk import Trouble
from simulation.finding import Finding
from simulation.gateway_side import COMMIT_AFTER_MS, GatewaySide
from simulation.schedule import Schedule

MINUTE_MS = 60_000


class DiskFaults:
    """Mixed into a life: each act chooses a gateway and harms its disk."""

    random: random.Random
    schedule: Schedule
    finding: Finding
    gateways: list[GatewaySide]
    _healed: bool
    visits_lost: bool
    darken: Callable[..., None]
    kill: Callable[[GatewaySide], None]
    _restart_soon: Callable[[GatewaySide], None]

    def _chosen(self) -> GatewaySide | None:
        gateway = self.random.choice(self.gateways)
        return gateway if gateway.alive else None

    def die_in_a_write(self) -> None:
        """SIGKILL just before one of the next steps of its disk."""
        if gateway := self._chosen():
            gateway.die_at(self.random.randint(1, 60), lambda: self._after_death(gateway))

    def _after_death(self, gateway: GatewaySide) -> None:
        gateway.client_gone()
        self._restart_soon(gateway)

    def cut_power_in_a_write(self) -> None:
        """The power goes just before one of the next steps of its disk."""
        if gateway := self._chosen():
            gateway.die_at(self.random.randint(1, 60), lambda: self.darken(gateway))

    def fill_disk(self) -> None:
        """No room for some minutes, or for a single write."""
        if gateway := self._chosen():
            count = self.random.choice([1, 10, 1_000])
            gateway.disk.fail_at(self.random.randint(1, 20), count=count, trouble=Trouble.FULL)
            self.schedule.after(self.random.uniform(1_000, 10 * MINUTE_MS), gateway.disk.mend)

    def break_disk(self) -> None:
        """One operation fails, or some in a row."""
        if gateway := self._chosen():
            gateway.disk.fail_at(self.random.randint(1, 20), count=self.random.choice([1, 2, 10]))
            self.schedule.after(self.random.uniform(1_000, MINUTE_MS), gateway.disk.mend)

    def slow_disk(self) -> None:
        """Each commit takes seconds, for some minutes."""
        if gateway := self._chosen():
            gateway.commit_after_ms = self.random.uniform(500, 8_000)

            def quick() -> None:
                gateway.commit_after_ms = COMMIT_AFTER_MS

            self.schedule.after(self.random.uniform(1_000, 5 * MINUTE_MS), quick)

    def flip_bit(self) -> None:
        """While the power is off one bit of one file changes."""
        gateway = self._chosen()
        if gateway is None:
            return

        def flip() -> None:
            files = [path for path in sorted(gateway.folder.iterdir()) if path.stat().st_size]
            path = self.random.choice(files)
            content = bytearray(path.read_bytes())
            content[self.random.randrange(len(content))] ^= 1 << self.random.randrange(8)
            gateway.disk.replace_all({one.name: one.read_bytes() for one in files} | {path.name: bytes(content)})
            if path.name.startswith("credential"):
                self.visits_lost = True
            if path.name.startswith("journal"):
                gateway.excuse()
            if path.name.startswith("standing"):
                gateway.promised.clear()
            if path.name.startswith("fire"):
                gateway.lines.latched = False
            self.finding.counts[f"bits flipped in {path.name.split('-')[0].split('.')[0]}"] += 1

        self.darken(gateway, flip)
