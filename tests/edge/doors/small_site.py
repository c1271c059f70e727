"""A gateway's surroundings in memory: what the attendant asks for, by hand, a few lines each."""

from dataclasses import dataclass, field
from typing import Any

from edge.credentials.plain_memory import PlainMemory
from portillon_drivers.events import CredentialRead, InputChanged, Key, KeyPressed, TextScanned
from portillon_edge.credentials.memory import CredentialMemory
from portillon_edge.credentials.reader_rules import ReaderRules
from portillon_edge.domain.events import EventKind, EventTime, NewEvent
from portillon_edge.doors.attendant import Attendant, DoorEvent
from portillon_edge.doors.errors import OutputUnavailable
from portillon_edge.doors.local_side import LocalSide
from portillon_edge.doors.machine import NS_PER_MS, Line, Part
from portillon_edge.doors.single_door import SingleDoor
from portillon_edge.doors.surroundings import Door
from portillon_edge.doors.turnstile_lane import TurnstileLane
from portillon_rules.credential import Credential, SiteKey, credential_hash
from portillon_rules.decision import DecisionTime, Lookup, SiteRules, TimeQuality
from portillon_rules.entitlement import ALWAYS, Entitlement
from portillon_rules.policy import SitePolicy

NEW_KEY, OLD_KEY = SiteKey("k2", bytes(31) + b"\2"), SiteKey("k1", bytes(31) + b"\1")
ANNE = Credential.parse("em4100:0F0027A46B")
STRANGER = Credential.parse("em4100:00000000FF")
DAY_MS = 86_400_000


@dataclass
class Site:
    """One lane and one door, their members, their time, their guard and their journal, each as told."""

    rows: dict[str, Lookup] = field(default_factory=dict)
    rules: SiteRules = field(default_factory=lambda: SiteRules(SitePolicy(time_zone="America/Toronto"), {}))
    time: DecisionTime = field(default_factory=lambda: DecisionTime(DAY_MS, TimeQuality.CERTAIN, DAY_MS))
    writable: bool = True
    guard: bool = True
    breaks_on_release: bool = False
    keys: tuple[SiteKey, ...] = (NEW_KEY, OLD_KEY)
    memory: CredentialMemory = field(default_factory=PlainMemory)
    readers: dict[str, ReaderRules] = field(default_factory=dict)
    boot_id: str = "boot"
    told: list[tuple[str, ...] | tuple[str, str, int]] = field(default_factory=list)

    def lookup(self, credential_hash: str) -> Lookup:
        return self.rows.get(credential_hash)

    def site_rules(self) -> SiteRules:
        return self.rules

    def at(self, boot_ns: int) -> DecisionTime:
        return self.time

    def stamp(self, boot_ns: int) -> EventTime:
        return EventTime(
            boot_id=self.boot_id,
            boot_ns=boot_ns,
            real_ms=self.time.business_ms,
            business_ms=self.time.business_ms,
            quality=self.time.quality,
        )

    def available(self, output: str) -> bool:
        return self.guard

    def release(self, output: str, on_ms: int) -> None:
        if self.breaks_on_release or not self.guard:
            raise OutputUnavailable("the guard is away")
        self.told.append(("release", output, on_ms))

    def hold(self, output: str) -> None:
        if not self.guard:
            raise OutputUnavailable("the guard is away")
        self.told.append(("hold", output))

    def lock(self, output: str) -> None:
        if not self.guard:
            raise OutputUnavailable("the guard is away")
        self.told.append(("lock", output))

    def record(self, event: NewEvent) -> None:
        self.events.append(event)
        self.told.append(("record", event.kind))

    def __post_init__(self) -> None:
        self.events: list[NewEvent] = []
        self.start()

    def start(self) -> None:
        """Begin with what the memory holds, as a new process does."""
        self.attendant = Attendant(
            self.doors(),
            keys=self.keys,
            entitlements=self,
            clockwork=self,
            outputs=self,
            log=self,
            memory=self.memory,
            readers=self.readers,
            local=self.local(),
        )

    def doors(self) -> list[Door]:
        """Fresh ones."""
        return [
            Door(
                name="lane1",
                zone="gym",
                outputs={Part.ENTRY: "lane1-relay"},
                machine=TurnstileLane(pulse_ms=500, passage_window_ms=5000),
                readers=("lane1-reader", "lane1-scanner"),
                lines={"lane1-passage": Line.PASSAGE, "exit": Line.REX},
            ),
            Door(
                name="pool",
                zone="pool",
                outputs={Part.ENTRY: "pool-strike"},
                machine=SingleDoor(pulse_ms=3000, passage_window_ms=5000, held_open_ms=30_000),
                readers=("pool-reader",),
                lines={"pool-contact": Line.CONTACT, "exit": Line.REX},
            ),
        ]

    def local(self) -> LocalSide:
        """What this gateway knows by itself: nothing that outlasts it."""
        return LocalSide()

    def admit(
        self,
        credential: Credential,
        *,
        key: SiteKey = NEW_KEY,
        zones: tuple[str, ...] = ("gym",),
        member: str = "m-anne",
        valid_until_ms: int = 30 * DAY_MS,
        **more: Any,
    ) -> str:
        """Give the credential a row and return its hash."""
        hashed = credential_hash(credential, key)
        self.rows[hashed] = Entitlement(
            credential=hashed,
            member=member,
            zones=zones,
            schedule=ALWAYS,
            valid_from_ms=0,
            valid_until_ms=valid_until_ms,
            **more,
        )
        return hashed

    def badge(
        self,
        credential: Credential = ANNE,
        *,
        reader: str = "lane1-reader",
        ms: int = 0,
        counter: int | None = None,
    ) -> list[EventKind]:
        """Present it; the kinds of event that came of it."""
        return self.take(CredentialRead(reader, credential, ms * NS_PER_MS, counter))

    def scan(self, text: str, *, reader: str = "lane1-scanner", ms: int = 0) -> list[EventKind]:
        """Show it a code."""
        return self.take(TextScanned(reader, text, ms * NS_PER_MS))

    def type(self, keys: str, *, reader: str = "lane1-reader", ms: int = 0) -> list[EventKind]:
        """Press keys, all at once."""
        return [kind for key in keys for kind in self.take(KeyPressed(reader, Key(key), ms * NS_PER_MS))]

    def take(self, event: DoorEvent) -> list[EventKind]:
        """Hand an event over; the kinds of event that came of it."""
        before = len(self.events)
        self.attendant.handle(event)
        return [event.kind for event in self.events[before:]]

    def pass_lane(self, *, ms: int) -> None:
        """Somebody goes through the lane."""
        self.take(InputChanged("lane1-passage", False, ms * NS_PER_MS))
        self.take(InputChanged("lane1-passage", True, ms * NS_PER_MS))
        self.take(InputChanged("lane1-passage", False, ms * NS_PER_MS))

    @property
    def reason(self) -> str | None:
        """Why the last event is a refusal."""
        return self.events[-1].reason
