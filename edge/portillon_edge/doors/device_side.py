"""What befalls readers, inputs, outputs and the guard, written down at every door that it concerns."""

from collections.abc import Iterable

from portillon_edge.domain.events import EventKind, NewEvent
from portillon_edge.doors.fault_watch import FaultEnded, FaultTold, FaultWatch
from portillon_edge.doors.surroundings import Clockwork, Door, EventLog

GUARD = "guard"


class DeviceSide:
    """Of one gateway. Used by the attendant's thread only."""

    def __init__(self, doors: Iterable[Door], *, clockwork: Clockwork, log: EventLog) -> None:
        self._clockwork = clockwork
        self._log = log
        self._faults = FaultWatch()
        self._door_of: dict[str, str] = {}
        """By reader."""
        self._inputs: dict[str, list[str]] = {}
        self._outputs: dict[str, list[str]] = {GUARD: []}
        """By input or output: the doors that it is a part of, once for each part."""
        for door in doors:
            self._door_of |= dict.fromkeys(door.readers, door.name)
            for name in door.lines:
                self._inputs.setdefault(name, []).append(door.name)
            for name in door.outputs.values():
                self._outputs.setdefault(name, []).append(door.name)

    @property
    def deadline_ns(self) -> int | None:
        """When `tick` has something to say."""
        return self._faults.deadline_ns

    def tick(self, now_ns: int) -> None:
        """Tell the faults that were counted meanwhile."""
        self._tell(self._faults.due(now_ns), now_ns)

    def faulty(self, device: str, fault: str, detail: str, at_ns: int) -> None:
        """Something is wrong with it, for this once."""
        self._tell(self._faults.happened(device, fault, detail, at_ns), at_ns)

    def bad(self, device: str, fault: str, detail: str, at_ns: int) -> None:
        """Something is wrong with it until it is `well`."""
        self._tell(self._faults.happened(device, fault, detail, at_ns, lasting=True), at_ns)

    def well(self, device: str, at_ns: int) -> None:
        """It was heard of."""
        self._tell(self._faults.well(device), at_ns)

    def held(self, output: str, trouble: str | None, at_ns: int) -> None:
        """How the hold of an output went; None: well, which says nothing of the device yet."""
        if trouble is not None:
            self.bad(output, "not held", trouble, at_ns)

    def _tell(self, told: Iterable[FaultTold | FaultEnded], at_ns: int) -> None:
        for one in told:
            match one:
                case FaultTold(device, fault, detail):
                    self._write(device, f"{fault}: {detail}", at_ns, ended=False)
                case FaultEnded(device):
                    self._write(device, None, at_ns, ended=True)

    def _write(self, device: str, what: str | None, at_ns: int, *, ended: bool) -> None:
        at = self._clockwork.stamp(at_ns)
        if device in self._door_of:
            kind = EventKind.READER_RESTORED if ended else EventKind.READER_FAULT
            self._log.record(NewEvent(kind=kind, at=at, door=self._door_of[device], reader=device, detail=what))
            return
        if device in self._outputs:
            kind = EventKind.OUTPUT_RESTORED if ended else EventKind.OUTPUT_FAULT
            owners = self._outputs[device]
        else:
            kind = EventKind.INPUT_RESTORED if ended else EventKind.INPUT_FAULT
            owners = self._inputs.get(device, [])
        named = f"{device}: {what}" if what else device
        for owner in owners or (None,):
            self._log.record(NewEvent(kind=kind, at=at, door=owner, detail=named, by=device))
