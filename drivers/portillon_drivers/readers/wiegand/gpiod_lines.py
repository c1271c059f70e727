"""Lines of a GPIO chip through libgpiod v2 (PyPI `gpiod`; Debian's python3-libgpiod 1.x is another API of that name).

The kernel dates and numbers each falling edge in its interrupt and queues it; when the queue is full the oldest go,
which a jump of the numbers shows. Pull-ups are switched on: Wiegand outputs are open collectors. The kernel's own
debouncing stays off, since a pulse may be 20 µs short.
"""

import time
from contextlib import suppress

import gpiod
from gpiod.line import Bias, Clock, Direction, Value
from gpiod.line import Edge as EdgeDetection

from portillon_drivers.errors import TransientDeviceError
from portillon_drivers.readers.wiegand.chip_failures import chip_failures
from portillon_drivers.readers.wiegand.edges import ChipLines, Edge, Line
from portillon_drivers.readers.wiegand.timing import EVENT_QUEUE_EDGES

CONSUMER = "portillon"
"""What gpioinfo shows as the holder of the lines."""
DATA_LINE = gpiod.LineSettings(
    direction=Direction.INPUT,
    edge_detection=EdgeDetection.FALLING,
    bias=Bias.PULL_UP,
    event_clock=Clock.MONOTONIC,
)
CONTACT = gpiod.LineSettings(direction=Direction.INPUT, bias=Bias.PULL_UP)
"""The tamper contact has no edges, or its numbers would mix with the data's; its level is looked at."""


class GpiodLines:
    """Fills EdgeLines."""

    def __init__(self, lines: ChipLines) -> None:
        self._lines = lines
        self._by_offset = lines.by_offset
        self._request: gpiod.LineRequest | None = None

    def open(self) -> None:
        """Request the lines from the kernel."""
        self.close()
        with chip_failures(self._lines, "cannot be opened"):
            self._request = gpiod.request_lines(
                str(self._lines.chip),
                config={offset: CONTACT if line is Line.TAMPER else DATA_LINE for offset, line in self._wired()},
                consumer=CONSUMER,
                event_buffer_size=EVENT_QUEUE_EDGES,
            )

    def close(self) -> None:
        """Give the lines back."""
        request, self._request = self._request, None
        if request is not None:
            with suppress(OSError):  # the chip is gone: there is nothing to give back
                request.release()

    def clock_ns(self) -> int:
        """CLOCK_MONOTONIC, as asked of the kernel for each edge."""
        return time.clock_gettime_ns(time.CLOCK_MONOTONIC)

    def wait(self, timeout_ns: int) -> None:
        """Sleep until the kernel has an edge."""
        with chip_failures(self._lines, "was lost"):
            self._opened().wait_edge_events(timeout_ns / 1e9)

    def read(self) -> list[Edge]:
        """What the kernel has queued."""
        request = self._opened()
        with chip_failures(self._lines, "was lost"):
            if not request.wait_edge_events(0):
                return []
            events = request.read_edge_events(EVENT_QUEUE_EDGES)
        return [Edge(self._by_offset[e.line_offset], e.timestamp_ns, e.global_seqno) for e in events]

    def low(self) -> frozenset[Line]:
        """The levels, read from the chip."""
        with chip_failures(self._lines, "was lost"):
            values = self._opened().get_values(list(self._by_offset))
        return frozenset(
            line for line, value in zip(self._by_offset.values(), values, strict=True) if value is Value.INACTIVE
        )

    def _wired(self) -> list[tuple[int, Line]]:
        return list(self._by_offset.items())

    def _opened(self) -> gpiod.LineRequest:
        if self._request is None:
            raise TransientDeviceError(f"{self._lines.chip} is not open")
        return self._request
