"""A gym of two two-way lanes and a pool within it, whose gateway keeps who is where, and how many visits are left."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edge.doors.small_site import DAY_MS, NEW_KEY, Site
from portillon_drivers.events import InputChanged
from portillon_edge.credentials.reader_rules import ReaderRules
from portillon_edge.domain.events import EventKind, EventTime, Way
from portillon_edge.doors.local_side import LocalSide
from portillon_edge.doors.machine import NS_PER_MS, Line, Part
from portillon_edge.doors.surroundings import Door
from portillon_edge.doors.turns import SecondBadge
from portillon_edge.doors.turnstile_lane import TurnstileLane
from portillon_edge.presence.book import WATCHED_MS
from portillon_edge.presence.memory import ForgetfulPresence, PresenceMemory
from portillon_edge.presence.presence_file import PresenceFile
from portillon_edge.store.credential_memory import DurableCredentialMemory
from portillon_edge.visits.book import VisitBook
from portillon_rules.credential import Credential, credential_hash
from portillon_rules.decision import DecisionTime, RowDamaged, TimeQuality
from portillon_rules.visits import VisitRow
from portillon_rules.zone_rule import ZoneRule

LANES = ("front", "back", "pool")
MIDNIGHT_MS = 1_794_978_000_000
"""Of the site's zone, America/Toronto: 2026-11-18."""
WINDOW_MS = 5_000
READS = ReaderRules(hold_off_ms=0)


def card_of(member: str) -> Credential:
    return Credential.parse(f"em4100:{member.encode().hex().upper():0>10}")


@dataclass
class Hall(Site):
    """Members are called by name; their time runs from midnight of a day before which the gateway watched for long."""

    folder: Path | None = None
    visit_rows: dict[str, VisitRow | RowDamaged] = field(default_factory=dict)
    second_badge: SecondBadge = SecondBadge.REFUSE
    free_exit: bool = False
    now_ms: int = 0
    quality: TimeQuality = TimeQuality.CERTAIN

    def doors(self) -> list[Door]:
        return [self._lane(name, "pool" if name == "pool" else "gym") for name in LANES]

    def local(self) -> LocalSide:
        self.kept = self.presence_memory()
        if self.folder is None:
            return LocalSide(presence=self.kept)
        self.memory = DurableCredentialMemory(self.folder)
        visits = VisitBook("hall", self.memory)
        return LocalSide(presence=self.kept, visits=visits, find_visits=self.visit_rows.get)

    def presence_memory(self) -> PresenceMemory:
        return ForgetfulPresence() if self.folder is None else PresenceFile(self.folder)

    def start(self) -> None:
        self.readers = {f"{lane}-{way}": READS for lane in LANES for way in Way}
        super().start()
        for lane in LANES:
            for line in ("in", "out"):
                self.take(InputChanged(f"{lane}-{line}", False, self.now_ms * NS_PER_MS))

    def at(self, boot_ns: int) -> DecisionTime:
        return DecisionTime(MIDNIGHT_MS + boot_ns // NS_PER_MS, self.quality, DAY_MS)

    def stamp(self, boot_ns: int) -> EventTime:
        return EventTime(boot_id="boot", boot_ns=boot_ns, real_ms=None, business_ms=None, quality=self.quality)

    def ruled(self, *zones: ZoneRule, **more: Any) -> "Hall":
        """With these rows in the feed; the gateway has watched for a day already."""
        self.rules = replace(self.rules, zones={zone.zone: zone for zone in zones}, **more)
        self.goes("watched", "front", passes=False)
        self.now_ms += WATCHED_MS
        return self

    def member(self, name: str, *, card: str | None = None, **more: Any) -> None:
        """Give somebody a card."""
        self.admit(card_of(card or name), member=name, zones=("gym", "pool"), valid_until_ms=2 * MIDNIGHT_MS, **more)

    def asks(self, name: str, lane: str, way: Way = Way.ENTRY, *, card: str | None = None) -> str:
        """Badge; `granted`, or why not, or `nothing` for what is no badge."""
        credential = card_of(card or name)
        if credential_hash(credential, NEW_KEY) not in self.rows:
            self.member(name, card=card)
        self.now_ms += 1
        before = len(self.events)
        self.badge(credential, reader=f"{lane}-{way}", ms=self.now_ms)
        answers = (EventKind.GRANTED, EventKind.DENIED, EventKind.REBADGED)
        came = [event.reason or event.kind for event in self.events[before:] if event.kind in answers]
        return came[0] if came else "nothing"

    def passes(self, lane: str, way: Way = Way.ENTRY) -> None:
        """Somebody goes through."""
        line = f"{lane}-{'in' if way is Way.ENTRY else 'out'}"
        for active in (True, False):
            self.now_ms += 1
            self.take(InputChanged(line, active, self.now_ms * NS_PER_MS))

    def goes(self, name: str, lane: str, way: Way = Way.ENTRY, *, passes: bool = True) -> str:
        """Badge and, if granted, pass, or let the window end."""
        answer = self.asks(name, lane, way)
        if answer == EventKind.GRANTED:
            if passes:
                self.passes(lane, way)
            else:
                self.waits(WINDOW_MS)
        return answer

    def waits(self, ms: int) -> None:
        """Time passes, and then it is quiet for a moment."""
        self.now_ms += ms
        self.attendant.tick(self.now_ms * NS_PER_MS)
        self.attendant.tidy(self.now_ms * NS_PER_MS)

    def stop(self) -> None:
        """The process ends, after a quiet moment."""
        self.waits(10_000)
        if isinstance(self.kept, PresenceFile):
            self.kept.close()

    def restart(self) -> None:
        """A new process."""
        self.stop()
        self.start()

    def _lane(self, name: str, zone: str) -> Door:
        machine = TurnstileLane(
            pulse_ms=500,
            passage_window_ms=WINDOW_MS,
            second_badge=self.second_badge,
            tells_ways=True,
            free_exit=self.free_exit,
        )
        return Door(
            name=name,
            zone=zone,
            outputs={Part.ENTRY: f"{name}-relay"},
            machine=machine,
            readers=(f"{name}-entry", f"{name}-exit"),
            lines={f"{name}-in": Line.PASSAGE, f"{name}-out": Line.PASSAGE_OUT},
            way_of={f"{name}-entry": Way.ENTRY, f"{name}-exit": Way.EXIT},
        )
