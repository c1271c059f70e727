"""A gateway of true parts on a real connection: table, journal, sync, door loop and a two-way lane; no guard below."""

import random
import threading
import time
from pathlib import Path

from broker.mosquitto import Mosquitto
from edge.credentials.plain_memory import PlainMemory
from portillon_drivers.events import CredentialRead, InputChanged
from portillon_edge.credentials.reader_rules import ReaderRules
from portillon_edge.domain.events import EventKind, NewEvent, Way
from portillon_edge.domain.timekeeping import TimeKeeper
from portillon_edge.doors.attendant import Attendant
from portillon_edge.doors.local_side import LocalSide
from portillon_edge.doors.loop import DoorLoop
from portillon_edge.doors.machine import Line, Part
from portillon_edge.doors.surroundings import Door
from portillon_edge.doors.turnstile_lane import TurnstileLane
from portillon_edge.presence.news import PresenceHeard
from portillon_edge.presence.presence_file import PresenceFile
from portillon_edge.store.entitlements import EntitlementStore
from portillon_edge.store.journal_shelf import JournalShelf
from portillon_edge.store.journal_writer import JournalWriter
from portillon_edge.sync.broker_settings import BrokerSettings
from portillon_edge.sync.service import SyncService
from portillon_rules.credential import Credential, SiteKey
from portillon_rules.row_mac import row_mac_key
from portillon_wire.signature import PublicKeys

ANSWERS = (EventKind.GRANTED, EventKind.DENIED)


class LiveGateway:
    """Runs from the start; `stop` it."""

    def __init__(
        self, name: str, folder: Path, broker: Mosquitto, *, keys: PublicKeys, site_keys: list[SiteKey]
    ) -> None:
        folder.mkdir(exist_ok=True)
        secret = row_mac_key(site_keys[0])
        self.failures: list[str] = []
        self.events: list[NewEvent] = []
        self.heard: list[tuple[float, PresenceHeard]] = []
        self.passed_ms = 0
        self._answered = threading.Condition()
        self.store = EntitlementStore(folder / "entitlements.db", secret)
        self.keeper = TimeKeeper(
            mode="live", boot_id=f"boot-{name}", boot_ns=time.monotonic_ns(), saved=self.store.load_lease()
        )
        self.writer = JournalWriter(
            JournalShelf(folder, reserve_bytes=0), stamp=lambda: self.keeper.stamp(time.monotonic_ns())
        )
        self._presence = PresenceFile(folder)
        lane = TurnstileLane(pulse_ms=50, passage_window_ms=5_000, tells_ways=True)
        self.attendant = Attendant(
            [
                Door(
                    name=f"lane-{name}",
                    zone="gym",
                    outputs={Part.ENTRY: "relay"},
                    machine=lane,
                    readers=("entry", "exit"),
                    lines={"in": Line.PASSAGE, "out": Line.PASSAGE_OUT},
                    way_of={"entry": Way.ENTRY, "exit": Way.EXIT},
                )
            ],
            keys=site_keys,
            entitlements=self.store,
            clockwork=self.keeper,
            outputs=self,
            log=self,
            memory=PlainMemory(),
            readers={way: ReaderRules(hold_off_ms=0) for way in ("entry", "exit")},
            local=LocalSide(presence=self._presence),
        )
        self.loop = DoorLoop(self.attendant, clock_ns=time.monotonic_ns)
        who = broker.gateway(name)
        self.service = SyncService(
            gateway=name,
            keys=keys,
            boot_id=f"boot-{name}",
            software="test",
            keeper=self.keeper,
            store=self.store,
            row_mac_secret=secret,
            writer=self.writer,
            broker=BrokerSettings(broker.url, who.ca_file, who.certificate_file, who.private_key_file),
            download_folder=folder,
            clock_ns=time.monotonic_ns,
            fail=self.failures.append,
            take_presence=self._take_presence,
            unseen=lambda: self.attendant.unseen,
            jitter=random.Random(1),
        )
        self._thread = threading.Thread(target=self.loop.run, daemon=True)
        self._thread.start()
        self.writer.start()
        self.service.start()
        for line in ("in", "out"):
            self.loop.put(InputChanged(line, False, time.monotonic_ns()))

    def stop(self) -> None:
        self.service.stop()
        self.loop.stop()
        self._thread.join()
        self.attendant.tidy(time.monotonic_ns())
        self.writer.stop()
        self.store.close()
        self._presence.close()
        assert self.failures == []

    @property
    def now_ms(self) -> int:
        """What time it is here; a lease that was long under way leaves it behind."""
        return self.keeper.at(time.monotonic_ns()).business_ms

    @property
    def fresh(self) -> bool:
        """Whether its doors take presence for known just now."""
        until_ns = self.attendant.presence_until_ns
        return until_ns is None or time.monotonic_ns() <= until_ns

    def asks(self, card: Credential, way: Way = Way.ENTRY) -> NewEvent:
        """Badge, and wait for the answer."""
        with self._answered:
            before = len(self.events)
            self.loop.put(CredentialRead(str(way), card, time.monotonic_ns()))
            assert self._answered.wait_for(lambda: len(self.events) > before, 10), "nobody answered"
            return self.events[before]

    def passes(self, way: Way = Way.ENTRY) -> float:
        """Go through; when the lane saw it."""
        line = "in" if way is Way.ENTRY else "out"
        at = time.monotonic()
        self.loop.put(InputChanged(line, True, time.monotonic_ns()))
        self.loop.put(InputChanged(line, False, time.monotonic_ns()))
        return at

    def _take_presence(self, heard: PresenceHeard) -> bool:
        taken = self.loop.offer(heard)
        self.heard.append((time.monotonic(), heard))
        return taken

    # What the attendant asks for -------------------------------------------------------------------------------------

    @property
    def writable(self) -> bool:
        return self.writer.writable

    def record(self, event: NewEvent) -> None:
        self.writer.submit(event)
        if event.kind is EventKind.PASSAGE:
            self.passed_ms = event.at.business_ms or 0
        if event.kind in ANSWERS:
            with self._answered:
                self.events.append(event)
                self._answered.notify_all()

    def available(self, output: str) -> bool:
        return True

    def release(self, output: str, on_ms: int) -> None:
        pass

    def hold(self, output: str) -> None:
        pass

    def lock(self, output: str) -> None:
        pass
