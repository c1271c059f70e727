"""The far side of a reader, as somebody at the terminal prods it; each simulator has a `simulate` that makes one.

simulated = simulate_reader(options, folder)     # the driver finds it where `simulated.section` leads it
simulated.present(simulated.samples[0])
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from portillon_rules.credential import Credential

from portillon_drivers.errors import PermanentDeviceError
from portillon_drivers.options import ReaderOptions


class CannotPresentError(PermanentDeviceError):
    """This reader has no means to read that; the message says what it can read."""


class SimulatedReader(Protocol):
    """One reader's simulated hardware, and somebody who holds things to it."""

    @property
    def section(self) -> Mapping[str, Any]:
        """The keys of the reader's section that lead its driver here; None: without that key."""

    @property
    def samples(self) -> tuple[Credential, Credential]:
        """A member's credential and a stranger's, as this reader can tell them."""

    def plug(self) -> None:
        """The hardware is there and has power."""

    def unplug(self) -> None:
        """Its wire is cut."""

    def present(self, what: Credential) -> None:
        """Hold it to the reader for a moment; raises CannotPresentError or TransientDeviceError."""

    def scan(self, text: str) -> None:
        """Hold a printed or shown code to it; raises CannotPresentError where there is no scanner."""

    def press(self, keys: str) -> None:
        """Press keys of its PIN pad, for example `4917#`; raises CannotPresentError where there is none."""

    def noise(self) -> None:
        """Put something on the wire that is no card."""

    def close(self) -> None:
        """Take it away for good."""


SIMULATORS: Mapping[str, str] = {
    "rdm6300": "portillon_drivers.readers.rdm6300_simulator:simulate",
    "id12la": "portillon_drivers.readers.id12la_simulator:simulate",
    "wiegand": "portillon_drivers.readers.wiegand.simulated_wiegand_reader:simulate",
    "serial_scanner": "portillon_drivers.readers.serial_scanner_simulator:simulate",
    "wedge_scanner": "portillon_drivers.readers.wedge_scanner_simulator:simulate",
    "pn532": "portillon_drivers.nfc.simulated_pn532_reader:simulate",
    "osdp": "portillon_drivers.readers.osdp_simulator:simulate",
}
"""By reader type; a test holds that every type has one."""


def simulate_reader(options: ReaderOptions, folder: Path) -> SimulatedReader:
    """Simulated hardware for that reader, not plugged in yet; its files and sockets lie in `folder`."""
    module, _, name = SIMULATORS[options.type].partition(":")
    make: Callable[[ReaderOptions, Path], SimulatedReader] = getattr(import_module(module), name)
    return make(options, folder)
