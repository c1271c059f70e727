"""Contacts on the input terminals of OSDP readers (osdp_ISTATR): told by the reader with the next poll, and asked for.

The reader debounces, so `debounce_ms` is 0 unless more is wanted; a change is known within one round of its line. What
is asked for: the states on coming into service, and every ASK_NS, for a reader that forgot to tell. A reader that no
longer answers is called gone after 8 s (clause 5.7); until then its inputs stand as they last did.
"""

import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import groupby
from typing import Literal

from pydantic import Field

from portillon_drivers.errors import TransientDeviceError
from portillon_drivers.events import ClockNs, EmitInputEvent, InputDown, InputEvent, InputUp, LineTrouble
from portillon_drivers.inputs.line_watch import Found, LineWatch
from portillon_drivers.options import InputOptions
from portillon_drivers.osdp.attached import TerminalOptions, reader_of
from portillon_drivers.osdp.commands import InputStatusRequest
from portillon_drivers.osdp.identity import Function
from portillon_drivers.osdp.panel_events import PanelEvent, ReaderOffline, ReaderOnline, StatusChanged
from portillon_drivers.ports import Inputs, Reader
from portillon_drivers.readers.osdp import OsdpReader
from portillon_drivers.registry import AttachedDriver

ASK_NS = 5_000_000_000
STATES = {0: False, 1: True}
"""At rest and active, as the standard has them; an active terminal counts as a closed contact."""


class OsdpInputOptions(TerminalOptions, InputOptions):
    """A section `[[inputs]]` with `type = "osdp"`."""

    type: Literal["osdp"]
    debounce_ms: int = Field(default=0, ge=0, le=1_000, description="on top of what the reader itself does")

    @property
    def port(self) -> str:
        """All inputs of a reader are told together."""
        return f"the inputs of reader {self.reader}"

    @property
    def place(self) -> str:
        """The reader and the terminal."""
        return f"input {self.number} of reader {self.reader}"


class OsdpInputs:
    """The inputs of one reader; fills the Inputs port. All is told on the thread that drives the reader's line."""

    def __init__(self, sections: Sequence[OsdpInputOptions], reader: OsdpReader, clock_ns: ClockNs) -> None:
        self._sections = {options.name: options for options in sections}
        self._watches = {options.name: LineWatch(options) for options in sections}
        self._reader = reader
        self._clock_ns = clock_ns
        self._turn = threading.Lock()
        self._emit: EmitInputEvent | None = None
        self._states: tuple[int, ...] | None = None
        self._why: str | None = None
        self._told: dict[str, str | None] = {}
        """By name, whether it was told as up (None) or as down, and why."""
        self._in_service = False
        self._ask_ns = 0
        reader.serve(self)

    @property
    def names(self) -> tuple[str, ...]:
        """The names that the configuration gives them."""
        return tuple(self._sections)

    def run(self, emit: EmitInputEvent, stop: threading.Event) -> None:
        """Tell until `stop`; the reader's own driver opens the line."""
        with self._turn:
            self._told = {}
            self._emit = emit
            self._look()
        stop.wait()
        with self._turn:
            self._emit = None

    def hear(self, event: PanelEvent) -> None:
        """Something happened at the reader."""
        with self._turn:
            match event:
                case StatusChanged(inputs=states) if states is not None:
                    self._look()  # the old states stood until now
                    self._states, self._why, self._in_service = states, None, True
                case ReaderOnline(capabilities=capabilities):
                    self._ask_ns, self._in_service = self._clock_ns() + ASK_NS, True
                    if not capabilities.count(Function.CONTACTS):
                        self._states, self._why = None, "the reader says that it has no inputs"
                case ReaderOffline(why=why):
                    self._states, self._why, self._in_service = None, why, False
            self._look()

    def pass_time(self) -> None:
        """A state may have stood for long enough; a reader may have forgotten to tell."""
        with self._turn:
            self._look()
            if self._in_service and self._clock_ns() >= self._ask_ns:
                self._ask_ns = self._clock_ns() + ASK_NS
                with suppress(TransientDeviceError):  # too much is under way: it is asked with the next round
                    self._reader.ask(InputStatusRequest())

    def _look(self) -> None:
        now_ns = self._clock_ns()
        for name, options in self._sections.items():
            why, found = self._found(options)
            if why is not None:
                self._down(name, why, now_ns)
            elif found is not None:
                if self._told.get(name, "") is not None:
                    self._told[name] = None
                    self._watches[name].forget()
                    self._tell(InputUp(name, now_ns))
                for event in self._watches[name].sample(found, now_ns):
                    self._tell(event)

    def _found(self, options: OsdpInputOptions) -> tuple[str | None, Found | None]:
        """Why nothing can be known, or what is; neither: not yet."""
        if self._states is None:
            return self._why, None
        if options.number >= len(self._states):
            return f"{options.place}: the reader has {len(self._states)} inputs, the first is number 0", None
        state = self._states[options.number]
        if state not in STATES:
            return None, Found(LineTrouble.FOREIGN, f"{options.place}: the reader tells the unknown state {state}")
        return None, Found(STATES[state])

    def _down(self, name: str, why: str, now_ns: int) -> None:
        if self._told.get(name) != why:
            self._told[name] = why
            self._tell(InputDown(name, why, now_ns))

    def _tell(self, event: InputEvent) -> None:
        if self._emit is not None:
            self._emit(event)


def build(sections: Sequence[OsdpInputOptions], clock_ns: ClockNs, readers: Mapping[str, Reader]) -> list[Inputs]:
    """One group of inputs per reader; raises PermanentDeviceError where there is no such reader."""
    by_reader = groupby(sorted(sections, key=lambda options: options.reader), key=lambda options: options.reader)
    groups = [list(group) for _, group in by_reader]
    return [OsdpInputs(group, reader_of(group[0], readers), clock_ns) for group in groups]


DRIVER: AttachedDriver[OsdpInputOptions, Inputs] = AttachedDriver(OsdpInputOptions, build)
