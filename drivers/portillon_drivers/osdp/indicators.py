"""What the panel makes a reader show, sound and switch: outputs, LEDs, buzzer, text. Pure."""

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar, Self

from portillon_drivers.osdp.body import exactly, little_endian
from portillon_drivers.osdp.errors import CommandError, MalformedError

TEXT_CHARS_MAX = 32
"""Every display of the standard's examples holds this much; the length field would allow 255."""


class OutputControl(IntEnum):
    """What to do with an output (osdp_OUT)."""

    NOTHING = 0
    OFF_ABORT_TIMER = 1
    ON_ABORT_TIMER = 2
    OFF_AFTER_TIMER = 3
    ON_AFTER_TIMER = 4
    ON_FOR_TIME = 5
    OFF_FOR_TIME = 6


@dataclass(frozen=True, slots=True)
class Output:
    """osdp_OUT: drive one output; `timer_ds` 0: for ever."""

    CODE: ClassVar[int] = 0x68
    number: int
    control: OutputControl
    timer_ds: int = 0

    def data(self) -> bytes:
        return bytes([self.number, self.control]) + self.timer_ds.to_bytes(2, "little")

    @classmethod
    def read(cls, data: bytes) -> Self:
        exactly(data, 4)
        return cls(data[0], OutputControl(data[1]), little_endian(data[2:4]))


class Colour(IntEnum):
    """Colours of an LED."""

    OFF = 0
    RED = 1
    GREEN = 2
    AMBER = 3
    BLUE = 4
    MAGENTA = 5
    CYAN = 6
    WHITE = 7


@dataclass(frozen=True, slots=True)
class Blink:
    """One pattern: `on_ds` in the one colour, `off_ds` in the other, and so on."""

    on: Colour
    off: Colour = Colour.OFF
    on_ds: int = 1
    off_ds: int = 0


@dataclass(frozen=True, slots=True)
class Led:
    """osdp_LED: `temporary` for `timer_ds`, then what is permanent. A part that is None stays as it was.

    `cancel_temporary` ends a temporary pattern at once.
    """

    CODE: ClassVar[int] = 0x69
    temporary: Blink | None = None
    timer_ds: int = 0
    permanent: Blink | None = None
    cancel_temporary: bool = False
    reader: int = 0
    number: int = 0

    def data(self) -> bytes:
        temporary, permanent = self.temporary or Blink(Colour.OFF), self.permanent or Blink(Colour.OFF)
        code = 2 if self.temporary else 1 if self.cancel_temporary else 0
        return (
            bytes([self.reader, self.number, code, *_pattern(temporary)])
            + self.timer_ds.to_bytes(2, "little")
            + bytes([1 if self.permanent else 0, *_pattern(permanent)])
        )

    @classmethod
    def read(cls, data: bytes) -> Self:
        exactly(data, 14)
        if data[2] > 2 or data[9] > 1:
            raise MalformedError("an unknown LED control code")
        return cls(
            temporary=_blink(data[3:7]) if data[2] == 2 else None,
            timer_ds=little_endian(data[7:9]) if data[2] == 2 else 0,
            permanent=_blink(data[10:14]) if data[9] else None,
            cancel_temporary=data[2] == 1,
            reader=data[0],
            number=data[1],
        )


def _pattern(blink: Blink) -> tuple[int, int, int, int]:
    return blink.on_ds, blink.off_ds, blink.on, blink.off


def _blink(data: bytes) -> Blink:
    return Blink(Colour(data[2]), Colour(data[3]), data[0], data[1])


class Tone(IntEnum):
    """Tones of the buzzer; NONE is the old code for off."""

    NONE = 0
    OFF = 1
    DEFAULT = 2


@dataclass(frozen=True, slots=True)
class Buzzer:
    """osdp_BUZ: `on_ds` on, `off_ds` off, so many `repeats`; 0 repeats: until told otherwise."""

    CODE: ClassVar[int] = 0x6A
    tone: Tone = Tone.DEFAULT
    on_ds: int = 1
    off_ds: int = 0
    repeats: int = 1
    reader: int = 0

    def data(self) -> bytes:
        return bytes([self.reader, self.tone, self.on_ds, self.off_ds, self.repeats])

    @classmethod
    def read(cls, data: bytes) -> Self:
        exactly(data, 5)
        return cls(Tone(data[1]), data[2], data[3], data[4], data[0])


class TextMode(IntEnum):
    """How a text is shown."""

    PERMANENT = 1
    PERMANENT_WRAP = 2
    TEMPORARY = 3
    TEMPORARY_WRAP = 4


@dataclass(frozen=True, slots=True)
class Text:
    """osdp_TEXT: printable ASCII on the reader's display; row and column count from 1, `time_s` for temporary texts."""

    CODE: ClassVar[int] = 0x6B
    text: str
    mode: TextMode = TextMode.TEMPORARY
    time_s: int = 3
    row: int = 1
    column: int = 1
    reader: int = 0

    def data(self) -> bytes:
        if len(self.text) > TEXT_CHARS_MAX or not self.text.isascii() or not self.text.isprintable():
            raise CommandError(f"a reader shows up to {TEXT_CHARS_MAX} printable ASCII characters")
        head = bytes([self.reader, self.mode, self.time_s, self.row, self.column, len(self.text)])
        return head + self.text.encode("ascii")

    @classmethod
    def read(cls, data: bytes) -> Self:
        if len(data) < 6 or len(data) != 6 + data[5] or data[5] > TEXT_CHARS_MAX:
            raise MalformedError("a text whose length is wrong")
        text = data[6:].decode("latin-1")
        if not text.isascii() or not text.isprintable():
            raise MalformedError("a text that is not printable ASCII")
        return cls(text, TextMode(data[1]), data[2], data[3], data[4], data[0])
