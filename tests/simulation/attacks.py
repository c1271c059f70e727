"""What somebody sends who may not: old messages again, a neighbour's, bent ones, and forged ones."""

import random

from portillon_rules.entitlement import Entitlement
from portillon_wire.messages import FeedEntry, Lease
from portillon_wire.rows import RowChange, RowKind
from portillon_wire.signature import SigningKey, sign
from portillon_wire.topics import Down, down, parse
from simulation.finding import Finding
from simulation.gateway_side import GatewaySide
from simulation.schedule import Schedule


class Attacks:
    """Mixed into a life."""

    random: random.Random
    schedule: Schedule
    finding: Finding
    gateways: list[GatewaySide]
    attacker: SigningKey
    said: list[tuple[str, bytes]]

    def attack(self) -> None:
        """Old messages again, a neighbour's, bent ones, and forged ones that let the blocked in for ever."""
        gateway = self.random.choice(self.gateways)
        if not gateway.alive:
            return
        kind = self.random.randrange(4)
        if kind < 3 and self.said:
            topic, payload = self.random.choice(self.said)
            name = parse(topic).name
            if name is Down.ACK and (kind or parse(topic).gateway != gateway.name):
                return  # acknowledgements are not signed: the broker's ACL keeps strangers from writing them
            bent = bytearray(payload)
            if kind == 2:
                bent[self.random.randrange(len(bent))] ^= 1 << self.random.randrange(8)
            gateway.receive(down(gateway.name, name), bytes(bent))
            return
        self.forge(gateway)

    def forge(self, gateway: GatewaySide) -> None:
        """Messages that somebody else signed, which would let the blocked in for ever."""
        position = gateway.store.position()
        self.finding.counts["forgeries"] += 1
        before = (position, gateway.keeper.lease_counter)
        entry = FeedEntry(
            gateway=gateway.name, epoch=position.epoch, revision=position.revision + 1, changes=(self._free_pass(),),
            root="00" * 16, issued_ms=self.schedule.now_ms,
        )  # fmt: skip
        lease = Lease(
            gateway=gateway.name, epoch=position.epoch, revision=position.revision, root=position.root or "00" * 16,
            issued_ms=self.schedule.now_ms, duration_s=86_400, counter=2**40, business_ms=self.schedule.now_ms,
            clock_rev=gateway.keeper.clock_rev, rate=1, mode="test",
        )  # fmt: skip
        gateway.receive(down(gateway.name, Down.FEED), sign(entry, self.attacker))
        gateway.receive(down(gateway.name, Down.LEASE), sign(lease, self.attacker))
        if (gateway.store.position(), gateway.keeper.lease_counter) != before:
            self.finding.breaks(7, f"a forged message changed {gateway.name}")

    def _free_pass(self) -> RowChange:
        row = Entitlement(
            credential="k1." + "0" * 64, member="attacker", zones=("gym",), schedule="always", valid_from_ms=0,
            valid_until_ms=2**50,
        )  # fmt: skip
        return RowChange(kind=RowKind.ENTITLEMENT, key=row.credential, body=row.to_body())
