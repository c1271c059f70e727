"""What the kernel makes of a keyboard scanner's keys: a FIFO of `struct input_event` where a driver looks for it.

Not modelled: the grab (a FIFO has one reader anyway), the kernel's queue of 64 events, and what was typed before the
driver opened it, which a FIFO keeps and the kernel does not.
"""

import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from portillon_drivers.errors import TransientDeviceError
from portillon_drivers.events import ClockNs
from portillon_drivers.options import ReaderOptions
from portillon_drivers.readers.keyboard_layouts import LAYOUTS, Layout, Stroke
from portillon_drivers.readers.simulated_scanner import AIM_IDENTIFIER, SimulatedCodes
from portillon_drivers.readers.wedge_keys import (
    EV_KEY,
    EV_MSC,
    EV_SYN,
    INPUT_EVENT,
    KEY_ALTGR,
    KEY_ENTER,
    KEY_LEFT_SHIFT,
    KEY_TAB,
    PRESSED,
    RELEASED,
    SYN_DROPPED,
    SYN_REPORT,
)
from portillon_drivers.readers.wedge_scanner import WedgeScannerOptions
from portillon_drivers.simulated_reader import CannotPresentError

KEY_F1 = 59
MSC_SCAN = 4
CHANGE_NS = 2_000_000
"""Between a press and the next change of a key: a full-speed HID device is polled every 1 to 8 ms."""
SUFFIXES = {"enter": KEY_ENTER, "tab": KEY_TAB}


def event(at_ns: int, kind: int, code: int, value: int) -> bytes:
    """One `struct input_event`."""
    return INPUT_EVENT.pack(at_ns // 1_000_000_000, at_ns // 1_000 % 1_000_000, kind, code, value)


def change(at_ns: int, key: int, value: int) -> bytes:
    """What the kernel tells when a key goes down or up."""
    return event(at_ns, EV_MSC, MSC_SCAN, 0x70000 | key) + event(at_ns, EV_KEY, key, value) + event(at_ns, EV_SYN, 0, 0)


def changes_of(text: str, layout: Layout) -> Iterator[tuple[int, int]]:
    """The presses and releases by which a scanner types this text; raises CannotPresentError."""
    strokes: dict[str, Stroke] = {}
    for stroke, character in layout.items():
        strokes.setdefault(character, stroke)
    for character in text:
        if character not in strokes:
            raise CannotPresentError("this keyboard layout has no key for one of these characters")
        stroke = strokes[character]
        held = [KEY_LEFT_SHIFT] * stroke.shift + [KEY_ALTGR] * stroke.altgr
        yield from ((key, PRESSED) for key in [*held, stroke.key])
        yield from ((key, RELEASED) for key in [stroke.key, *held])


class SimulatedWedgeScanner(SimulatedCodes):
    """One on a FIFO, set as the options say. Fills SimulatedReader."""

    def __init__(self, options: WedgeScannerOptions, clock_ns: ClockNs = time.monotonic_ns) -> None:
        self._options = options
        self._clock_ns = clock_ns
        self._at_ns = 0
        self._fifo: int | None = None

    @property
    def section(self) -> Mapping[str, Any]:
        """Where the driver finds it."""
        return {"path": str(self._options.path)}

    def plug(self) -> None:
        """USB in."""
        if self._fifo is None:
            self._options.path.parent.mkdir(parents=True, exist_ok=True)
            self._options.path.unlink(missing_ok=True)
            os.mkfifo(self._options.path, 0o600)
            # Opened for both, so that it never waits for a reader and no reader ever finds it without a writer.
            self._fifo = os.open(self._options.path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)

    def unplug(self) -> None:
        """USB out."""
        if self._fifo is not None:
            self._options.path.unlink(missing_ok=True)
            os.close(self._fifo)
            self._fifo = None

    close = unplug

    def scan(self, text: str) -> None:
        """Hold a printed or shown code to it; raises TransientDeviceError, or CannotPresentError for its layout."""
        for data in self.events_of(text):
            self._send(data)

    def trickle(self, text: str) -> None:
        """The same with pauses between the keys (by the kernel's times), and every event in pieces."""
        for data in self.events_of(text, change_ns=self._options.gap_ms * 1_000_000):
            for at in range(0, len(data), 5):
                self._send(data[at : at + 5])

    def noise(self) -> None:
        """A key that types nothing inside a code, and a code of which the kernel dropped a part."""
        begun, rest = ([*changes_of(part, LAYOUTS[self._options.layout])] for part in ("JU", "NK"))
        for key, value in [*begun, (KEY_F1, PRESSED), (KEY_F1, RELEASED), *rest, *self._suffix(), *begun]:
            self._send(change(self._next_ns(CHANGE_NS), key, value))
        self._send(event(self._at_ns, EV_SYN, SYN_DROPPED, 0) + event(self._at_ns, EV_SYN, SYN_REPORT, 0))
        for key, value in [*rest, *self._suffix()]:
            self._send(change(self._next_ns(CHANGE_NS), key, value))

    def events_of(self, text: str, change_ns: int = CHANGE_NS) -> list[bytes]:
        """The kernel's events for a code, key by key."""
        identifier = AIM_IDENTIFIER if self._options.aim_identifier else ""
        typed = changes_of(self._options.prefix + identifier + text, LAYOUTS[self._options.layout])
        return [change(self._next_ns(change_ns), key, value) for key, value in [*typed, *self._suffix()]]

    def _suffix(self) -> list[tuple[int, int]]:
        key = SUFFIXES[self._options.suffix]
        return [(key, PRESSED), (key, RELEASED)]

    def _next_ns(self, change_ns: int) -> int:
        self._at_ns = max(self._clock_ns(), self._at_ns + change_ns)
        return self._at_ns

    def _send(self, data: bytes) -> None:
        if self._fifo is None:
            raise TransientDeviceError(f"{self._options.path} is not plugged in")
        try:
            os.write(self._fifo, data)
        except OSError as error:
            raise TransientDeviceError(f"{self._options.path} is full: nobody reads it") from error


def simulate(options: ReaderOptions, folder: Path) -> SimulatedWedgeScanner:
    """One whose FIFO lies in `folder`."""
    described = WedgeScannerOptions.model_validate({**options.model_dump(), "path": folder / options.name})
    return SimulatedWedgeScanner(described)
