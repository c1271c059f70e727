"""Our control panel as a process that speaks like tests/peers/libosdp_panel.py, so that both are measured alike.

python -m bench.osdp_panel '{"path": "/tmp/near", "readers": [{"address": 1, "scbk": "00112233…"}]}'
"""

import json
import os
import resource
import sys
import threading
import time
from pathlib import Path
from typing import Any

from portillon_drivers.options import SerialOptions
from portillon_drivers.osdp.bus_line import BusLine
from portillon_drivers.osdp.commands import Blink, Colour, Led
from portillon_drivers.osdp.panel import ControlPanel, PanelReader
from portillon_drivers.osdp.panel_events import CardRead, PanelEvent, ReaderOffline, ReaderOnline

BAUD = 115_200


def tell(**what: Any) -> None:
    """One JSON line to whoever started this, with the time in ns on CLOCK_MONOTONIC."""
    print(json.dumps({"at_ns": time.monotonic_ns(), **what}), flush=True)


class Panel:
    """Drives the line until the input ends."""

    def __init__(self, options: dict[str, Any]) -> None:
        self._addresses = [reader["address"] for reader in options["readers"]]
        readers = [PanelReader(reader["address"], scbk=bytes.fromhex(reader["scbk"])) for reader in options["readers"]]
        panel = ControlPanel(readers, baud=BAUD, random=os.urandom)
        line = SerialOptions(path=Path(options["path"]))
        self._bus = BusLine(line, baud=BAUD, panel=panel, clock_ns=time.monotonic_ns)
        self._secure: set[int] = set()
        self._ended = threading.Event()

    def run(self) -> None:
        """Until `stop`."""
        self._bus.open()
        threading.Thread(target=self._listen, daemon=True).start()
        tell(ready=True)
        while not self._ended.is_set():
            for event in self._bus.turn():
                self._hear(event)

    def _hear(self, event: PanelEvent) -> None:
        match event:
            case CardRead():
                tell(reader=self._addresses.index(event.address), card="read")
            case ReaderOnline():
                self._secure.add(self._addresses.index(event.address))
                tell(secure=sorted(self._secure))
            case ReaderOffline():
                self._secure.discard(self._addresses.index(event.address))
                tell(secure=sorted(self._secure))

    def _listen(self) -> None:
        for line in sys.stdin:
            asked = json.loads(line)
            match asked["do"]:
                case "led":
                    colour = Colour(asked["colour"])
                    tell(reader=asked["reader"], asked="led")
                    self._bus.ask(self._addresses[asked["reader"]], Led(permanent=Blink(colour, colour)))
                case "cpu":
                    used = resource.getrusage(resource.RUSAGE_SELF)
                    tell(cpu_s=used.ru_utime + used.ru_stime)
                case "stop":
                    break
        self._ended.set()


if __name__ == "__main__":
    Panel(json.loads(sys.argv[1])).run()
