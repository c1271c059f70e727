"""What the gateway does with one event at its doors: look up, decide, step the machine, act, write down.

Synchronous, without threads and without a clock, so that a simulation can be the loop. The order is the promise:
what is finite is committed first, then the output is released, and nothing waits for the journal (DESIGN §3). Every
refusal has a reason, every fault and every refused reading becomes an event.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import assert_never

from portillon_config.interlocks import Interlock
from portillon_config.watches import Watch
from portillon_drivers.events import (
    CredentialRead,
    InputChanged,
    InputDown,
    InputEvent,
    InputFault,
    InputTroubled,
    InputUp,
    KeyPressed,
    ReaderDown,
    ReaderEvent,
    ReaderFault,
    ReaderUp,
    TextScanned,
)
from portillon_rules.credential import SiteKey
from portillon_wire.presence import Unseen

from portillon_edge.credentials.memory import CredentialMemory
from portillon_edge.credentials.reader_rules import ReaderRules
from portillon_edge.domain.events import EventKind, NewEvent
from portillon_edge.doors.admission import Admission, AskPin, LetIn, TurnAway, Verdict
from portillon_edge.doors.device_side import GUARD, DeviceSide
from portillon_edge.doors.kept import ForgetfulStandings, Standings
from portillon_edge.doors.local_side import LocalSide
from portillon_edge.doors.machine import Admit, Bearing, Grant, Line, LineChanged, LineLost, OutputFailed, Part, Record
from portillon_edge.doors.showing import standing
from portillon_edge.doors.signs import Signs
from portillon_edge.doors.site_side import SiteSide
from portillon_edge.doors.site_watch import Tell
from portillon_edge.doors.staff_order import Acknowledge, HoldDoor, OpenDoor, ReleaseDoor, ResetFire, StaffOrder
from portillon_edge.doors.stepping import Stepping
from portillon_edge.doors.surroundings import (
    Clockwork,
    Door,
    Entitlements,
    EventLog,
    FireLatch,
    ForgetfulLatch,
    Indicators,
    NoIndicators,
    Outputs,
)
from portillon_edge.guard.protocol import GuardLost, GuardUp, Locked, OutputFault, Released
from portillon_edge.presence.news import PresenceHeard

DoorEvent = (
    ReaderEvent | InputEvent | OutputFault | Locked | Released | GuardUp | GuardLost | StaffOrder | PresenceHeard
)
NOT_USED = (EventKind.GRANT_NOT_USED, EventKind.DENIED, EventKind.PASSAGE_REFUSED)
"""How a grant ends on which nobody passed."""
PASSAGES = (EventKind.PASSAGE, EventKind.WRONG_WAY, EventKind.DOOR_FORCED)
"""Somebody went through: where there is no grant, nobody knows who."""
MEMORY_ALARM = "credential_memory"
PRESENCE_ALARM = "presence"


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorStanding:
    """One door as it is now, in the words of the health report."""

    state: str
    standing: Bearing
    open: bool | None
    troubles: tuple[EventKind, ...]


class Attendant:
    """Stands at all doors of one gateway. Used by one thread only."""

    def __init__(
        self,
        doors: Iterable[Door],
        *,
        keys: Sequence[SiteKey],
        entitlements: Entitlements,
        clockwork: Clockwork,
        outputs: Outputs,
        log: EventLog,
        memory: CredentialMemory,
        readers: Mapping[str, ReaderRules] = MappingProxyType({}),
        indicators: Indicators | None = None,
        watches: Iterable[Watch] = (),
        interlocks: Iterable[Interlock] = (),
        latch: FireLatch | None = None,
        standings: Standings | None = None,
        local: LocalSide | None = None,
    ) -> None:
        """A reader that `readers` does not name takes every card and no PIN."""
        self._doors = {door.name: door for door in doors}
        self._by_input: dict[str, list[tuple[Door, Line]]] = {}
        self._by_output: dict[str, list[tuple[Door, Part]]] = {}
        for door in self._doors.values():
            for name, line in door.lines.items():
                self._by_input.setdefault(name, []).append((door, line))
            for part, name in door.outputs.items():
                self._by_output.setdefault(name, []).append((door, part))
        self._devices = DeviceSide(self._doors.values(), clockwork=clockwork, log=log)
        self._latest_ns = 0
        self._clockwork = clockwork
        self._log = log
        self._memory = memory
        self._entitlements = entitlements
        self._local = local or LocalSide()
        self._occupancy: Mapping[str, int] = {}
        self._unseen: tuple[Unseen, ...] = ()
        self._signs = Signs(indicators or NoIndicators())
        self._stepping = Stepping(
            self._doors.values(), outputs, write=self._write, held=self._devices.held, turn=self._turn
        )
        self._site = SiteSide(
            self._doors,
            watches=watches,
            interlocks=interlocks,
            latch=latch or ForgetfulLatch(),
            standings=standings or ForgetfulStandings(),
            stepping=self._stepping,
            entitlements=entitlements,
            clockwork=clockwork,
            tell=self._write_site,
        )
        self._admission = Admission(
            self._doors.values(),
            keys=keys,
            entitlements=entitlements,
            clockwork=clockwork,
            outputs=outputs,
            log=log,
            memory=memory,
            readers=readers,
            closed_for=self._site.closed_for,
            local=self._local,
        )

    @property
    def deadline_ns(self) -> int | None:
        """When `tick` is due, None: not before the next event."""
        parts = (self._stepping, self._devices, self._admission, self._site)
        due = [part.deadline_ns for part in parts]
        return min((ns for ns in due if ns is not None), default=None)

    def states(self) -> dict[str, str]:
        """Each door's state in one word."""
        return {name: door.machine.state for name, door in self._doors.items()}

    def standings(self) -> dict[str, DoorStanding]:
        """How each door stands; may be asked from another thread, which then sees one moment or the next."""
        return {
            name: DoorStanding(
                state=door.machine.state,
                standing=self._site.bearing(name),
                open=door.machine.open,
                troubles=door.machine.troubles,
            )
            for name, door in self._doors.items()
        }

    @property
    def occupancy(self) -> Mapping[str, int]:
        """How many people were in each zone in the last quiet moment; empty: the site has no rules for zones."""
        return self._occupancy

    @property
    def presence_until_ns(self) -> int | None:
        """Until when the site's other gateways count as heard; None: there are none."""
        return self._local.presence_until_ns

    @property
    def unseen(self) -> tuple[Unseen, ...]:
        """Who had come and gone here without a card by then, for the site's other gateways."""
        return self._unseen

    def tick(self, now_ns: int) -> None:
        """Let every door whose deadline has come see that it has; tell the faults that were counted meanwhile."""
        self._stepping.tick(now_ns)
        self._carry_out(self._admission.tick(now_ns))
        self._devices.tick(now_ns)
        self.settle(now_ns)

    def settle(self, now_ns: int) -> None:
        """Turn the doors as orders, plans and the house's inputs want them now."""
        self._latest_ns = max(self._latest_ns, now_ns)
        self._site.settle(self._latest_ns)
        self._show_standings(now_ns)

    def tidy(self, now_ns: int) -> None:
        """Nothing happens just now: do what nobody should have to wait for; notice what the feed changed."""
        self.settle(now_ns)
        at = self._clockwork.stamp(now_ns)
        self._memory.tidy(at)
        rules = self._entitlements.site_rules()
        self._local.tidy(rules, at)
        self._occupancy = self._local.counts(rules, self._clockwork.at(now_ns))
        self._unseen = self._local.unseen(rules, self._clockwork.at(now_ns))
        alarms = [(MEMORY_ALARM, detail) for detail in self._memory.take_alarms()]
        alarms += [(PRESENCE_ALARM, detail) for detail in self._local.take_alarms()]
        for reason, detail in alarms:
            self._log.record(NewEvent(kind=EventKind.ALARM, at=at, reason=reason, detail=detail))

    def handle(self, event: DoorEvent) -> None:
        """Take one event; whatever comes of it has been ordered or written down on return."""
        if not isinstance(event, GuardUp):  # it tells when the guard started, which may be long ago
            self._latest_ns = max(self._latest_ns, event.at_ns)
        self._take(event)
        self.settle(self._latest_ns)

    def _take(self, event: DoorEvent) -> None:
        match event:
            case CredentialRead() | TextScanned() | KeyPressed():
                self._carry_out(self._admission.hear(event))
            case InputChanged(name, active, at_ns):
                self._devices.well(name, at_ns)
                if self._site.watches(name):
                    self._site.changed(name, active, at_ns)
                for door, line in self._by_input.get(name, ()):
                    self._stepping.signal(door, LineChanged(line, active), at_ns)
            case ReaderFault(reader, fault, detail, at_ns):
                self._devices.faulty(reader, fault, detail, at_ns)
            case ReaderDown(reader, detail, at_ns):
                self._devices.bad(reader, "down", detail, at_ns)
            case InputTroubled(name, trouble, detail, at_ns):
                self._line_lost(name, trouble, detail, at_ns)
                if self._site.watches(name):
                    self._site.troubled(name, trouble)
            case InputFault(name, detail, at_ns):
                self._devices.faulty(name, "refused", detail, at_ns)
            case InputDown(name, detail, at_ns):
                self._line_lost(name, "down", detail, at_ns)
                if self._site.watches(name):
                    self._site.troubled(name, None)
            case OutputFault(output, detail, at_ns):
                self._output_fault(output, detail, at_ns)
            case GuardLost(detail, at_ns):
                # Nobody knows how the outputs stand: a grant still ends by its passage or its window.
                self._devices.bad(GUARD, "lost", detail, at_ns)
            case Locked(device, at_ns) | Released(device, at_ns) | ReaderUp(device, at_ns) | InputUp(device, at_ns):
                self._devices.well(device, at_ns)
            case GuardUp():
                self._devices.well(GUARD, self._latest_ns)
            case OpenDoor() | ResetFire() | Acknowledge() | HoldDoor() | ReleaseDoor():
                self._site.order(event)
            case PresenceHeard():
                self._local.heard(event, self._entitlements.site_rules(), self._clockwork.at(event.at_ns))
            case _:
                assert_never(event)

    def _carry_out(self, verdicts: Iterable[Verdict]) -> None:
        for verdict in verdicts:
            match verdict:
                case LetIn(door, grant, at_ns):
                    self._stepping.signal(door, Admit(grant), at_ns)
                case TurnAway(denial):
                    self._log.record(denial)
                    self._signs.answer(denial, language=verdict.language, for_ms=verdict.waits_ms)
                case AskPin(door, reader, language):
                    self._signs.ask_pin(door.name, reader, language)
                    continue
                case ReaderFault(reader, fault, detail, at_ns):
                    self._devices.faulty(reader, fault, detail, at_ns)
                    continue
            for alarm in verdict.alarms:
                self._log.record(alarm)
            self._admission.keep(verdict.facts)

    def _line_lost(self, name: str, trouble: str, detail: str, at_ns: int) -> None:
        self._devices.bad(name, trouble, detail, at_ns)
        for door, line in self._by_input.get(name, ()):
            self._stepping.signal(door, LineLost(line), at_ns)

    def _output_fault(self, output: str, detail: str, at_ns: int) -> None:
        self._devices.bad(output, "fault", detail, at_ns)
        for door, part in self._by_output.get(output, ()):
            self._stepping.signal(door, OutputFailed(part), at_ns)

    def _write(self, door: Door, record: Record, at_ns: int) -> None:
        grant = record.grant
        event = NewEvent(
            kind=record.kind,
            at=self._clockwork.stamp(at_ns),
            door=door.name,
            reader=grant.reader if grant else None,
            credential=grant.credential if grant else None,
            member=grant.member if grant else None,
            reason=record.reason,
            flags=grant.flags if grant else (),
            detail=record.detail or (grant.evidence if grant and record.kind is EventKind.GRANTED else None),
            way=record.way or (grant.way if grant else None),
            by=record.by,
            zone=door.zone if record.kind is EventKind.PASSAGE else None,
        )
        self._log.record(event)
        self._signs.answer(event, language=grant.language if grant else None, queued=record.queued)
        self._end_of(door, grant, event, at_ns)

    def _turn(self, door: Door, grant: Grant) -> None:
        self._signs.turn(door.name, grant)

    def _end_of(self, door: Door, grant: Grant | None, event: NewEvent, at_ns: int) -> None:
        """Whoever keeps count of grants and passages learns what became of them."""
        if grant is None:
            self._of_nobody(door, event, at_ns)
        elif event.kind is EventKind.PASSAGE:
            self._site.passed(door, grant, at_ns)
            self._local.passed(door, grant, self._entitlements.site_rules(), self._clockwork.at(at_ns))
        elif event.kind is EventKind.REBADGED:
            self._admission.badged_again(grant)
        elif event.kind in NOT_USED:
            self._admission.not_used(grant)

    def _of_nobody(self, door: Door, event: NewEvent, at_ns: int) -> None:
        site, time = self._entitlements.site_rules(), self._clockwork.at(at_ns)
        if event.kind in PASSAGES and event.way is not None:
            self._local.nobody_passed(door, event.way, site, time)
        elif event.kind in (EventKind.DOOR_FREED, EventKind.DOOR_SECURED):
            self._local.stands(door, free=event.kind is EventKind.DOOR_FREED, site=site, time=time)

    def _write_site(self, told: Tell, at_ns: int) -> None:
        self._log.record(
            NewEvent(
                kind=told.kind,
                at=self._clockwork.stamp(at_ns),
                door=told.door,
                member=told.member,
                reason=told.reason,
                detail=told.detail,
                by=told.by,
            )
        )

    def _show_standings(self, now_ns: int) -> None:
        for door in self._doors.values():
            closed_for = self._site.closed_for(door, now_ns)
            self._signs.stand(door.name, standing(self._site.bearing(door.name), door.machine.troubles, closed_for))
