"""The codes that a keyboard-wedge scanner types, from the kernel's input events. Pure: their bytes in, codes out.

    struct input_event: seconds and microseconds (long), type and code (unsigned 16 bits), value (32 bits)

Gaps are judged by the kernel's own times, so a busy interpreter does not tear a code. What the kernel says it dropped
(SYN_DROPPED) spoils the code it was part of.
"""

import struct
from collections.abc import Iterator

from portillon_drivers.events import ReaderFaultKind
from portillon_drivers.readers.code_text import CodeText
from portillon_drivers.readers.frame_fault import FrameFault
from portillon_drivers.readers.keyboard_layouts import Layout, Stroke

INPUT_EVENT = struct.Struct("@llHHi")
EV_SYN, EV_KEY, EV_MSC = 0, 1, 4
SYN_REPORT, SYN_DROPPED = 0, 3
RELEASED, PRESSED = 0, 1
KEY_TAB, KEY_ENTER, KEY_NUMBER_PAD_ENTER = 15, 28, 96
KEY_LEFT_CTRL, KEY_LEFT_SHIFT, KEY_RIGHT_SHIFT, KEY_LEFT_ALT, KEY_ALTGR = 29, 42, 54, 56, 100
KEY_RIGHT_CTRL, KEY_LEFT_META, KEY_RIGHT_META = 97, 125, 126
"""Numbers of Linux' input-event-codes.h."""
_SHIFTS = frozenset({KEY_LEFT_SHIFT, KEY_RIGHT_SHIFT})
_CTRL_ALT = frozenset({KEY_LEFT_CTRL, KEY_LEFT_ALT})
"""Pressed together they are AltGr, and some scanners send them for it."""
_MODIFIERS = _SHIFTS | _CTRL_ALT | {KEY_ALTGR, KEY_RIGHT_CTRL, KEY_LEFT_META, KEY_RIGHT_META}


class WedgeKeys:
    """Follows the keys of one scanner."""

    def __init__(self, code: CodeText, *, layout: Layout, ends: frozenset[int]) -> None:
        self._code = code
        self._layout = layout
        self._ends = ends
        self._rest = b""
        self._held: set[int] = set()
        self._resynchronising = False
        self._last_event_ns = 0
        self._last_read_ns = 0

    def feed(self, data: bytes, at_ns: int) -> Iterator[str | FrameFault]:
        """Codes and faults in `data`, in order; b"" lets time pass."""
        if not data:
            yield from self._code.quiet(at_ns - self._last_read_ns)
            return
        self._last_read_ns = at_ns
        data = self._rest + data
        whole = len(data) // INPUT_EVENT.size * INPUT_EVENT.size
        self._rest = data[whole:]
        for seconds, microseconds, kind, code, value in INPUT_EVENT.iter_unpack(data[:whole]):
            event_ns = (seconds * 1_000_000 + microseconds) * 1_000
            if kind == EV_SYN:
                yield from self._synchronise(code)
            elif kind == EV_KEY and not self._resynchronising:
                yield from self._code.quiet(event_ns - self._last_event_ns)
                self._last_event_ns = event_ns
                yield from self._key(code, value, at_ns)

    def line_lost(self) -> Iterator[FrameFault]:
        """The scanner went away: a begun code will not be finished, and no key is held."""
        yield from self._code.break_off()
        self._rest = b""
        self._held.clear()
        self._resynchronising = False

    def _synchronise(self, code: int) -> Iterator[FrameFault]:
        if code == SYN_DROPPED:
            self._resynchronising = True
            self._held.clear()
            yield from self._code.spoil(
                FrameFault(ReaderFaultKind.EDGES_DROPPED, "the kernel dropped keys because nobody read them in time")
            )
        elif code == SYN_REPORT:
            self._resynchronising = False

    def _key(self, key: int, value: int, at_ns: int) -> Iterator[str | FrameFault]:
        if key in _MODIFIERS:
            if value == RELEASED:
                self._held.discard(key)
            else:
                self._held.add(key)
        elif value != PRESSED:  # a release, or a key that the kernel repeats because its release is late
            return
        elif key in self._ends:
            yield from self._code.end(at_ns)
        else:
            character = self._character(key)
            if character is None:
                yield from self._code.spoil(
                    FrameFault(
                        ReaderFaultKind.MALFORMED,
                        "a key that gives no printable ASCII character in this layout: check `layout` and `suffix`",
                    )
                )
            else:
                yield from self._code.add(ord(character))

    def _character(self, key: int) -> str | None:
        others = self._held - _SHIFTS
        altgr = others in ({KEY_ALTGR}, _CTRL_ALT, _CTRL_ALT | {KEY_ALTGR})
        if others and not altgr:
            return None
        return self._layout.get(Stroke(key, shift=bool(self._held & _SHIFTS), altgr=altgr))
