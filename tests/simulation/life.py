"""One seeded life of a gym: everything goes wrong that the design names, and the invariants of DESIGN §8 are watched.

Watched here: 1 (no grant past its bound), 2 (roots meet after healing), 3 (every committed event in the cloud once), 4
(no output releasing past its bound), 6 (every denial has a reason), 7 (forged and foreign messages do nothing), 8 (no
reboot or replay lengthens access), 12 (live answer = offline answer). Billing's 9 to 11 are in `billing_life`;
what is watched beyond them begins `habits` and `door_orders`.
"""

import random
from collections import Counter
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from unittest.mock import patch

from portillon_cloud.visits import moving
from portillon_wire.messages import EventKind
from portillon_wire.signature import KeyUse, PublicKey, PublicKeys, SigningKey
from portillon_wire.topics import parse
from simulation import oracle
from simulation.attacks import Attacks
from simulation.card_faults import CardFaults
from simulation.cloud_faults import CloudFaults
from simulation.cloud_side import CloudSide
from simulation.disk_faults import DiskFaults
from simulation.door_orders import DoorOrders
from simulation.faults import START_MS
from simulation.finding import Finding
from simulation.gateway_parts import Defences, Outside
from simulation.gateway_side import COMMIT_AFTER_MS, GatewaySide
from simulation.habits import Habits
from simulation.history import History
from simulation.house_lines import HouseLines
from simulation.network import FINE, Network, Weather
from simulation.network_faults import NetworkFaults
from simulation.pace import SHIPPED, Pace, at
from simulation.power_faults import PowerFaults
from simulation.schedule import Schedule
from simulation.visit_moves import VisitMoves

GRANT_SLACK_MS = 60_000
"""A lease may still be given while a change is less than 60 s unacknowledged (DESIGN §4, Lease)."""
PROGRESS = 0
COLD_BOOT_MS = 3_600_000
ONLINE_MS = 1_000
MINUTE_MS = 60_000
OVERDUE_TICK_MS = MINUTE_MS
"""What is due and cannot be done, as for a gateway that is away, is looked at again so much later."""
BLOCKED_MAX = 3
IDLE_TICK_MS = 60 * MINUTE_MS


