"""A gateway of a simulation: the real cores and stores, with a life that ends in crashes and power cuts."""

import random
import sqlite3
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from portillon_edge.domain.timekeeping import STEP_MS_MAX, TimeKeeper
from portillon_edge.doors.attendant import Attendant
from portillon_edge.doors.guarded_outputs import GuardedOutputs
from portillon_edge.doors.local_side import LocalSide
from portillon_edge.errors import EdgeError
from portillon_edge.guard import core
from portillon_edge.presence.news import PresenceHeard
from portillon_edge.presence.others_file import OthersFile
from portillon_edge.presence.presence_file import PresenceFile
from portillon_edge.store.credential_memory import DurableCredentialMemory
from portillon_edge.store.entitlements import EntitlementStore
from portillon_edge.store.fire_latch import FireLatchFile
from portillon_edge.store.journal_shelf import JournalShelf
from portillon_edge.store.standing_file import StandingFile
from portillon_edge.sync.inputs import Connected, Disconnected, Received
from portillon_edge.sync.presence_flow import PresenceFlow, Started
from portillon_edge.sync.presence_runner import PresenceRunner
from portillon_edge.sync.session import SyncSession
from portillon_edge.sync.uplink import Uplink
from portillon_edge.visits.book import VisitBook
from portillon_rules.row_mac import row_mac_key
from portillon_rules.visits import Visit
from portillon_wire.messages import (
    JournalAck,
    JournalEvent,
    Status,
    decode,
    encode,
)
from portillon_wire.topics import Down, Up, parse, up
from simulation.disk import Disk
from simulation.gateway_parts import (
    Amnesia,
    Clock,
    Defences,
    Hospitable,
    Incurious,
    Log,
    Outside,
    Presumptuous,
    Promised,
    SummerForEver,
)
from simulation.gateway_rounds import BOOT_NS, GatewayRounds
from simulation.guard_side import GuardSide, Relay
from simulation.health_part import HealthPart
from simulation.house_part import HousePart, LatchSeen, Lines, build_watches
from simulation.lane_part import LanePart
from simulation.lanes import LANES, build_lanes
from simulation.mounted_disk import Careless, mounted
from simulation.schedule import NS_PER_MS

COMMIT_AFTER_MS = 20
"""The stated window: an event not yet this old may be lost to a power cut, and nothing older."""
RESTART_MS = 5_000
"""After an end that nobody asked for, and between two starts that fail."""


