"""What an OSDP reader is told so that it goes on by itself, also when nobody is left to tell it."""

from typing import Any

import pytest
from portillon_drivers.errors import PermanentDeviceError, TransientDeviceError
from portillon_drivers.indicators import osdp_reader
from portillon_drivers.indicators.osdp_reader import ABANDONED, DRIVER, STAND_MS, OsdpIndicator, OsdpIndicatorOptions
from portillon_drivers.indicators.pattern import FOR_MS_MAX, Beeps, Colour, Page, Pattern, Rhythm
from portillon_drivers.osdp import commands
from portillon_drivers.osdp.bus_line import Done
from portillon_drivers.osdp.commands import Blink, Buzzer, Command, Led, Text, TextMode, Tone
from portillon_drivers.osdp.panel_events import CommandDone
from portillon_drivers.osdp.panel_events import Outcome as Ended
from portillon_edge.doors.scene import REFRESH_MS
from portillon_edge.doors.showing import TABLE, Outcome

FREE = Pattern(colour=Colour.GREEN, rhythm=Rhythm(2_900, 100), pages=(Page(("Ouvert :",)),))
GRANTED = Pattern(colour=Colour.GREEN, rhythm=Rhythm(1_000), beeps=Beeps(1, 500), for_ms=4_000)
ALARM = Pattern(colour=Colour.RED, rhythm=Rhythm(400, 200), beeps=Beeps(0, 300, 200))


class Reader:
    """Takes every command, or refuses those of one kind, or never answers."""

    def __init__(self, refuses: type[Any] | None = None, mute: bool = False) -> None:
        self.taken: list[Command] = []
        self._refuses = refuses
        self._mute = mute

    def ask(self, command: Command, done: Done = lambda _: None) -> None:
        self.taken.append(command)
        refused = self._refuses is not None and isinstance(command, self._refuses)
        if not self._mute:
            done(CommandDone(1, 1, Ended.REFUSED if refused else Ended.DONE, detail="NAK 3" if refused else ""))


def indicator(reader: Reader, **keys: Any) -> OsdpIndicator:
    options = OsdpIndicatorOptions(name="lane1-led", type="osdp", door="lane1", reader="lane1-reader", **keys)
    return OsdpIndicator(options, reader)  # type: ignore[arg-type]


def test_an_answer_ends_in_the_reader_itself() -> None:
    """It is temporary, with its time and a margin for what follows; out of order lies under it."""
    reader = Reader()
    indicator(reader, led=2).show(GRANTED)
    led = reader.taken[0]
    assert led == Led(
        temporary=Blink(commands.Colour.GREEN, commands.Colour.GREEN, 10, 0),
        timer_ds=50,
        permanent=ABANDONED,
        number=2,
    )
    assert reader.taken[1] == Buzzer(Tone.DEFAULT, on_ds=5, off_ds=1, repeats=1)


def test_what_nobody_renews_turns_into_out_of_order() -> None:
    """A dead gateway leaves no reader that invites: what stands is temporary too, and renewed well within its time."""
    reader = Reader()
    indicator(reader).show(FREE)
    led = reader.taken[0]
    assert isinstance(led, Led) and led.temporary is not None and led.permanent == ABANDONED
    assert 2 * REFRESH_MS < 100 * led.timer_ds == STAND_MS
    assert isinstance(reader.taken[1], Buzzer) and reader.taken[1].tone is Tone.OFF
    look = TABLE[Outcome.OUT_OF_ORDER]
    assert (ABANDONED.on_ds * 100, ABANDONED.off_ds * 100) == (look.rhythm.on_ms, look.rhythm.off_ms)


def test_a_gateway_that_stops_says_so() -> None:
    """Out of order at once, silent, and no text; closing again tells nothing more."""
    reader = Reader()
    shown = indicator(reader, display=True)
    shown.show(ALARM)
    reader.taken.clear()
    shown.close()
    shown.close()
    led, buzzer, *texts = reader.taken
    assert led == Led(permanent=ABANDONED, cancel_temporary=True)
    assert isinstance(buzzer, Buzzer) and buzzer.tone is Tone.OFF
    assert [text.text.strip() for text in texts if isinstance(text, Text)] == ["", ""]


def test_an_alarm_that_nobody_renews_falls_silent() -> None:
    """A reader whose gateway died does not sound for ever: 0 repeats would be until told otherwise."""
    reader = Reader()
    indicator(reader).show(ALARM)
    buzzer = reader.taken[1]
    assert isinstance(buzzer, Buzzer)
    assert 0 < buzzer.repeats * 100 * (buzzer.on_ds + buzzer.off_ds) <= STAND_MS


def test_texts_are_for_as_long_as_the_light() -> None:
    """Both rows, filled up so that nothing of the last text is left; each ends in the reader by itself."""
    reader = Reader()
    shown = indicator(reader, display=True, buzzer=False)
    shown.show(FREE)
    shown.show(GRANTED)
    texts = [command for command in reader.taken if isinstance(command, Text)]
    assert [(text.row, text.mode, text.text) for text in texts] == [
        (1, TextMode.TEMPORARY, "Ouvert :".ljust(16)),
        (2, TextMode.TEMPORARY, " " * 16),
        (1, TextMode.TEMPORARY, " " * 16),
        (2, TextMode.TEMPORARY, " " * 16),
    ]
    assert [text.time_s for text in texts] == [30, 30, 5, 5]
    assert not [command for command in reader.taken if isinstance(command, Buzzer)]


def test_the_longest_answer_fits_what_a_reader_can_count() -> None:
    """Text in one byte of seconds, light in two bytes of tenths; a pattern that asks for more is no pattern."""
    reader = Reader()
    longest = Pattern(
        colour=Colour.AMBER, rhythm=Rhythm(600, 900), pages=(Page(("Second person:",)),), for_ms=FOR_MS_MAX
    )
    indicator(reader, display=True).show(longest)
    for command in reader.taken:
        assert isinstance(command, Buzzer | Led | Text) and command.data()
    for wrong_ms in (0, 50, FOR_MS_MAX + 100):
        with pytest.raises(ValueError, match="for_ms"):
            Pattern(colour=Colour.AMBER, rhythm=Rhythm(600, 900), for_ms=wrong_ms)


def test_what_the_reader_does_not_have_is_named() -> None:
    """A technician reads which key to set."""
    with pytest.raises(TransientDeviceError, match=r"lane1-reader: refused \(NAK 3\); .* buzzer or display = false"):
        indicator(Reader(refuses=Buzzer)).show(FREE)
    assert indicator(Reader(refuses=Buzzer), buzzer=False).show(FREE) is None


def test_a_bus_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounded: the next try shows what is newest then."""
    monkeypatch.setattr(osdp_reader, "ANSWER_S_MAX", 0.01)
    with pytest.raises(TransientDeviceError, match="no answer within"):
        indicator(Reader(mute=True)).show(FREE)


def test_only_osdp_readers_have_these() -> None:
    """Another reader has no LED that the gateway could reach."""
    options = OsdpIndicatorOptions(name="led", type="osdp", door="lane1", reader="lane1-reader")
    with pytest.raises(PermanentDeviceError, match='"lane1-reader" is no OSDP reader; correct reader'):
        DRIVER.build([options], {})


def test_it_answers_its_own_reader_unless_told_otherwise() -> None:
    """A lane with a reader on each side does not light both."""
    reader = Reader()
    assert indicator(reader)._options.answers == ("lane1-reader",)
    assert indicator(reader, readers=("a", "b"))._options.answers == ("a", "b")