class Life(
    Habits, VisitMoves, DoorOrders, HouseLines, NetworkFaults, PowerFaults, CloudFaults, CardFaults, DiskFaults, Attacks
):  # fmt: skip
    """A cloud, two gateways, a network, and chance."""

    def __init__(
        self, seed: int, folder: Path, template: Path, *, weather: Weather | None = None,
        defences: Defences | None = None, members: int = 8, pace: Pace = SHIPPED,
        start_ms: int = START_MS,
    ) -> None:  # fmt: skip
        self.pace = pace
        self.finding = Finding(seed)
        self.schedule = Schedule(seed, start_ms=start_ms)
        self.random: random.Random = self.schedule.random
        self.defences = defences or Defences()
        self.weather = weather or Weather()
        self._clock_error_ms = 0
        self.network = Network(self.schedule, self.weather)
        self._mount = ExitStack()
        self._mount.enter_context(at(pace))
        if not self.defences.moves_wait:
            self._mount.enter_context(patch.object(moving, "_has_told_all", return_value=True))
        names = ["gw-a", "gw-b"]
        self.cloud = CloudSide(
            folder, template, now_ms=self._cloud_ms, members=members, gateways=names, lease_s=pace.lease_s
        )
        self.cloud_alive = True
        self._ticks_at_ms: float | None = None
        self._healed = False
        self._made = 0
        self.begin_habits()
        self.begin_moves()
        self.begin_orders()
        self._dark: dict[str, int] = {}
        self._backup_taken = False
        self.hours = 0.0
        self.attacker = SigningKey.from_bytes("attacker", bytes(31) + b"x")
        key = self.cloud.keyring.feed_key
        trusted = {key.kid: PublicKey(key.public, frozenset(KeyUse))}
        if not self.defences.verify:
            trusted["attacker"] = PublicKey(self.attacker.public, frozenset(KeyUse))
        self.said: list[tuple[str, bytes]] = []
        self._outside = Outside(
            self.schedule, self._publish, self.cloud.snapshot_body, PublicKeys(trusted), self.cloud.site_keys(),
            self._mount,
        )  # fmt: skip
        self.folder = folder
        self.clones: list[GatewaySide] = []
        self._on_line: dict[str, GatewaySide] = {}
        for name in names:
            (folder / name).mkdir()
        self.gateways = [self._make_gateway(name, name, folder / name) for name in names]
        self.blocked_since_ms: dict[int, int] = {}
        self.off_ms: dict[str, list[tuple[int, int]]] = {name: [] for name in names}
        self.boots_at_ms: dict[str, list[int]] = {name: [] for name in names}
        self._connect_all()
        self._cloud_tick()

    # Messages

    def _publish(self, topic: str, payload: bytes) -> None:
        self.network.send("cloud", topic, payload)

    def _to_cloud(self, topic: str, payload: bytes) -> None:
        if self.cloud_alive:
            self._say(self.cloud.handle(topic, payload))
            self._plan_tick(0)

    def _plan_tick(self, soonest_ms: float) -> None:
        """The cloud's worker looks again when the next thing is due, and not before."""
        due_ms = self.cloud.due_ms()
        if due_ms is None:
            return
        now_ms = self.schedule.now_ms
        at_ms = max(now_ms + soonest_ms, min(due_ms - self._clock_error_ms, now_ms + IDLE_TICK_MS))
        if self._ticks_at_ms is None or at_ms < self._ticks_at_ms:
            self._ticks_at_ms = at_ms
            self.schedule.after(at_ms - now_ms, partial(self._tick_at, at_ms))

    def _tick_at(self, at_ms: float) -> None:
        if at_ms == self._ticks_at_ms:
            self._cloud_tick()

    def _cloud_tick(self) -> None:
        self._ticks_at_ms = None
        if self.cloud_alive and self.network.up:
            self._say(self.cloud.tick())
        self._plan_tick(OVERDUE_TICK_MS)

    def _say(self, messages: list) -> None:  # type: ignore[type-arg]
        for message in messages:
            if len(self.said) < 5_000:
                self.said.append((message.topic, message.payload))
            self.network.send(parse(message.topic).gateway, message.topic, message.payload)

    def _make_gateway(self, name: str, card: str, folder: Path) -> GatewaySide:
        self._made += 1
        seed = self.finding.seed * 7 + self._made
        gateway = GatewaySide(name, folder, self._outside, self.defences, seed, card=card)
        gateway.ends = partial(self._restart_soon, gateway)
        return gateway

    def everyone(self) -> list[GatewaySide]:
        """Every machine that runs: the gateways, and copies of them."""
        return [*self.gateways, *self.clones]

    def _connect_all(self) -> None:
        self.network.connect("cloud", self._to_cloud)
        for gateway in self.everyone():
            self._connect(gateway)

    def _connect(self, gateway: GatewaySide) -> None:
        if not self.network.up or not gateway.alive:
            return
        other = self._on_line.get(gateway.name, gateway)
        self._on_line[gateway.name] = gateway
        self.network.connect(gateway.name, gateway.receive)
        if other is not gateway and other.alive:  # the broker keeps one of a name, and the other one tries again
            other.disconnect()
            self.schedule.after(self.random.uniform(5_000, 10 * MINUTE_MS), lambda: self._connect(other))
        gateway.connect()

    def _disconnect(self, gateway: GatewaySide) -> None:
        if self._on_line.get(gateway.name) is gateway:
            del self._on_line[gateway.name]
            self.network.disconnect(gateway.name)

    # What goes wrong

    def play(self, history: History) -> None:
        """Live it, up to the first thing that is not so."""
        began_ms = self.schedule.now_ms
        for act in history.acts:
            self.random = random.Random(act.chance)
            self.finding.counts[act.do] += 1
            getattr(self, act.do)()
            self.schedule.run_for(act.wait_ms)
            self.judge_doors()
            self.judge_moves()
            if self.finding.broken:
                break
        self.hours = len(self.gateways) * (self.schedule.now_ms - began_ms) / 3_600_000

    def change_somebody(self) -> None:
        """Billing shuts somebody out, or lets them in again."""
        if not self.cloud_alive:
            return
        number = self.random.randrange(len(self.cloud.members))
        if len(self.blocked_since_ms) >= BLOCKED_MAX:
            number = self.random.choice(sorted(self.blocked_since_ms))
        if number in self.blocked_since_ms and self._clock_error_ms:
            return  # what a wrong clock writes down as the end of a block is the truth once the clock is right again
        if number in self.blocked_since_ms:
            self.cloud.unblock(number)
            del self.blocked_since_ms[number]
            self._cloud_tick()
        else:
            self.block(number)

    def block(self, number: int) -> None:
        """Billing shuts member `number` out."""
        self.cloud.block(number)
        self.blocked_since_ms[number] = self.schedule.now_ms
        self._cloud_tick()

    def quiet_hours(self) -> None:
        """Nothing happens for a while, except what is under way: leases run out."""
        self.schedule.run_for(self.random.uniform(10, 120) * MINUTE_MS)

    def _cloud_ms(self) -> int:
        return self.schedule.now_ms + self._clock_error_ms

    # What must hold

    def _judge_grant(self, gateway: GatewaySide, number: int) -> None:
        self.finding.counts["grants"] += 1
        since_ms = self.blocked_since_ms.get(number)
        if since_ms is None:
            return
        now_ms = self.schedule.now_ms
        self.finding.counts["grants to the blocked, within the bound"] += 1
        unpowered_ms = covered_ms(self.off_ms[gateway.card], since_ms)
        boots = sum(at_ms > since_ms for at_ms in self.boots_at_ms[gateway.card])
        spent_ms = now_ms - since_ms - unpowered_ms + boots * COLD_BOOT_MS
        if spent_ms > self.pace.lease_s * 1000 + GRANT_SLACK_MS:
            self.finding.breaks(
                1, f"{gateway.name} let in a member blocked {spent_ms / MINUTE_MS:.0f} powered minutes ago"
            )

    def heal(self) -> None:
        """Everything is mended and the weather is fine; then both sides must agree about everything."""
        self._healed = True
        self._clock_error_ms = 0
        self.network.mend_broker()
        self.network.weather = FINE
        self.cloud.crash()
        self.cloud_alive = True
        for clone in list(self.clones):
            self.throw_away(clone)
        for gateway in self.gateways:
            gateway.clock_error_ms = 0
            gateway.disk.mend()
            gateway.commit_after_ms = COMMIT_AFTER_MS
            self.mend_power(gateway)
            self._restart(gateway)
            self.quiet_lines(gateway)
            if not gateway.alive:
                self.finding.breaks(PROGRESS, f"{gateway.name}'s disk is well and it does not start: {gateway.why_not}")
                return
        self._connect_all()
        self.schedule.run_for(self.pace.settling_ms)
        if self.pace.time_heals:
            self._time_heals()
        for gateway in self.gateways:
            oracle.roots_meet(self.finding, self.cloud, gateway)
            oracle.live_answer_is_offline_answer(self.finding, self.cloud, gateway)
        self.judge_doors()
        self.doors_stand_as_said()
        self._check_online_bound()
        self.schedule.run_for(3 * MINUTE_MS)
        for gateway in self.gateways:
            oracle.journals_arrived(self.finding, self.cloud, gateway)
            oracle.lanes_were_bounded(self.finding, gateway, self.schedule.now_ns)
        self.moves_end()
        if self.pace.time_heals:
            self.presence_heals()

    def _time_heals(self) -> None:
        if all(oracle.knows_the_time(gateway, self.schedule.now_ms) for gateway in self.gateways):
            return
        self.schedule.run_for(oracle.time_heals_within_ms(self.gateways) + self.pace.settling_ms)
        for gateway in self.gateways:
            if not oracle.knows_the_time(gateway, self.schedule.now_ms):
                self.finding.breaks(8, f"{gateway.name}'s time stays {gateway.keeper.stamp(gateway.boot_ns)}")

    def _check_online_bound(self) -> None:
        number = next((n for n in range(len(self.cloud.members)) if n not in self.blocked_since_ms), None)
        if number is None:
            return
        self.cloud.block(number)
        self._cloud_tick()
        self.schedule.run_for(ONLINE_MS)
        for gateway in self.gateways:
            answer = gateway.badge(self.cloud.cards[number])
            if answer is not None and answer.kind is EventKind.GRANTED:
                self.finding.breaks(1, f"{gateway.name} is online and let in a member blocked {ONLINE_MS} ms ago")

    def close(self) -> None:
        """End it."""
        for gateway in self.everyone():
            gateway.crash()
            self.finding.counts += gateway.counts + gateway.disk.counts
        self._mount.close()
        self.cloud.close()
        network = self.network
        self.finding.counts += Counter(
            {"messages lost": network.lost, "messages repeated": network.repeated, "messages late": network.late}
        )
        self.finding.hours = self.hours
        self.finding.trace = network.trace.hexdigest()


def covered_ms(spans: list[tuple[int, int]], since_ms: int) -> int:
    """How long some span lasted after `since_ms`, counting no instant twice."""
    covered, until_ms = 0, since_ms
    for begin_ms, end_ms in sorted(spans):
        covered += max(0, end_ms - max(begin_ms, until_ms))
        until_ms = max(until_ms, end_ms)
    return covered
