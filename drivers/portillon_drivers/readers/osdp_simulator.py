"""Simulated OSDP readers on a simulated adapter: true frames, true secure channel, one pty for each line.

A reader hears only what is sent at its own speed. Not modelled: how long a byte takes (osdp/wire_simulator.py does).
"""

import secrets
import termios
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn
from weakref import WeakValueDictionary

from portillon_rules.credential import Credential, CredentialKind
from portillon_rules.wiegand import STANDARD, UidOrder, encode, encode_bits, raw_bits

from portillon_drivers.errors import TransientDeviceError
from portillon_drivers.far_end import FarEnd
from portillon_drivers.options import ReaderOptions
from portillon_drivers.osdp.key_file import ReaderFiles
from portillon_drivers.osdp.reader_simulator import OsdpReaderSimulator
from portillon_drivers.pty_line import PtyLine
from portillon_drivers.readers.osdp import OsdpOptions
from portillon_drivers.simulated_reader import CannotPresentError

SPEEDS = {getattr(termios, f"B{baud}"): baud for baud in (9_600, 19_200, 38_400, 57_600, 115_200, 230_400)}
OUTPUT_SPEED = 5
"""Where tcgetattr has it."""


class SimulatedBus:
    """One adapter and the readers wired to it; `link` is what a panel opens."""

    def __init__(self, link: Path) -> None:
        self.readers: list[OsdpReaderSimulator] = []
        self.in_pieces = False
        """Answers come byte by byte, as from a UART."""
        self._far_end = FarEnd(PtyLine(link), self._receive)

    @property
    def link(self) -> Path:
        """The adapter's path."""
        return self._far_end.line.link

    def plug(self) -> None:
        """The adapter is there."""
        self._far_end.plug()

    def unplug(self) -> None:
        """The adapter is gone."""
        self._far_end.unplug()

    def send(self, data: bytes) -> None:
        """Put bytes on the wire that no reader sent; raises TransientDeviceError."""
        self._far_end.line.send(data)

    def close(self) -> None:
        """Take it away for good."""
        self._far_end.close()

    def _receive(self, data: bytes) -> bytes:
        baud = SPEEDS.get(termios.tcgetattr(self._far_end.line.fileno())[OUTPUT_SPEED])
        answer = b"".join(reader.receive(data) for reader in self.readers if reader.baud == baud)
        if not self.in_pieces:
            return answer
        for byte in answer:
            self.send(bytes([byte]))
        return b""


class SimulatedOsdpReader:
    """One reader of a bus, and somebody who holds cards to it. Fills SimulatedReader."""

    def __init__(self, options: OsdpOptions, bus: SimulatedBus, key_file: Path) -> None:
        self._options = options
        self._bus = bus
        self._key_file = key_file
        self.electronics = OsdpReaderSimulator(options.address, self._key(), baud=options.baud)
        self.electronics.misbehaviour.silent = True
        bus.readers.append(self.electronics)

    @property
    def section(self) -> Mapping[str, Any]:
        """It can encrypt, so it is spoken to in no other way."""
        return {
            "path": str(self._bus.link),
            "baud": self._options.baud,
            "address": self._options.address,
            "key_file": str(self._key_file),
            "insecure_clear_text": False,
            "waiver_file": None,
            "waiver_key": None,
        }

    @property
    def samples(self) -> tuple[Credential, Credential]:
        """Two cards of the first of its formats."""
        first = self._options.card_formats[0]
        facility = None if first.facility is None else 67
        return encode(first, facility=facility, number=1_000), encode(first, facility=facility, number=1_001)

    def plug(self) -> None:
        """It has power, and the adapter is there."""
        self._bus.plug()
        self.electronics.misbehaviour.silent = False

    def unplug(self) -> None:
        """Its wire is cut; with the last reader of a line its adapter goes too."""
        self.electronics.misbehaviour.silent = True
        self.electronics.lose_power()
        if all(reader.misbehaviour.silent for reader in self._bus.readers):
            self._bus.unplug()

    def present(self, what: Credential) -> None:
        """Hold a card to it."""
        self._on()
        match what.kind:
            case CredentialKind.WIEGAND:
                self.electronics.card(raw_bits(what))
            case CredentialKind.NFCA:
                self.electronics.card(self._bits_of_uid(what))
            case CredentialKind.NUMBER:
                self.electronics.formatted_card(what.value)
            case _:
                raise CannotPresentError("an OSDP reader sends the bits or the number of a card: wiegand:26.28607D1")

    def scan(self, text: str) -> NoReturn:
        """It has no scanner."""
        raise CannotPresentError("this reader reads cards and no printed codes")

    def press(self, keys: str) -> None:
        """Press keys of its PIN pad."""
        if set(keys) - set("0123456789*#"):
            raise CannotPresentError("its PIN pad has the keys 0 to 9, * and #")
        self._on()
        self.electronics.keys(keys)

    def noise(self) -> None:
        """Something that is no frame."""
        self._bus.send(b"junk")

    def close(self) -> None:
        """Take it away for good."""
        self._bus.readers.remove(self.electronics)
        if not self._bus.readers:
            self._bus.close()

    def _key(self) -> bytes:
        files = ReaderFiles(self._key_file)
        if not self._key_file.exists():
            self._key_file.parent.mkdir(parents=True, exist_ok=True)
            files.prepare(secrets.token_bytes(16))
            files.promote()
        return files.load().scbk

    def _on(self) -> None:
        if self.electronics.misbehaviour.silent:
            raise TransientDeviceError(f"{self._options.place} has no power: plug it in first")

    def _bits_of_uid(self, what: Credential) -> str:
        uid = bytes.fromhex(what.value)
        for known in self._options.card_formats:
            if known.uid is not None and known.number.bits == 8 * len(uid):
                number = int.from_bytes(uid, "big" if known.uid is UidOrder.MSB_FIRST else "little")
                return encode_bits(known, number=number)
        names = ", ".join(name for name, known in STANDARD.items() if known.uid is not None)
        raise CannotPresentError(f"this reader sends no UIDs: name one of {names} in its formats")


_buses: WeakValueDictionary[Path, SimulatedBus] = WeakValueDictionary()
"""Readers of one line find their common adapter here."""


def simulate(options: ReaderOptions, folder: Path) -> SimulatedOsdpReader:
    """One at its address on the simulated adapter that stands for its `path`."""
    if not isinstance(options, OsdpOptions):
        raise TypeError(f"{options.name} is no OSDP reader")
    link = folder / f"osdp-{options.path.name}"
    bus = _buses.get(link)
    if bus is None or not bus.readers:
        bus = _buses[link] = SimulatedBus(link)
    return SimulatedOsdpReader(options, bus, folder / f"{options.name}.key")
