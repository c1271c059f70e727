"""A two-wire bus between one control panel and its readers, as slow, noisy or broken as it is told to be.

Each end is a pseudo-terminal; the readers hear the panel and each other, as on true RS-485. Not modelled: collisions
(bytes that meet are joined one after the other) and the level of the idle line.
"""

import os
import random
import selectors
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from portillon_drivers.errors import TransientDeviceError
from portillon_drivers.events import ClockNs
from portillon_drivers.pty_line import PtyLine

BITS_PER_BYTE = 10
"""8N1: start bit, eight bits, stop bit."""
BACKLOG_BYTES_MAX = 65_536


@dataclass(frozen=True, slots=True)
class Wire:
    """How the wire is: how long one byte takes (0: no time), how often noise hits one (0 to 1), whether it is cut."""

    byte_ns: int = 0
    noise: float = 0.0
    cut: bool = False

    @staticmethod
    def byte_ns_at(baud: int) -> int:
        """The time of one byte on a line of that speed."""
        return BITS_PER_BYTE * 1_000_000_000 // baud


class OneWay:
    """One direction of a wire. Pure: bytes and the time in, bytes that are due out."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311  a simulation that can be repeated
        self._waiting: deque[tuple[int, int]] = deque(maxlen=BACKLOG_BYTES_MAX)
        self._free_ns = 0

    def feed(self, data: bytes, now_ns: int, wire: Wire) -> None:
        """Bytes enter the wire; a cut one swallows them."""
        for byte in data:
            self._free_ns = max(self._free_ns, now_ns) + wire.byte_ns
            if wire.cut:
                continue
            hit = wire.noise > 0 and self._random.random() < wire.noise
            for arrived in self._disturbed(byte) if hit else (byte,):
                self._waiting.append((self._free_ns, arrived))

    def due(self, now_ns: int) -> bytes:
        """What has arrived at the other end by now."""
        found = bytearray()
        while self._waiting and self._waiting[0][0] <= now_ns:
            found.append(self._waiting.popleft()[1])
        return bytes(found)

    @property
    def next_ns(self) -> int | None:
        """When the next byte arrives; None if none is on its way."""
        return self._waiting[0][0] if self._waiting else None

    def _disturbed(self, byte: int) -> tuple[int, ...]:
        match self._random.randrange(3):
            case 0:
                return (byte ^ 1 << self._random.randrange(8),)
            case 1:
                return ()
            case _:
                return (byte, self._random.randrange(256))


class WireSimulator:
    """The wire between `near`, where a panel opens its line, and one far end for each reader; a context manager.

    `wire` may be replaced at any time, from any thread; `plug` and `unplug` work the panel's own adapter.
    `readers_hear_each_other` False: a four-wire bus, where only the panel hears what a reader says.
    """

    def __init__(
        self,
        near: PtyLine,
        far: Sequence[PtyLine],
        clock_ns: ClockNs,
        *,
        seed: int = 0,
        readers_hear_each_other: bool = True,
    ) -> None:
        self.wire = Wire()
        self._two_wires = readers_hear_each_other
        self._ends = (near, *far)
        self._to_near = OneWay(seed)
        self._to_far = [OneWay(seed + 1 + i) for i in range(len(far))]
        self._clock_ns = clock_ns
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = os.pipe()
        self._asked: deque[tuple[Callable[[], None], threading.Event]] = deque()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="wire", daemon=True)

    def __enter__(self) -> Self:
        self._selector.register(self._wake_read, selectors.EVENT_READ)
        for end in self._ends:
            self._plug(end)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping = True
        os.write(self._wake_write, b"x")
        self._thread.join()
        for end in self._ends:
            self._unplug(end)
        self._selector.close()
        os.close(self._wake_read)
        os.close(self._wake_write)

    def unplug(self) -> None:
        """Pull the panel's adapter out."""
        self._on_the_wire(lambda: self._unplug(self._ends[0]))

    def plug(self) -> None:
        """Put it back."""
        self._on_the_wire(lambda: self._plug(self._ends[0]))

    def _on_the_wire(self, do: Callable[[], None]) -> None:
        done = threading.Event()
        self._asked.append((do, done))
        os.write(self._wake_write, b"x")
        done.wait()

    def _plug(self, end: PtyLine) -> None:
        if not end.plugged:
            end.plug()
            self._selector.register(end, selectors.EVENT_READ, end)

    def _unplug(self, end: PtyLine) -> None:
        if end.plugged:
            self._selector.unregister(end)
            end.unplug()

    def _run(self) -> None:
        while not self._stopping:
            due = [way.next_ns for way in (self._to_near, *self._to_far) if way.next_ns is not None]
            timeout_s = max(0, min(due) - self._clock_ns()) / 1e9 if due else None
            for key, _ in self._selector.select(timeout_s):
                if isinstance(key.data, PtyLine):
                    self._carry(key.data)
                else:
                    os.read(self._wake_read, 64)
            self._deliver()
            while self._asked:
                do, done = self._asked.popleft()
                do()
                done.set()

    def _carry(self, end: PtyLine) -> None:
        data, now_ns, wire = end.receive(), self._clock_ns(), self.wire
        for other, way in zip(self._ends, (self._to_near, *self._to_far), strict=True):
            if other is not end and (self._two_wires or self._ends[0] in (end, other)):
                way.feed(data, now_ns, wire)

    def _deliver(self) -> None:
        now_ns = self._clock_ns()
        for end, way in zip(self._ends, (self._to_near, *self._to_far), strict=True):
            data = way.due(now_ns)
            if data and end.plugged:
                with suppress(TransientDeviceError):  # nobody reads there: the bytes are gone, as on a wire
                    end.send(data)
