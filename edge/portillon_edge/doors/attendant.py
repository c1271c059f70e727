"""What the gateway does with one event at its doors: look up, decide, step the machine, act, write down.

Synchronous, without threads and without a clock, so that a simulation can be the loop. The order is the promise:
what is finite is committed first, then the output is released, and nothing waits for the journal (DESIGN §3). Every
refusal has a reason, every fault and every refused reading becomes an event.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
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
from portillon_edge.doors.errors import OutputUnavailable
from portillon_edge.doors.fault_limit import FaultKey, FaultLimit
from portillon_edge.doors.machine import (
    Admit,
    Hold,
    Line,
    LineChanged,
    LineLost,
    Lock,
    OutputFailed,
    Record,
    Release,
    Signal,
    Tick,
)
from portillon_edge.doors.surroundings import Clockwork, Door, Entitlements, EventLog, Outputs
from portillon_edge.guard.protocol import GuardLost, OutputFault

DoorEvent = ReaderEvent | InputEvent | OutputFault | GuardLost
NOT_USED = (EventKind.GRANT_NOT_USED, EventKind.DENIED)
"""How a grant ends on which nobody passed."""
MEMORY_ALARM = "credential_memory"


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
    ) -> None:
        """A reader that `readers` does not name takes every card and no PIN."""
        self._doors = {door.name: door for door in doors}
        self._by_reader = {reader: door for door in self._doors.values() for reader in door.readers}
        self._by_input: dict[str, list[tuple[Door, Line]]] = {}
        for door in self._doors.values():
            for name, line in door.lines.items():
                self._by_input.setdefault(name, []).append((door, line))
        self._deadlines: dict[str, int] = {}
        self._faults = FaultLimit()
        self._clockwork = clockwork
        self._outputs = outputs
        self._log = log
        self._memory = memory
        self._admission = Admission(
            self._doors.values(),
            keys=keys,
            entitlements=entitlements,
            clockwork=clockwork,
            outputs=outputs,
            log=log,
            memory=memory,
            readers=readers,
        )

    @property
    def deadline_ns(self) -> int | None:
        """When `tick` is due, None: not before the next event."""
        others = (self._faults.deadline_ns, self._admission.deadline_ns)
        return min((*self._deadlines.values(), *(ns for ns in others if ns is not None)), default=None)

    def states(self) -> dict[str, str]:
        """Each door's state in one word."""
        return {name: door.machine.state for name, door in self._doors.items()}

    def tick(self, now_ns: int) -> None:
        """Let every door whose deadline has come see that it has; tell the faults that were counted meanwhile."""
        for name, due_ns in list(self._deadlines.items()):
            if due_ns <= now_ns:
                self._signal(self._doors[name], Tick(), now_ns)
        self._carry_out(self._admission.tick(now_ns))
        for key, detail in self._faults.due(now_ns):
            self._write_fault(key, detail, now_ns)

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
                for door, line in self._by_input.get(name, ()):
                    self._signal(door, LineChanged(line, active), at_ns)
            case ReaderFault(reader, fault, detail, at_ns):
                self._fault((reader, fault), detail, at_ns)
            case ReaderDown(reader, detail, at_ns):
                self._fault((reader, "down"), detail, at_ns)
            case InputTroubled(name, trouble, detail, at_ns):
                self._fault((name, trouble), detail, at_ns)
                for door, line in self._by_input.get(name, ()):
                    self._signal(door, LineLost(line), at_ns)
            case InputFault(name, detail, at_ns):
                self._fault((name, "refused"), detail, at_ns)
            case InputDown(name, detail, at_ns):
                self._fault((name, "down"), detail, at_ns)
                for door, line in self._by_input.get(name, ()):
                    self._signal(door, LineLost(line), at_ns)
            case OutputFault(output, detail, at_ns):
                self._output_fault(output, detail, at_ns)
            case GuardLost(detail, at_ns):
                # Nobody knows how the outputs stand: a grant still ends by its passage or its window.
                at = self._clockwork.stamp(at_ns)
                self._log.record(NewEvent(kind=EventKind.OUTPUT_FAULT, at=at, detail=detail))
            case ReaderUp() | InputUp():
                pass  # the health report shows it
            case _:
                assert_never(event)

    def _carry_out(self, verdicts: Iterable[Verdict]) -> None:
        for verdict in verdicts:
            match verdict:
                case LetIn(door, grant, at_ns):
                    self._signal(door, Admit(grant), at_ns)
                case TurnAway(denial):
                    self._log.record(denial)
                case ReaderFault(reader, fault, detail, at_ns):
                    self._fault((reader, fault), detail, at_ns)
                    continue
            for alarm in verdict.alarms:
                self._log.record(alarm)
            self._admission.keep(verdict.facts)

    def _signal(self, door: Door, signal: Signal, at_ns: int) -> None:
        step = door.machine.handle(signal, at_ns)
        self._expect(door, step.deadline_ns)
        for action in step.actions:
            match action:
                case Record():
                    self._write(door, action, at_ns)
                case Lock():
                    self._lock(door)
                case Hold():
                    pass
                case Release(on_ms):
                    try:
                        self._outputs.release(door.output, on_ms)
                    except OutputUnavailable as error:
                        self._not_released(door, signal, str(error), at_ns)
                        return

    def _not_released(self, door: Door, signal: Signal, why: str, at_ns: int) -> None:
        """The release never began: a card is refused with that reason, and no grant was ever given."""
        failed = door.machine.handle(OutputFailed(), at_ns)
        self._expect(door, failed.deadline_ns)
        if isinstance(signal, Admit):
            self._write(door, Record(EventKind.DENIED, signal.grant, DenyReason.OUTPUT_UNAVAILABLE, why), at_ns)
            return
        self._write(door, Record(EventKind.EXIT_REQUEST, detail="not released"), at_ns)
        self._write(door, Record(EventKind.OUTPUT_FAULT, detail=why), at_ns)
        for action in failed.actions:
            if isinstance(action, Record):
                self._write(door, action, at_ns)

    def _lock(self, door: Door) -> None:
        # A guard that cannot be told has locked by itself, or will before it does anything else.
        with suppress(OutputUnavailable):
            self._outputs.lock(door.output)

    def _output_fault(self, output: str, detail: str, at_ns: int) -> None:
        doors = [door for door in self._doors.values() if door.output == output]
        for door in doors:
            self._write(door, Record(EventKind.OUTPUT_FAULT, detail=f"{output}: {detail}"), at_ns)
            self._signal(door, OutputFailed(), at_ns)
        if not doors:
            at = self._clockwork.stamp(at_ns)
            self._log.record(NewEvent(kind=EventKind.OUTPUT_FAULT, at=at, detail=f"{output}: {detail}"))

    def _fault(self, key: FaultKey, detail: str, at_ns: int) -> None:
        if self._faults.tell_now(key, detail, at_ns):
            self._write_fault(key, detail, at_ns)

    def _write_fault(self, key: FaultKey, detail: str, at_ns: int) -> None:
        name, kind = key
        at = self._clockwork.stamp(at_ns)
        if name in self._by_reader:
            door, told = self._by_reader[name].name, f"{kind}: {detail}"
            self._log.record(NewEvent(kind=EventKind.READER_FAULT, at=at, door=door, reader=name, detail=told))
        for owner, _ in self._by_input.get(name, ()):
            told = f"{name}: {kind}: {detail}"
            self._log.record(NewEvent(kind=EventKind.INPUT_FAULT, at=at, door=owner.name, detail=told))

    def _write(self, door: Door, record: Record, at_ns: int) -> None:
        grant = record.grant
        self._log.record(
            NewEvent(
                kind=record.kind,
                at=self._clockwork.stamp(at_ns),
                door=door.name,
                reader=grant.reader if grant else None,
                credential=grant.credential if grant else None,
                member=grant.member if grant else None,
                reason=record.reason,
                flags=grant.flags if grant else (),
                detail=record.detail,
            )
        )
        if grant and record.kind in NOT_USED:
            self._admission.not_used(grant)

    def _expect(self, door: Door, deadline_ns: int | None) -> None:
        if deadline_ns is None:
            self._deadlines.pop(door.name, None)
        else:
            self._deadlines[door.name] = deadline_ns
