"""An OSDP reader with a key of its own, on a simulated adapter."""

from pathlib import Path
from typing import Any

from portillon_drivers.events import CredentialRead, ReaderEvent, ReaderFaultKind
from portillon_drivers.readers.osdp import OsdpOptions
from portillon_drivers.readers.osdp_simulator import SimulatedBus, SimulatedOsdpReader


class OsdpRig:
    """One reader at 115200 Bd; its secure channel is opened anew after each replug."""

    def __init__(self, folder: Path) -> None:
        section = {"type": "osdp", "path": folder / "bus", "address": 1, "baud": 115_200, "key_file": "lane1.key"}
        options = OsdpOptions.model_validate({"name": "lane1-reader", **section})
        self._bus = SimulatedBus(folder / "bus")
        self._reader = SimulatedOsdpReader(options, self._bus, folder / "lane1.key")
        self.place = str(self._bus.link)
        self.plug, self.unplug, self.close = self._reader.plug, self._reader.unplug, self._reader.close

    def section(self) -> dict[str, Any]:
        return dict(self._reader.section)

    def present(self, which: int) -> None:
        self._reader.present(self._reader.samples[which])

    def trickle(self, which: int) -> None:
        self._bus.in_pieces = True
        self.present(which)

    def is_card(self, event: ReaderEvent, which: int) -> bool:
        return isinstance(event, CredentialRead) and event.credential == self._reader.samples[which]

    def dirt(self) -> frozenset[ReaderFaultKind]:
        self._bus.send(b"junk")
        return frozenset({ReaderFaultKind.JUNK})
