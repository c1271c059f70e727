"""The LED, buzzer and display of an OSDP reader: the reader keeps rhythm and time by itself.

An answer is sent as the LED's temporary pattern and how the door stands as the permanent one, in one command: whatever
happens to the gateway, the answer ends at its time and the reader falls back to how the door stood last.
- Reader lost power: dark until it is back on the line and the next refresh tells it again.
- Gateway dead: the answer ends; how the door stood stays shown; an alarm is silent after ALARM_MS at the latest.
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
ALARM_MS = 30_000
"""An alarm that nobody renews sounds for so long; whoever shows it does so again far sooner."""
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

    def show(self, pattern: Pattern, *, over: Pattern | None) -> int | None:
        """LED, buzzer and text, in this order: the light is there first."""
        self._pattern = pattern
        page, next_in_ms = page_at(pattern, 0)
        buzzer = [_buzzer(pattern)] if self._options.buzzer else []
        self._send([self._led(pattern, over), *buzzer, *self._texts(pattern, page)])
        return next_in_ms if self._options.display else None

    def play(self, elapsed_ms: int) -> int | None:
        """Turn the display's page; everything else goes on in the reader."""
        if self._pattern is None:
            raise TransientDeviceError(f"{self._options.port} are not open")
        page, next_in_ms = page_at(self._pattern, elapsed_ms)
        self._send(self._texts(self._pattern, page))
        return next_in_ms if self._options.display else None

    def close(self) -> None:
        """Silent, if the line is still there; the LED goes on as the reader has it."""
        pattern, self._pattern = self._pattern, None
        if self._options.buzzer and pattern is not None:
            with suppress(TransientDeviceError):  # a line that is gone takes nothing
                self._reader.ask(SILENCE)

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

    def _led(self, pattern: Pattern, over: Pattern | None) -> Led:
        number = self._options.led
        if pattern.for_ms is None:
            return Led(permanent=_blink(pattern), cancel_temporary=True, number=number)
        return Led(
            temporary=_blink(pattern),
            timer_ds=pattern.for_ms // TICK_MS,
            permanent=_blink(over) if over else None,
            number=number,
        )

    def _texts(self, pattern: Pattern, page: Page) -> list[Text]:
        if not self._options.display:
            return []
        lines = (*page.lines, *("",) * LINES_MAX)[:LINES_MAX]
        return [_text(line, row, pattern.for_ms) for row, line in enumerate(lines, start=1)]


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
    times = beeps.times or min(TICKS_MAX, ALARM_MS // (beeps.on_ms + beeps.off_ms))
    return Buzzer(Tone.DEFAULT, on_ds=beeps.on_ms // TICK_MS, off_ds=beeps.off_ms // TICK_MS, repeats=times)


def _text(line: str, row: int, for_ms: int | None) -> Text:
    shown = ascii_text(line)[:LINE_CHARS_MAX].ljust(LINE_CHARS_MAX)
    if for_ms is None:
        return Text(shown, TextMode.PERMANENT, time_s=0, row=row)
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
