"""A relay of an OSDP reader (osdp_OUT), timed in the reader: it drives the locked state for ever and the releasing one
only for a time, after which it falls back by itself, whoever has died meanwhile (SIA OSDP v2.2, clause 6).

    wiring                 locked                      releasing
    energise_to_release    off for good (code 1)       on for so long (code 5)
    energise_to_lock       on for good (code 2)        off for so long (code 6)

What each loss means:
- Gateway killed: a release ends at its own time, a hold HOLD_MS after it was last renewed. No guard is needed.
- Line cut: the same; then nothing can be released until the reader is back and was told to lock.
- Reader without power: its relay drops. With energise_to_release that is locked, with energise_to_lock free; a maglock
  whose reader returns is free until the gateway has met the reader and told it to lock (about a second).
- A command that its line could not carry for 5 s is dropped: it is never carried out later than that.
"""

import threading
from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import Field

from portillon_drivers.errors import TransientDeviceError
from portillon_drivers.events import (
    ClockNs,
    OutputDown,
    OutputEvent,
    OutputLocked,
    OutputReleased,
    TellOutput,
)
from portillon_drivers.options import OutputOptions, Wiring
from portillon_drivers.osdp.attached import TerminalOptions, reader_of
from portillon_drivers.osdp.commands import Output as OutputCommand
from portillon_drivers.osdp.commands import OutputControl
from portillon_drivers.osdp.panel_events import CommandDone, Outcome, PanelEvent, ReaderOffline, ReaderOnline
from portillon_drivers.ports import Reader, TimedOutput
from portillon_drivers.readers.osdp import OsdpReader
from portillon_drivers.registry import AttachedDriver

TICK_MS = 100
"""The reader's timers count tenths of a second."""
HOLD_MS = 5_000
"""An output declared `continuous` may be told to release for so long, however short its `max_on_ms`: it is renewed."""
RETRY_NS = 2_000_000_000
"""A reader that refused or lost a command is told to lock again after this."""


class OsdpOutputOptions(TerminalOptions, OutputOptions):
    """A section `[[outputs]]` with `type = "osdp"`."""

    type: Literal["osdp"]
    max_on_ms: int = Field(ge=TICK_MS, le=60_000, description="no release lasts longer than this, whatever is asked")

    @property
    def guarded(self) -> bool:
        """The reader ends each release; its line belongs to the gateway, so the guard could not even reach it."""
        return False

    @property
    def port(self) -> str:
        """Its own terminal."""
        return f"output {self.number} of reader {self.reader}"


class OsdpOutput:
    """One relay of one reader; fills the TimedOutput port."""

    def __init__(self, options: OsdpOutputOptions, reader: OsdpReader, clock_ns: ClockNs) -> None:
        self._options = options
        self._reader = reader
        self._clock_ns = clock_ns
        self._turn = threading.Lock()
        self._told: TellOutput | None = None
        self._down: str | None = None
        self._relock_ns: int | None = None
        """When to tell the reader to lock, so that it is known how it stands; None: it is known, or nobody is there."""
        energises = options.wiring is Wiring.ENERGISE_TO_RELEASE
        self._locked = OutputControl.OFF_ABORT_TIMER if energises else OutputControl.ON_ABORT_TIMER
        self._releasing = OutputControl.ON_FOR_TIME if energises else OutputControl.OFF_FOR_TIME
        reader.serve(self)

    @property
    def name(self) -> str:
        """The name that the configuration gives it."""
        return self._options.name

    def attend(self, told: TellOutput) -> None:
        """Lock whenever the reader comes into service, and tell how it stands."""
        with self._turn:
            self._told = told

    def release(self, for_ms: int) -> None:
        """For so long, in tenths of a second rounded down, at least one and at most `max_on_ms` (or a hold)."""
        options = self._options
        bound_ms = max(options.max_on_ms, HOLD_MS) if options.continuous else options.max_on_ms
        ticks = max(1, min(for_ms, bound_ms) // TICK_MS)
        self._reader.ask(OutputCommand(options.number, self._releasing, ticks), self._released)

    def lock(self) -> None:
        """Now, and for good."""
        self._ask_lock(asked=True)

    def hear(self, event: PanelEvent) -> None:
        """Something happened at the reader."""
        match event:
            case ReaderOnline():
                self._relock_ns = self._clock_ns()
            case ReaderOffline(why=why):
                self._relock_ns = None
                self._fail(why)

    def pass_time(self) -> None:
        """Lock what is not known to be locked: after its reader came, and again after a failure."""
        now_ns = self._clock_ns()
        if self._relock_ns is not None and now_ns >= self._relock_ns:
            self._relock_ns = now_ns + RETRY_NS
            try:
                self._ask_lock(asked=False)
            except TransientDeviceError as error:
                self._fail(str(error))

    def _ask_lock(self, *, asked: bool) -> None:
        command = OutputCommand(self._options.number, self._locked)
        self._reader.ask(command, lambda done: self._was_locked(done, asked=asked))

    def _released(self, done: CommandDone) -> None:
        if done.outcome is Outcome.DONE:
            self._tell(OutputReleased(self.name, self._clock_ns()))
        else:
            self._failed(done)

    def _was_locked(self, done: CommandDone, *, asked: bool) -> None:
        if done.outcome is Outcome.DONE:
            self._relock_ns = self._down = None
            self._tell(OutputLocked(self.name, self._clock_ns(), asked))
        else:
            self._failed(done)

    def _failed(self, done: CommandDone) -> None:
        if done.outcome is not Outcome.READER_OFFLINE and self._relock_ns is None:
            self._relock_ns = self._clock_ns() + RETRY_NS
        refused = "the reader refuses: has it this output?" if done.outcome is Outcome.REFUSED else str(done.outcome)
        self._fail(f"{self._options.port}: {refused}{f' ({done.detail})' if done.detail else ''}")

    def _fail(self, why: str) -> None:
        if why != self._down:
            self._down = why
            self._tell(OutputDown(self.name, why, self._clock_ns()))

    def _tell(self, event: OutputEvent) -> None:
        with self._turn:
            told = self._told
        if told is not None:
            told(event)


def build(sections: Sequence[OsdpOutputOptions], clock_ns: ClockNs, readers: Mapping[str, Reader]) -> list[TimedOutput]:
    """One output per section; raises PermanentDeviceError where there is no such reader."""
    return [OsdpOutput(options, reader_of(options, readers), clock_ns) for options in sections]


DRIVER: AttachedDriver[OsdpOutputOptions, TimedOutput] = AttachedDriver(OsdpOutputOptions, build)
