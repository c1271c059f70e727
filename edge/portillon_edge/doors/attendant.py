"""What the gateway does with one event at its doors: look up, decide, step the machine, act, write down.

Synchronous, without threads and without a clock, so that a simulation can be the loop. The order is the promise:
the output is released first and nothing waits for the journal (DESIGN §3). Every refusal has a reason, every fault
and every refused reading becomes an event.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import assert_never

from portillon_drivers.events import (
    CredentialRead,
    InputChanged,
    InputDown,
    InputEvent,
    InputFault,
    InputUp,
    KeyPressed,
    ReaderDown,
    ReaderEvent,
    ReaderFault,
    ReaderUp,
    TextScanned,
)
from portillon_rules.credential import SiteKey
from portillon_rules.decision import Denied, DoorView, Granted, decide
from portillon_rules.reason import DenyReason

from portillon_edge.domain.events import EventKind, NewEvent
from portillon_edge.domain.look_up import look_up
from portillon_edge.doors.errors import OutputUnavailable
from portillon_edge.doors.fault_limit import FaultKey, FaultLimit
from portillon_edge.doors.machine import (
    Admit,
    Grant,
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
    ) -> None:
        self._doors = {door.name: door for door in doors}
        self._by_reader = {reader: door for door in self._doors.values() for reader in door.readers}
        self._by_input: dict[str, list[tuple[Door, Line]]] = {}
        for door in self._doors.values():
            for name, line in door.lines.items():
                self._by_input.setdefault(name, []).append((door, line))
        self._deadlines: dict[str, int] = {}
        self._faults = FaultLimit()
        self._keys = keys
        self._entitlements = entitlements
        self._clockwork = clockwork
        self._outputs = outputs
        self._log = log

    @property
    def deadline_ns(self) -> int | None:
        """When `tick` is due, None: not before the next event."""
        return min((*self._deadlines.values(), *self._fault_deadline()), default=None)

    def states(self) -> dict[str, str]:
        """Each door's state in one word."""
        return {name: door.machine.state for name, door in self._doors.items()}

    def tick(self, now_ns: int) -> None:
        """Let every door whose deadline has come see that it has; tell the faults that were counted meanwhile."""
        for name, due_ns in list(self._deadlines.items()):
            if due_ns <= now_ns:
                self._signal(self._doors[name], Tick(), now_ns)
        for key, detail in self._faults.due(now_ns):
            self._write_fault(key, detail, now_ns)

    def handle(self, event: DoorEvent) -> None:
        """Take one event; whatever comes of it has been ordered or written down on return."""
        match event:
            case CredentialRead():
                self._presented(event)
            case InputChanged(name, active, at_ns):
                for door, line in self._by_input.get(name, ()):
                    self._signal(door, LineChanged(line, active), at_ns)
            case ReaderFault(reader, fault, detail, at_ns):
                self._fault((reader, fault), detail, at_ns)
            case ReaderDown(reader, detail, at_ns):
                self._fault((reader, "down"), detail, at_ns)
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
            case TextScanned() | KeyPressed():
                pass
            case _:
                assert_never(event)

    def _presented(self, read: CredentialRead) -> None:
        door = self._by_reader[read.reader]
        hashed, found = look_up(read.credential, keys=self._keys, lookup=self._entitlements.lookup)
        outcome = decide(
            lookup=found,
            door=DoorView(
                name=door.name,
                zone=door.zone,
                busy=door.machine.busy,
                journal_writable=self._log.writable,
                output_available=self._outputs.available(door.output),
            ),
            site=self._entitlements.site_rules(),
            time=self._clockwork.at(read.at_ns),
        )
        match outcome:
            case Granted(member, flags):
                grant = Grant(member=member, credential=hashed, reader=read.reader, flags=tuple(flags))
                self._signal(door, Admit(grant), read.at_ns)
            case Denied(reason, member):
                self._log.record(
                    NewEvent(
                        kind=EventKind.DENIED,
                        at=self._clockwork.stamp(read.at_ns),
                        door=door.name,
                        reader=read.reader,
                        credential=hashed,
                        member=member,
                        reason=reason,
                    )
                )

    def _signal(self, door: Door, signal: Signal, at_ns: int) -> None:
        step = door.machine.handle(signal, at_ns)
        self._expect(door, step.deadline_ns)
        for action in step.actions:
            match action:
                case Record():
                    self._write(door, action, at_ns)
                case Lock():
                    self._lock(door)
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

    def _fault_deadline(self) -> tuple[int, ...]:
        deadline_ns = self._faults.deadline_ns
        return () if deadline_ns is None else (deadline_ns,)

    def _expect(self, door: Door, deadline_ns: int | None) -> None:
        if deadline_ns is None:
            self._deadlines.pop(door.name, None)
        else:
            self._deadlines[door.name] = deadline_ns
