"""OSDP readers (IEC 60839-11-5) on an RS-485 line: any number at one `path`, each with its own `address`.

Each has a key of its own, set by `portillon-edge osdp commission`; a reader that cannot encrypt runs under a signed
waiver only (docs/adr/0011-clear-text-waivers.md).
"""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal, Protocol, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from portillon_rules.credential import CredentialKind
from pydantic import Field, model_validator

from portillon_drivers.errors import PermanentDeviceError
from portillon_drivers.events import ClockNs, EmitReaderEvent, ReaderEvent
from portillon_drivers.options import FilePath, SerialOptions
from portillon_drivers.osdp import clear_text_waiver
from portillon_drivers.osdp.bus_line import Done
from portillon_drivers.osdp.clear_text_waiver import WaiverRefused
from portillon_drivers.osdp.commands import Command
from portillon_drivers.osdp.errors import KeyFileError
from portillon_drivers.osdp.key_file import ReaderFiles
from portillon_drivers.osdp.panel import PanelReader, Security
from portillon_drivers.osdp.panel_events import KeyUsed, PanelEvent, ReaderOffline, ReaderOnline
from portillon_drivers.osdp.reader_voice import ReaderVoice
from portillon_drivers.osdp.shared_bus import SharedBus
from portillon_drivers.ports import Reader
from portillon_drivers.readers.wiegand.options import CardFormatOptions
from portillon_drivers.registry import Driver

ADDRESS_MAX = 126
INSECURE_CLEAR_TEXT = "insecure_clear_text"


class OsdpOptions(CardFormatOptions, SerialOptions):
    """A section `[[readers]]` with `type = "osdp"`."""

    type: Literal["osdp"]
    baud: Literal[9_600, 19_200, 38_400, 57_600, 115_200, 230_400] = Field(
        default=9_600, description="as set in the reader; all readers of a line have the same"
    )
    address: int = Field(ge=0, le=ADDRESS_MAX, description="as set in the reader (portillon-edge osdp scan finds it)")
    key_file: FilePath | None = Field(
        default=None, description="the reader's own key; portillon-edge osdp commission makes it"
    )
    insecure_clear_text: bool = Field(
        default=False, description="true only for a reader that cannot encrypt, with waiver_file and waiver_key"
    )
    waiver_file: FilePath | None = Field(default=None, description="who allowed clear text, signed, and until when")
    waiver_key: str | None = Field(
        default=None, pattern=r"^[0-9a-f]{64}$", description="the public key (Ed25519, hex) that signs waivers here"
    )

    @model_validator(mode="after")
    def _encrypts_or_is_waived(self) -> Self:
        waiver = (self.waiver_file, self.waiver_key)
        if self.insecure_clear_text and (None in waiver or self.key_file is not None):
            raise ValueError("insecure_clear_text needs waiver_file and waiver_key, and leaves no use for key_file")
        if not self.insecure_clear_text and (self.key_file is None or waiver != (None, None)):
            raise ValueError("name a key_file (portillon-edge osdp commission makes it), and no waiver with it")
        return self

    @property
    def port(self) -> str:
        """The serial device; all its readers share it."""
        return str(self.path)

    @property
    def place(self) -> str:
        """The device and the reader's address."""
        return f"{self.path} address {self.address}"

    @property
    def tells(self) -> frozenset[CredentialKind]:
        """What its formats carry, and the number of a reader that formats cards itself."""
        return super().tells | {CredentialKind.NUMBER}

    @property
    def remarks(self) -> tuple[str, ...]:
        """What the health report must say of it."""
        return (INSECURE_CLEAR_TEXT,) if self.insecure_clear_text else ()


class Terminals(Protocol):
    """Whoever uses a reader's inputs or outputs; called on the thread that drives its line, and never to wait there."""

    def hear(self, event: PanelEvent) -> None:
        """Something happened at the reader; `ReaderOffline` also when its line is lost or its key is not in order."""

    def pass_time(self) -> None:
        """Called after each turn of the line, several times a second."""


