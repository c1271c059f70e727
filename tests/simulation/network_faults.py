"""What befalls the broker and the lines to it in a life of gates."""

import random
from collections.abc import Callable

from simulation.gateway_side import GatewaySide
from simulation.network import Network
from simulation.schedule import Schedule

MINUTE_MS = 60_000


class NetworkFaults:
    """Mixed into a life."""

    random: random.Random
    schedule: Schedule
    network: Network
    gateways: list[GatewaySide]
    _healed: bool
    _connect_all: Callable[[], None]
    _connect: Callable[[GatewaySide], None]
    _disconnect: Callable[[GatewaySide], None]
    everyone: Callable[[], list[GatewaySide]]

    def break_broker(self) -> None:
        """The broker dies with an empty disk, and comes back some minutes later."""
        if not self.network.up:
            return
        self.lose_broker()

        def back() -> None:
            if not self._healed:
                self.network.mend_broker()
                self._connect_all()

        self.schedule.after(self.random.choice([5_000, 60_000, 20 * MINUTE_MS, 3 * 60 * MINUTE_MS]), back)

    def lose_broker(self) -> None:
        """The broker dies with an empty disk."""
        self.network.break_broker()
        for gateway in self.everyone():
            gateway.disconnect()

    def isolate(self) -> None:
        """One gateway loses its line."""
        gateway = self.random.choice(self.gateways)
        self._disconnect(gateway)
        gateway.disconnect()
        self.schedule.after(self.random.choice([3_000, 10 * MINUTE_MS]), lambda: self._connect(gateway))