class GatewaySide(HealthPart, GatewayRounds, LanePart, HousePart):
    """One gateway with three lanes; `start` and `crash` as often as wanted."""

    def __init__(
        self, name: str, folder: Path, outside: Outside, defences: Defences, seed: int, *, card: str = ""
    ) -> None:
        self.name, self.folder, self._outside, self._defences = name, folder, outside, defences
        self.card = card or name
        self.gone = False
        self.has_clock = seed % 2 == 1
        """Whether it declares a real-time clock."""
        self.clock_error_ms = 0
        self.contested: set[str] = set()
        self.in_memory: set[str] = set()
        self.cloned: set[str] = set()
        """Journals that another machine went on writing."""
        self._clones: list[GatewaySide] = []
        self._random = random.Random(seed)
        self._schedule = outside.schedule
        self.relays = {lane: Relay() for lane in LANES}
        self.committed: dict[tuple[str, int], JournalEvent] = {}
        self.told_visits: Counter[tuple[str, Visit]] = Counter()
        """What passages that its journals keep have spent, by journal."""
        self.rewritten: list[tuple[str, int]] = []
        """Committed rows whose number was given away again: they were lost."""
        self.alive = False
        self.boots = 0
        self._life = 0
        self._booted_ns = 0
        self._wakes_at_ns: int | None = None
        self._tidied_ns = self._looked_ns = self._woke_ns = 0
        self._guard: GuardSide | None = None
        self.disk = Disk(folder, self._random)
        outside.mounts.enter_context(mounted(self.disk))
        self.commit_after_ms: float = COMMIT_AFTER_MS
        self.counts: Counter[str] = Counter()
        self.ends: Callable[[], None] = lambda: None
        """Called when the process ended by itself: somebody must start it again."""
        self.why_not = ""
        self.excused: set[str] = set()
        """Journals whose disk was harmed or replaced, so that what the cloud had not of them may be lost."""
        self._journals: set[str] = set()
        self.free_until_ms = 0
        """Some lane stood free up to then: whoever is inside may have left without a card."""
        self.lines = Lines()
        self.promised: dict[str, str] = {}
        """The orders it has kept, by door: who gave them."""
        self._opened: list[Callable[[], None]] = []
        self.power_on()

    # Life and death

    def power_on(self) -> None:
        """A cold boot."""
        self.cold_boot()
        self.start()

    def cold_boot(self) -> None:
        """The power is there; the gateway's process is to be started."""
        self.boots += 1
        self._booted_ns = self._schedule.now_ns

    def power_off(self) -> None:
        """The whole machine loses power; the relay board with it, which locks a turnstile that energises to release."""
        self.crash()
        if self._guard is not None:
            self._guard.kill()
            self._guard = None
        for relay in self.relays.values():
            relay.orphaned = False
            relay.drive(False, self._schedule.now_ns)
        self.disk.cut_power()

    def kill_guard(self) -> None:
        """SIGKILL to the guard; a running gateway starts another at once, which locks first."""
        if self._guard is not None:
            self._guard.kill()
            self._guard = None
        if self.alive:
            self._connect_guard()

    def crash(self) -> None:
        """SIGKILL to the gateway: what it had not written is gone."""
        if not self.alive:
            return
        self._die()
        self.client_gone()

    def die_at(self, steps: int, then: Callable[[], None]) -> None:
        """End the process just before one of the next steps of its disk; `then` is done at once afterwards."""

        def died() -> None:
            self.alive = False
            self._life += 1
            self._schedule.after(0, lambda: (self._die(), then()))

        if self.alive:
            self.disk.die_at(steps, died)

    def client_gone(self) -> None:
        """The guard sees its pipe closed."""
        if self._guard is not None:
            self._guard.client_gone()

    def clone_of(self, original: "GatewaySide") -> None:
        """It runs on a copy of that one's card: whose rows those of the shared journals are, nobody can tell."""
        original.cloned |= original._journals
        original._clones.append(self)

    @property
    def was_copied(self) -> bool:
        """Whether another machine ever spoke for it."""
        return bool(self._clones)

    @property
    def foreign_journals(self) -> set[str]:
        """Those that copies of its card began under its name, and took with them."""
        return {journal for clone in self._clones for journal in clone._journals}

    def discard(self) -> None:
        """It never starts again."""
        self.gone = True

    def excuse(self) -> None:
        """Its disk was harmed or replaced: of the journals until now anything may be missing."""
        self.excused |= self._journals

    def _die(self) -> None:
        self.alive = False
        self._life += 1
        self.disk.kill()
        for close in self._opened:
            close()
        self._opened = []

    def _break_down(self, error: Exception) -> None:
        """An error that nothing in the gateway takes ends its process; systemd starts it again."""
        if self.disk.dead:
            return  # the end was decided before
        self.counts[f"ended by itself: {type(error).__name__}"] += 1
        self.alive = False
        self._life += 1
        self._schedule.after(0, self._end_by_itself)

    def _end_by_itself(self) -> None:
        self._die()
        self.client_gone()
        self.ends()

    def start(self) -> bool:
        """Start the gateway's process on what its disk holds; False: it did not get so far."""
        self.disk.revive()
        try:
            self._start()
        except (EdgeError, sqlite3.Error, OSError) as error:
            self.counts[f"did not start: {type(error).__name__}"] += 1
            self.why_not = str(error)
            self._die()
            return False
        return True

    def _start(self) -> None:
        self.alive = True
        self.boot_id = f"{self.card}-boot{self.boots}"
        secret = row_mac_key(self._outside.site_keys[0])
        factory = sqlite3.Connection if self._defences.commits_are_synced else Careless
        self.store = EntitlementStore(self.folder / "entitlements.db", secret, factory=factory)
        self._opened.append(self.store.close)
        self.memory = DurableCredentialMemory(self.folder, factory=factory)
        self._opened.append(self.memory.close)
        self.shelf = JournalShelf(
            self.folder, new_id=lambda: f"{self._random.getrandbits(128):032x}", reserve_bytes=8_192, factory=factory
        )
        self._opened.append(self.shelf.close)
        now_ns = self.boot_ns
        self.keeper = TimeKeeper(
            mode="test", boot_id=self.boot_id, boot_ns=now_ns, saved=self.store.load_lease(),
            trusted_real_ms=self._schedule.now_ms + self.clock_error_ms if self.has_clock else None,
        )  # fmt: skip
        self._save_lease()
        self._log = Log(self._commit_soon, self.shelf)
        self._outputs = GuardedOutputs(self)
        presence = PresenceFile(self.folder, factory=factory)
        self._opened.append(presence.close)
        local = (LocalSide if self._defences.passback_is_asked else Hospitable)(
            presence=presence,
            visits=(VisitBook if self._defences.elsewhere_nobody_counts else Presumptuous)(
                self.name, self.memory if self._defences.visits_are_counted else Amnesia()
            ),
            find_visits=self.store.visits,
        )
        clock = Clock(self.keeper, lease=self._defences.lease)
        self.attendant = Attendant(
            build_lanes(), keys=self._outside.site_keys, clockwork=clock,
            entitlements=self.store if self._defences.wall_clock else SummerForEver(self.store),
            outputs=self._outputs, log=self._log, memory=self.memory, local=local,
            standings=Promised(
                StandingFile(self.folder, [secret]), self.promised, dead=lambda: self.disk.dead,
                keeps=self._defences.orders_are_kept,
            ),
            watches=build_watches(switch=self._defences.switch_locks),
            latch=LatchSeen(
                FireLatchFile(self.folder), self.lines, dead=lambda: self.disk.dead, keeps=self._defences.fire_is_kept
            ),
        )  # type: ignore[arg-type]  # fmt: skip
        self.session = SyncSession(
            gateway=self.name, keys=self._outside.keys, boot_id=self.boot_id, keeper=self.keeper,
            position=self.store.position(), roots=self.store.roots(), jitter=self._random,
        )  # fmt: skip
        self.uplink = (Uplink if self._defences.ask_again else Incurious)(jitter=self._random)
        others = OthersFile(self.folder)
        self.presence = PresenceRunner(
            PresenceFlow(
                gateway=self.name, keys=self._outside.keys, keeper=self.keeper, others=others.load(),
                jitter=self._random,
            ),
            others=others, take=self._tell_doors, unseen=lambda: self.attendant.unseen, publish=self._publish,
            record=lambda effect: self._record(effect), clock_ns=lambda: self.boot_ns,
        )  # fmt: skip
        self._built: Path | None = None
        self._journals |= {source.journal_id for source in self.shelf.sources()}
        self._connect_guard()
        self._find_levels()
        self._wakes_at_ns, self._tidied_ns = None, now_ns
        self._begin_health()
        self.presence.take(Started(self.store.position().epoch))
        self._let(self._look_around)

    def _connect_guard(self) -> None:
        if self._guard is None:
            self._guard = GuardSide(
                self._schedule, self.relays, deaf_to_client_end=not self._defences.guard_hears_the_end
            )
        self._guard.connect(self._outputs.note)

    def release(self, output: str, on_ms: int) -> None:
        """GuardedOutputs asks here."""
        if self.alive and self._guard is not None:
            self._guard.release(output, on_ms)

    def hold(self, output: str) -> None:
        """GuardedOutputs asks here."""
        if self.alive and self._guard is not None:
            self.free_until_ms = self._schedule.now_ms + core.HOLD_NS // NS_PER_MS
            self._guard.hold(output)

    def lock(self, output: str) -> None:
        """GuardedOutputs asks here."""
        if self.alive and self._guard is not None:
            self._guard.lock(output)

    @property
    def life(self) -> int:
        """Which process this is, counted over all."""
        return self._life

    def knows(self, now_ms: int) -> bool:
        """Whether its business time is about right."""
        at = self.keeper.stamp(self.boot_ns)
        return at.business_ms is not None and abs(at.business_ms - now_ms) < STEP_MS_MAX

    # What happens to it

    @property
    def boot_ns(self) -> int:
        """The boot clock."""
        return self._schedule.now_ns - self._booted_ns + BOOT_NS

    def connect(self) -> None:
        """The broker takes it."""
        if self.alive:
            status = Status(online=True, boot_id=self.boot_id, connection=self._life, software="simulation")
            self._publish(Up.STATUS, encode(status))
            self.online = True
            self._let(lambda: self._tell(Connected()))

    def disconnect(self) -> None:
        """The broker is gone."""
        if self.alive:
            self.online = False
            self._let(lambda: self._tell(Disconnected()))

    def receive(self, topic: str, payload: bytes) -> None:
        """A message from the broker."""
        if self.alive and not self._must_not_hear(topic, payload):
            name = parse(topic).name
            assert isinstance(name, Down)
            self._let(lambda: self._hear(Received(name, payload)))

    def _hear(self, message: Received) -> None:
        self._tell(message)
        if message.name in (Down.FEED, Down.LEASE):
            self._doors_look()

    def _tell_doors(self, heard: PresenceHeard) -> bool:
        self.attendant.handle(heard)
        return True

    def _must_not_hear(self, topic: str, payload: bytes) -> bool:
        """With that defence off: an acknowledgement of less than was acknowledged before."""
        if self._defences.believe_a_cloud_that_has_less or parse(topic).name is not Down.ACK:
            return False
        ack = decode(JournalAck, payload)
        return any(
            source.journal_id == ack.journal_id and ack.through < source.acknowledged for source in self.shelf.sources()
        )

    # The shell

    def _let(self, act: Callable[[], None]) -> None:
        try:
            act()
        except (EdgeError, sqlite3.Error, OSError) as error:
            self._break_down(error)
        if self.alive:
            self._plan()

    def _publish(self, name: Up, payload: bytes) -> None:
        if self.alive:
            self._outside.publish(up(self.name, name), payload)
