"""What befalls the cloud in a life of gates."""

import random
from collections import Counter
from collections.abc import Callable

from portillon_rules.visits import Visit
from simulation.cloud_side import CloudSide
from simulation.door_orders import Given
from simulation.schedule import Schedule

MINUTE_MS = 60_000
YEAR_MS = 365 * 24 * 60 * MINUTE_MS


class CloudFaults:
    """Mixed into a life."""

    random: random.Random
    schedule: Schedule
    cloud: CloudSide
    cloud_alive: bool
    blocked_since_ms: dict[int, int]
    orders: dict[str, Given]
    _healed: bool
    _backup_taken: bool
    spent: Counter[Visit]
    spent_again: Counter[Visit]
    cloud_went_back: bool
    _clock_error_ms: int
    _cloud_tick: Callable[[], None]

    def crash_cloud(self) -> None:
        """The cloud's process dies between two messages."""
        if not self.cloud_alive:
            return
        self.cloud_alive = False

        def back() -> None:
            if not self._healed:
                self.cloud.crash()
                self.cloud_alive = True

        self.schedule.after(self.random.uniform(100, 30_000), back)

    def restore_cloud(self) -> None:
        """Take a backup now; some minutes later the database is lost and the backup is all there is."""
        if not self.cloud_alive or self._backup_taken:
            return
        self._backup_taken = True
        copy, blocked, orders = self.cloud.backup(), dict(self.blocked_since_ms), dict(self.orders)
        spent = self.spent.copy()

        def restore() -> None:
            if self._healed or not self.cloud_alive:
                return
            self.cloud.restore(copy)
            self.cloud_went_back = True
            self.spent_again += self.spent - spent  # what gateways tell again, when they are there
            # What billing did since the backup is forgotten: who was blocked then is blocked from now on.
            self.blocked_since_ms = {
                number: self.blocked_since_ms.get(number, self.schedule.now_ms) for number in blocked
            }
            self.orders = orders
            self._cloud_tick()

        self.schedule.after(self.random.uniform(1_000, 5 * MINUTE_MS), restore)

    def jump_clock(self) -> None:
        """The clock of the cloud's machine jumps, and is put right some minutes later."""
        self._clock_error_ms = self.random.choice([-YEAR_MS, -600_000, -90_000, 90_000, 600_000, YEAR_MS])

        def right() -> None:
            self._clock_error_ms = 0
            self._cloud_tick()

        self.schedule.after(self.random.uniform(1_000, 5 * MINUTE_MS), right)