class OsdpReader:
    """One reader on a shared line; fills the Reader port."""

    def __init__(
        self, options: OsdpOptions, bus: SharedBus, clock_ns: ClockNs, unix_s: Callable[[], float] = time.time
    ) -> None:
        self._options = options
        self._bus = bus
        self._clock_ns = clock_ns
        self._unix_s = unix_s
        self._emit: EmitReaderEvent = lambda _: None
        self._voice = self._new_voice()
        self._terminals: list[Terminals] = []

    @property
    def name(self) -> str:
        """The name that the configuration gives it."""
        return self._options.name

    @property
    def remarks(self) -> tuple[str, ...]:
        """What the health report must say of it."""
        return self._options.remarks

    @property
    def address(self) -> int:
        """Where it answers on its line."""
        return self._options.address

    @property
    def place(self) -> str:
        """Where a technician finds it."""
        return self._options.place

    def run(self, emit: EmitReaderEvent, stop: threading.Event) -> None:
        """Read until `stop`; a lost line is tried again with back-off."""
        self._emit, self._voice = emit, self._new_voice()
        self._bus.serve(self, stop)

    def ask(self, command: Command, done: Done = lambda _: None) -> None:
        """LED, buzzer, text, output…; from any thread. Raises TransientDeviceError."""
        self._bus.ask(self.address, command, done)

    def serve(self, terminals: Terminals) -> None:
        """Let them hear what happens here, from the start on: to be called before `run`."""
        self._terminals.append(terminals)

    def settings(self) -> PanelReader:
        """How the panel must treat it now; raises KeyFileError, WeakKeyError or WaiverRefused."""
        options = self._options
        if options.key_file is None:
            self._check_waiver(options.waiver_file, options.waiver_key)
            return PanelReader(options.address, Security.INSECURE_CLEAR_TEXT)
        known = ReaderFiles(options.key_file).load()
        return PanelReader(
            options.address,
            scbk=known.scbk,
            other_scbk=known.other_scbk,
            identity=known.identity,
            capabilities=known.capabilities,
        )

    def keep_out(self, why: PermanentDeviceError) -> None:
        """Its key or its waiver is not in order."""
        now_ns = self._clock_ns()
        down = list(self._voice.down(str(why), now_ns))
        if down and isinstance(why, WaiverRefused):
            self._tell(self._voice.refused(str(why), now_ns))
        self._tell(down)
        self._tell_terminals(ReaderOffline(self.address, str(why)))

    def lose(self, why: str) -> None:
        """The line is gone."""
        self._tell(self._voice.down(why, self._clock_ns()))
        self._tell_terminals(ReaderOffline(self.address, why))

    def hear(self, event: PanelEvent) -> None:
        """Something happened at this reader."""
        if isinstance(event, ReaderOnline) and event.key is KeyUsed.OTHER_SCBK and self._options.key_file is not None:
            with suppress(KeyFileError):  # both keys stay where they are, and this is tried again when it next joins
                ReaderFiles(self._options.key_file).promote()
        self._tell(self._voice.hear(event, self._clock_ns()))
        self._tell_terminals(event)

    def pass_time(self) -> None:
        """Faults that were counted are told."""
        self._tell(self._voice.expire(self._clock_ns()))
        for terminals in self._terminals:
            terminals.pass_time()

    def _check_waiver(self, file: Path | None, key: str | None) -> None:
        if file is None or key is None:
            raise WaiverRefused("insecure_clear_text needs waiver_file and waiver_key")
        try:
            text = file.read_text(encoding="ascii")
            waiver = clear_text_waiver.read(text, Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)))
        except (OSError, UnicodeDecodeError) as error:
            raise WaiverRefused(f"{file} cannot be read ({error}): lay the signed waiver there") from error
        except WaiverRefused as error:
            raise WaiverRefused(f"{file} does not let this reader run in clear text: {error}") from error
        refusal = waiver.refusal(reader=self.name, place=self._options.place, now_s=int(self._unix_s()))
        if refusal is not None:
            raise WaiverRefused(f"{file} does not let this reader run in clear text: {refusal}; have a new one signed")

    def _new_voice(self) -> ReaderVoice:
        options = self._options
        return ReaderVoice(options.name, options.place, options.card_formats, options.hold_off_ms * 1_000_000)

    def _tell_terminals(self, event: PanelEvent) -> None:
        for terminals in self._terminals:
            terminals.hear(event)

    def _tell(self, events: Iterable[ReaderEvent]) -> None:
        for event in events:
            self._emit(event)


def build(sections: Sequence[OsdpOptions], clock_ns: ClockNs) -> list[Reader]:
    """One reader per section; those with the same path share a bus. The configuration has checked that they agree."""
    buses = {options.port: SharedBus(options, baud=options.baud, clock_ns=clock_ns) for options in sections}
    return [OsdpReader(options, buses[options.port], clock_ns) for options in sections]


DRIVER: Driver[OsdpOptions, Reader] = Driver(OsdpOptions, build)
