"""What the gateway does with one event at its doors: look up, decide, step the machine, act, write down.

Synchronous, without threads and without a clock, so that a simulation can be the loop. The order is the promise:
what is finite is committed first, then the output is released, and nothing waits for the journal (DESIGN §3). Every
refusal has a reason, every fault and every refused reading becomes an event.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import assert_never

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
from portillon_rules.reason import DenyReason

from portillon_edge.credentials.memory import CredentialMemory
from portillon_edge.credentials.reader_rules import ReaderRules
from portillon_edge.domain.events import EventKind, NewEvent
from portillon_edge.doors.admission import Admission, LetIn, TurnAway, Verdict
from portillon_edge.doors.fault_watch import FaultEnded, FaultTold, FaultWatch
from portillon_edge.doors.machine import Admit, Line, LineChanged, LineLost, OutputFailed, Part, Record
from portillon_edge.doors.showing import answer_to
from portillon_edge.doors.stepping import Stepping
from portillon_edge.doors.surroundings import (
    Clockwork,
    Door,
    Entitlements,
    EventLog,
    Indicators,
    NoIndicators,
    Outputs,
)
from portillon_edge.guard.protocol import GuardLost, GuardUp, Locked, OutputFault, Released

DoorEvent = ReaderEvent | InputEvent | OutputFault | Locked | Released | GuardUp | GuardLost
NOT_USED = (EventKind.GRANT_NOT_USED, EventKind.DENIED)
"""How a grant ends on which nobody passed."""
MEMORY_ALARM = "credential_memory"
GUARD = "guard"


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
    ) -> None:
        """A reader that `readers` does not name takes every card and no PIN."""
        self._doors = {door.name: door for door in doors}
        self._by_reader = {reader: door for door in self._doors.values() for reader in door.readers}
        self._by_input: dict[str, list[tuple[Door, Line]]] = {}
        self._by_output: dict[str, list[tuple[Door, Part]]] = {}
        for door in self._doors.values():
            for name, line in door.lines.items():
                self._by_input.setdefault(name, []).append((door, line))
            for part, name in door.outputs.items():
                self._by_output.setdefault(name, []).append((door, part))
        self._faults = FaultWatch()
        self._clockwork = clockwork
        self._log = log
        self._memory = memory
        self._indicators = indicators or NoIndicators()
        self._stepping = Stepping(self._doors.values(), outputs, write=self._write, held=self._held)
        self._admission = Admission(
            self._doors.values(),
            keys=keys,
            entitlements=entitlements,
            clockwork=clockwork,
            outputs=outputs,
            log=log,
            memory=memory,
            readers=readers,
            closed_for=lambda door, _: door.machine.closed_for,
        )

    @property
    def deadline_ns(self) -> int | None:
        """When `tick` is due, None: not before the next event."""
        due = (self._stepping.deadline_ns, self._faults.deadline_ns, self._admission.deadline_ns)
        return min((ns for ns in due if ns is not None), default=None)

    def states(self) -> dict[str, str]:
        """Each door's state in one word."""
        return {name: door.machine.state for name, door in self._doors.items()}

    def tick(self, now_ns: int) -> None:
        """Let every door whose deadline has come see that it has; tell the faults that were counted meanwhile."""
        self._stepping.tick(now_ns)
        self._carry_out(self._admission.tick(now_ns))
        self._tell(self._faults.due(now_ns), now_ns)

    def tidy(self, now_ns: int) -> None:
        """Nothing happens just now: do what nobody should have to wait for."""
        at = self._clockwork.stamp(now_ns)
        self._memory.tidy(at)
        for detail in self._memory.take_alarms():
            self._log.record(NewEvent(kind=EventKind.ALARM, at=at, reason=MEMORY_ALARM, detail=detail))

    def handle(self, event: DoorEvent) -> None:
        """Take one event; whatever comes of it has been ordered or written down on return."""
        match event:
            case CredentialRead() | TextScanned() | KeyPressed():
                self._carry_out(self._admission.hear(event))
            case InputChanged(name, active, at_ns):
                self._tell(self._faults.well(name), at_ns)
                for door, line in self._by_input.get(name, ()):
                    self._stepping.signal(door, LineChanged(line, active), at_ns)
            case ReaderFault(reader, fault, detail, at_ns):
                self._tell(self._faults.happened(reader, fault, detail, at_ns), at_ns)
            case ReaderDown(reader, detail, at_ns):
                self._tell(self._faults.happened(reader, "down", detail, at_ns, lasting=True), at_ns)
            case InputTroubled(name, trouble, detail, at_ns):
                self._line_lost(name, trouble, detail, at_ns)
            case InputFault(name, detail, at_ns):
                self._tell(self._faults.happened(name, "refused", detail, at_ns), at_ns)
            case InputDown(name, detail, at_ns):
                self._line_lost(name, "down", detail, at_ns)
            case OutputFault(output, detail, at_ns):
                self._output_fault(output, detail, at_ns)
            case GuardLost(detail, at_ns):
                # Nobody knows how the outputs stand: a grant still ends by its passage or its window.
                self._tell(self._faults.happened(GUARD, "lost", detail, at_ns, lasting=True), at_ns)
            case Locked(device, at_ns) | Released(device, at_ns) | ReaderUp(device, at_ns) | InputUp(device, at_ns):
                self._tell(self._faults.well(device), at_ns)
            case GuardUp(_, at_ns):
                self._tell(self._faults.well(GUARD), at_ns)
            case _:
                assert_never(event)

    def _carry_out(self, verdicts: Iterable[Verdict]) -> None:
        for verdict in verdicts:
            match verdict:
                case LetIn(door, grant, at_ns):
                    self._stepping.signal(door, Admit(grant), at_ns)
                case TurnAway(denial):
                    self._log.record(denial)
                    self._show(denial)
                case ReaderFault(reader, fault, detail, at_ns):
                    self._tell(self._faults.happened(reader, fault, detail, at_ns), at_ns)
                    continue
            for alarm in verdict.alarms:
                self._log.record(alarm)
            self._admission.keep(verdict.facts)

    def _line_lost(self, name: str, trouble: str, detail: str, at_ns: int) -> None:
        self._tell(self._faults.happened(name, trouble, detail, at_ns, lasting=True), at_ns)
        for door, line in self._by_input.get(name, ()):
            self._stepping.signal(door, LineLost(line), at_ns)

    def _output_fault(self, output: str, detail: str, at_ns: int) -> None:
        self._tell(self._faults.happened(output, "fault", detail, at_ns, lasting=True), at_ns)
        for door, part in self._by_output.get(output, ()):
            self._stepping.signal(door, OutputFailed(part), at_ns)

    def _held(self, output: str, trouble: str | None, at_ns: int) -> None:
        if trouble is not None:
            self._tell(self._faults.happened(output, "not held", trouble, at_ns, lasting=True), at_ns)

    def _tell(self, told: Iterable[FaultTold | FaultEnded], at_ns: int) -> None:
        for one in told:
            match one:
                case FaultTold(device, fault, detail):
                    self._about_device(device, f"{fault}: {detail}", at_ns, ended=False)
                case FaultEnded(device):
                    self._about_device(device, None, at_ns, ended=True)

    def _about_device(self, device: str, what: str | None, at_ns: int, *, ended: bool) -> None:
        at = self._clockwork.stamp(at_ns)
        if device in self._by_reader:
            kind = EventKind.READER_RESTORED if ended else EventKind.READER_FAULT
            door = self._by_reader[device].name
            self._log.record(NewEvent(kind=kind, at=at, door=door, reader=device, detail=what))
            return
        named = f"{device}: {what}" if what else device
        if device in self._by_output or device == GUARD:
            kind = EventKind.OUTPUT_RESTORED if ended else EventKind.OUTPUT_FAULT
            owners = [door.name for door, _ in self._by_output.get(device, ())]
        else:
            kind = EventKind.INPUT_RESTORED if ended else EventKind.INPUT_FAULT
            owners = [door.name for door, _ in self._by_input.get(device, ())]
        for owner in owners or (None,):
            self._log.record(NewEvent(kind=kind, at=at, door=owner, detail=named, by=device))

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
            detail=record.detail,
            way=record.way or (grant.way if grant else None),
            by=record.by,
        )
        self._log.record(event)
        self._show(event)
        if grant and record.kind in NOT_USED:
            self._admission.not_used(grant)

    def _show(self, event: NewEvent) -> None:
        reason = DenyReason(event.reason) if event.kind is EventKind.DENIED and event.reason else None
        outcome = answer_to(event.kind, reason)
        if outcome is not None and event.door is not None:
            self._indicators.show(event.door, event.reader, outcome, reason)
