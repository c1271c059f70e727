"""The LED, buzzer and display of an OSDP reader: the reader keeps rhythm and time by itself.

Everything is sent as temporary, and what stands is renewed long before its time is over. Underneath, as the permanent
pattern, lies ABANDONED: a reader that nobody renews says by itself that it is out of order, and falls silent.
- Reader lost power, or its line was cut: it shows ABANDONED, or what its maker chose, until the next refresh.
- Gateway stopped: ABANDONED at once. Gateway dead: an answer ends at its time, what stood within STAND_MS.
"""

import queue
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Literal

from pydantic import Field

from portillon_drivers.errors import PermanentDeviceError, TransientDeviceError
from portillon_drivers.indicators.ascii_text import ascii_text
from portillon_drivers.indicators.pattern import LINE_CHARS_MAX, LINES_MAX, TICK_MS, TICKS_MAX, Colour, Page, Pattern
from portillon_drivers.indicators.phase import page_at
from portillon_drivers.options import IndicatorOptions, Name
from portillon_drivers.osdp import commands
from portillon_drivers.osdp.commands import Blink, Buzzer, Command, Led, Text, TextMode, Tone
from portillon_drivers.osdp.panel_events import CommandDone, Outcome
from portillon_drivers.ports import Indicator, Reader
from portillon_drivers.readers.osdp import OsdpReader
from portillon_drivers.registry import IndicatorDriver

COLOURS: Mapping[Colour, commands.Colour] = {
    Colour.GREEN: commands.Colour.GREEN,
    Colour.RED: commands.Colour.RED,
    Colour.AMBER: commands.Colour.AMBER,
}
ANSWER_S_MAX = 2.0
STAND_MS = 30_000
"""For so long a pattern stands, and an alarm sounds, that nobody renews; whoever shows it does so far sooner."""
MARGIN_MS = 1_000
"""An answer is followed by another pattern in time, so that ABANDONED does not flash up in between."""
ABANDONED = Blink(commands.Colour.AMBER, commands.Colour.OFF, on_ds=1, off_ds=9)
"""The look of a door that is out of order."""
SILENCE = Buzzer(Tone.OFF, on_ds=0, off_ds=0, repeats=0)


class OsdpIndicatorOptions(IndicatorOptions):
    """A section `[[indicators]]` with `type = "osdp"`."""

    type: Literal["osdp"]
    reader: Name = Field(description="the OSDP reader whose LED and buzzer these are, for example lane1-reader")
    led: int = Field(default=0, ge=0, le=255, description="the number of its LED; 0 is the first")
    buzzer: bool = Field(default=True, description="false for a reader without a buzzer, or to keep it silent")
    display: bool = Field(default=False, description="true for a reader with a display of two lines of 16 or more")

    @property
    def port(self) -> str:
        """What it is a part of."""
        return f"the indicators of reader {self.reader}"

    @property
    def relies_on(self) -> str | None:
        """That reader."""
        return self.reader

    @property
    def answers(self) -> tuple[str, ...] | None:
        """Its own reader's badges, unless told otherwise."""
        return self.readers or (self.reader,)


