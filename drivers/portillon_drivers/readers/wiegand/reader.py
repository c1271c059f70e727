"""Keeps a Wiegand reader's lines open, and tells what the decoder finds. The thin shell around the pure parts."""

import stat
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

from portillon_rules.credential import Credential

from portillon_drivers.backoff import Backoff
from portillon_drivers.errors import MissingLibraryError, PermanentDeviceError, TransientDeviceError
from portillon_drivers.events import (
    ClockNs,
    CredentialRead,
    EmitReaderEvent,
    Key,
    KeyPressed,
    ReaderDown,
    ReaderFault,
    ReaderFaultKind,
    ReaderUp,
)
from portillon_drivers.ports import Reader
from portillon_drivers.readers.fault_limit import FaultLimit
from portillon_drivers.readers.frame_fault import FrameFault
from portillon_drivers.readers.hold_off import HoldOff
from portillon_drivers.readers.wiegand.decoder import Found, Observe, WiegandDecoder
from portillon_drivers.readers.wiegand.edges import ChipLines, EdgeLines
from portillon_drivers.readers.wiegand.judgement import Judgement
from portillon_drivers.readers.wiegand.line_watch import StuckWatch, TamperWatch
from portillon_drivers.readers.wiegand.options import WiegandOptions
from portillon_drivers.readers.wiegand.simulated_lines import SimulatedLines
from portillon_drivers.readers.wiegand.timing import EVENT_QUEUE_EDGES, LOOK_NS, MS
from portillon_drivers.registry import Driver

_CLOCK_TRIES = 5
_CLOCK_NS_MAX = MS
"""Two clocks read within this time are read at once."""
_ALWAYS_TOLD = frozenset({ReaderFaultKind.TAMPER, ReaderFaultKind.RESTORED})
"""Both are settled states: holding one back could leave the wrong one standing."""

LinesAt = Callable[[ChipLines], EdgeLines]


class WiegandReader:
    """A reader on two data lines; fills the Reader port."""

    def __init__(self, options: WiegandOptions, clock_ns: ClockNs, observe: Observe | None = None) -> None:
        self._name = options.name
        self._place = options.lines
        self._clock_ns = clock_ns
        judgement = Judgement(options.card_formats, options.keypad)
        self._decoder = WiegandDecoder(judgement, HoldOff(options.hold_off_ms * MS), observe)
        self._tamper = None if options.tamper is None else TamperWatch(options.tamper_alarm)
        self._limit = FaultLimit()

    @property
    def name(self) -> str:
        """The name that the configuration gives it."""
        return self._name

    def run(self, emit: EmitReaderEvent, stop: threading.Event) -> None:
        """Read until `stop`; a lost chip is tried again with back-off, a hopeless one is told and left."""
        backoff = Backoff()
        told: str | None = None
        while not stop.is_set():
            lines: EdgeLines | None = None
            try:
                lines = lines_at(self._place)
                lines.open()
                emit(ReaderUp(self._name, self._clock_ns()))
                told = None
                try:
                    self._read_until(stop, emit, lines, backoff)
                finally:
                    self._emit_all(self._decoder.line_lost(), lines, emit)
            except (TransientDeviceError, PermanentDeviceError) as error:
                if str(error) != told:
                    emit(ReaderDown(self._name, str(error), self._clock_ns()))
                    told = str(error)
                if isinstance(error, PermanentDeviceError):
                    return
                stop.wait(backoff.next_s())
            finally:
                if lines is not None:
                    lines.close()

    def _read_until(self, stop: threading.Event, emit: EmitReaderEvent, lines: EdgeLines, backoff: Backoff) -> None:
        stuck = StuckWatch()
        look_ns = lines.clock_ns()
        while not stop.is_set():
            ends_ns = self._decoder.frame_ends_ns
            if ends_ns is None:
                lines.wait(max(0, look_ns - lines.clock_ns()))
            else:  # the kernel collects the rest of the frame; a storm of edges wakes nobody more often than this
                stop.wait((ends_ns - lines.clock_ns()) / 1e9)
            now_ns = lines.clock_ns()  # before reading: only then does an empty queue mean silence up to now
            edges = lines.read()
            if edges:
                backoff.reset()
                stuck.fell(edges)
            if len(edges) >= EVENT_QUEUE_EDGES:  # more may wait
                now_ns = edges[-1].at_ns
            self._emit_all(self._decoder.feed(edges, now_ns), lines, emit)
            if now_ns >= look_ns:
                look_ns = now_ns + LOOK_NS
                low = lines.low()
                faults = [*stuck.look(low, now_ns), *(self._tamper.look(low, now_ns) if self._tamper else ())]
                self._emit_all([(now_ns, fault) for fault in faults], lines, emit)
                self._tell_faults(self._limit.expire(self._clock_ns()), self._clock_ns(), emit)

    def _emit_all(self, found: Iterable[Found], lines: EdgeLines, emit: EmitReaderEvent) -> None:
        for kernel_ns, thing in found:
            at_ns = kernel_ns + clock_offset_ns(self._clock_ns, lines.clock_ns)
            match thing:
                case Credential():
                    emit(CredentialRead(self._name, thing, at_ns))
                case Key():
                    emit(KeyPressed(self._name, thing, at_ns))
                case FrameFault():
                    always = thing.kind in _ALWAYS_TOLD
                    self._tell_faults([thing] if always else self._limit.feed(thing, at_ns), at_ns, emit)

    def _tell_faults(self, faults: Iterable[FrameFault], at_ns: int, emit: EmitReaderEvent) -> None:
        for fault in faults:
            emit(ReaderFault(self._name, fault.kind, fault.detail, at_ns))


def clock_offset_ns(one_ns: ClockNs, other_ns: ClockNs) -> int:
    """How far the one clock is ahead of the other; tried again if the interpreter was busy between the readings."""
    best_ns, offset_ns = _CLOCK_NS_MAX, 0
    for attempt in range(_CLOCK_TRIES):
        before_ns, here_ns, after_ns = other_ns(), one_ns(), other_ns()
        if attempt == 0 or after_ns - before_ns < best_ns:
            best_ns, offset_ns = after_ns - before_ns, here_ns - (before_ns + after_ns) // 2
        if best_ns < _CLOCK_NS_MAX:
            break
    return offset_ns


def lines_at(place: ChipLines) -> EdgeLines:
    """Those of a simulated chip if a socket stands there, of the kernel's chip else; raises MissingLibraryError."""
    with suppress(OSError):  # nothing there: the kernel's answer says so best
        if stat.S_ISSOCK(place.chip.stat().st_mode):
            return SimulatedLines(place)
    try:
        from portillon_drivers.readers.wiegand.gpiod_lines import GpiodLines
    except ImportError as error:
        raise MissingLibraryError("gpiod (libgpiod v2) is not installed: it comes with Portillon on Linux") from error
    return GpiodLines(place)


def build(sections: Sequence[WiegandOptions], clock_ns: ClockNs) -> list[Reader]:
    """One reader per section."""
    return [WiegandReader(options, clock_ns) for options in sections]


DRIVER: Driver[WiegandOptions, Reader] = Driver(WiegandOptions, build)
