"""Finds out who is on a line: every address at one speed after the other, until somebody answers."""

import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

from portillon_drivers.events import ClockNs
from portillon_drivers.options import SerialOptions
from portillon_drivers.osdp.bus_line import BusLine
from portillon_drivers.osdp.panel import ControlPanel, PanelReader, Security
from portillon_drivers.osdp.panel_events import ReaderFound, ReaderOffline

SPEEDS = (9_600, 115_200, 38_400, 57_600, 19_200, 230_400)
"""The likeliest first."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One address was asked at one speed; `found` None: nobody answered."""

    baud: int
    address: int
    found: ReaderFound | None


def scan(
    line: SerialOptions, *, speeds: Sequence[int] = SPEEDS, addresses: Sequence[int], clock_ns: ClockNs
) -> Iterator[Asked]:
    """Ask everybody who they are, in clear and nothing else; raises TransientDeviceError or PermanentDeviceError.

    All readers of a line have one speed, so the first speed at which anybody answers is the last that is tried.
    """
    for baud in speeds:
        anybody = False
        readers = [PanelReader(address, Security.IDENTIFY_ONLY) for address in addresses]
        panel = ControlPanel(readers, baud=baud, random=os.urandom)
        waiting = set(addresses)
        with closing(BusLine(line, baud=baud, panel=panel, clock_ns=clock_ns)) as bus:
            bus.open()
            while waiting:
                for event in bus.turn():
                    if isinstance(event, ReaderFound | ReaderOffline) and event.address in waiting:
                        waiting.discard(event.address)
                        found = event if isinstance(event, ReaderFound) else None
                        anybody |= found is not None
                        yield Asked(baud, event.address, found)
        if anybody:
            return