class OsdpIndicator:
    """What one OSDP reader shows; fills the Indicator port."""

    def __init__(self, options: OsdpIndicatorOptions, reader: OsdpReader) -> None:
        self._options = options
        self._reader = reader
        self._pattern: Pattern | None = None

    @property
    def name(self) -> str:
        """The name that the configuration gives it."""
        return self._options.name

    def open(self) -> None:
        """Nothing to do: the reader's own driver opens the line."""

    def show(self, pattern: Pattern) -> int | None:
        """LED, buzzer and text, in this order: the light is there first."""
        self._pattern = pattern
        page, next_in_ms = page_at(pattern, 0)
        buzzer = [_buzzer(pattern)] if self._options.buzzer else []
        self._send([self._led(pattern), *buzzer, *self._texts(page, _lasts_ms(pattern))])
        return next_in_ms if self._options.display else None

    def play(self, elapsed_ms: int) -> int | None:
        """Turn the display's page; everything else goes on in the reader."""
        if self._pattern is None:
            raise TransientDeviceError(f"{self._options.port} are not open")
        page, next_in_ms = page_at(self._pattern, elapsed_ms)
        self._send(self._texts(page, _lasts_ms(self._pattern)))
        return next_in_ms if self._options.display else None

    def close(self) -> None:
        """Out of order and silent, if the line is still there; else the reader comes to it by itself."""
        pattern, self._pattern = self._pattern, None
        if pattern is not None:
            led = Led(permanent=ABANDONED, cancel_temporary=True, number=self._options.led)
            silence = [SILENCE] if self._options.buzzer else []
            with suppress(TransientDeviceError, OSError):  # a line that is gone takes nothing
                self._send([led, *silence, *self._texts(Page(()), MARGIN_MS)])

    def _send(self, wanted: Sequence[Command]) -> None:
        """All at once, then wait for every answer; raises TransientDeviceError if one was not done."""
        answers: queue.SimpleQueue[CommandDone] = queue.SimpleQueue()
        for command in wanted:
            self._reader.ask(command, answers.put)
        for _ in wanted:
            try:
                done = answers.get(timeout=ANSWER_S_MAX)
            except queue.Empty:
                raise TransientDeviceError(f"{self._options.port}: no answer within {ANSWER_S_MAX:.0f} s") from None
            if done.outcome is not Outcome.DONE:
                raise TransientDeviceError(f"{self._options.port}: {_told(done)}")

    def _led(self, pattern: Pattern) -> Led:
        timer_ds = _lasts_ms(pattern) // TICK_MS
        return Led(_blink(pattern), timer_ds, permanent=ABANDONED, number=self._options.led)

    def _texts(self, page: Page, for_ms: int) -> list[Text]:
        if not self._options.display:
            return []
        lines = (*page.lines, *("",) * LINES_MAX)[:LINES_MAX]
        return [_text(line, row, for_ms) for row, line in enumerate(lines, start=1)]


def _lasts_ms(pattern: Pattern) -> int:
    return STAND_MS if pattern.for_ms is None else pattern.for_ms + MARGIN_MS


def _told(done: CommandDone) -> str:
    if done.outcome is Outcome.REFUSED:
        return f"refused ({done.detail or done.nak}); for what this reader does not have, set buzzer or display = false"
    return f"{done.outcome}: {done.detail}" if done.detail else str(done.outcome)


def _blink(pattern: Pattern) -> Blink:
    rhythm = pattern.rhythm
    colour = COLOURS[pattern.colour]
    dark = commands.Colour.OFF if rhythm.off_ms else colour  # a reader that wants two times is steady nevertheless
    return Blink(colour, dark, on_ds=rhythm.on_ms // TICK_MS, off_ds=rhythm.off_ms // TICK_MS)


def _buzzer(pattern: Pattern) -> Buzzer:
    beeps = pattern.beeps
    if beeps is None:
        return SILENCE
    times = beeps.times or min(TICKS_MAX, STAND_MS // (beeps.on_ms + beeps.off_ms))
    return Buzzer(Tone.DEFAULT, on_ds=beeps.on_ms // TICK_MS, off_ds=beeps.off_ms // TICK_MS, repeats=times)


def _text(line: str, row: int, for_ms: int) -> Text:
    shown = ascii_text(line)[:LINE_CHARS_MAX].ljust(LINE_CHARS_MAX)
    return Text(shown, TextMode.TEMPORARY, time_s=-(-for_ms // 1_000), row=row)


def build(sections: Sequence[OsdpIndicatorOptions], readers: Mapping[str, Reader]) -> list[Indicator]:
    """One indicator per section; raises PermanentDeviceError where its reader is no OSDP reader."""
    return [OsdpIndicator(options, _reader(options, readers)) for options in sections]


def _reader(options: OsdpIndicatorOptions, readers: Mapping[str, Reader]) -> OsdpReader:
    reader = readers.get(options.reader)
    if not isinstance(reader, OsdpReader):
        raise PermanentDeviceError(f'indicator "{options.name}": "{options.reader}" is no OSDP reader; correct reader')
    return reader


DRIVER: IndicatorDriver[OsdpIndicatorOptions] = IndicatorDriver(OsdpIndicatorOptions, build)
