"""PN532: cards at 13.56 MHz, on a serial line (HSU) or behind USB.

    type A   MIFARE, NTAG: the UID, which anybody can copy; with `keyring_file` an NTAG 424 DNA or DESFire proves itself
    type B   the PUPI; many cards draw it at random
    FeliCa   the IDm

MIFARE Classic gives its UID and nothing else: its cipher is broken, so nothing that it stores is worth reading.
A card without ISO 14443-4 is told by its UID even where the site accepts only kinds that prove themselves, so that its
holder is refused for a reason; a card that could prove itself and does not is a fault.
"""

import threading
from collections.abc import Sequence
from typing import Literal, Self

from portillon_rules.credential import CredentialError, CredentialKind
from pydantic import Field, model_validator

from portillon_drivers.backoff import Backoff
from portillon_drivers.cards.dialogue import run_dialogue
from portillon_drivers.cards.errors import CardProtocolError, NotGenuine
from portillon_drivers.cards.identify import Identified, identify
from portillon_drivers.cards.keyring import CardKeyring, load_card_keys
from portillon_drivers.errors import PermanentDeviceError, TransientDeviceError
from portillon_drivers.events import (
    ClockNs,
    CredentialRead,
    EmitReaderEvent,
    ReaderDown,
    ReaderFault,
    ReaderFaultKind,
    ReaderUp,
)
from portillon_drivers.gpio_pins import PinFactoryName
from portillon_drivers.nfc.cards_here import CardsHere
from portillon_drivers.nfc.iso_dep import CardLost
from portillon_drivers.nfc.pn532_device import ChipHung, Pn532Device
from portillon_drivers.nfc.reset_line import ResetLine
from portillon_drivers.nfc.seen_card import SeenCard
from portillon_drivers.options import FilePath, ReaderOptions
from portillon_drivers.ports import Reader
from portillon_drivers.readers.fault_limit import FaultLimit
from portillon_drivers.readers.frame_fault import FrameFault
from portillon_drivers.registry import Driver

NUMBERS = frozenset({CredentialKind.NFCA, CredentialKind.NFCB, CredentialKind.FELICA})
PROOFS = frozenset({CredentialKind.NTAG424, CredentialKind.DESFIRE})
HUNG = "the chip stopped answering and is being reset; if it happens often, look at its supply"
PROOF_NS_MAX = 2_000_000_000
"""Nobody holds a card still for longer; a card that takes more time than this holds up the reader."""


class Pn532Options(ReaderOptions):
    """A section `[[readers]]` with `type = "pn532"`."""

    type: Literal["pn532"]
    path: FilePath | None = Field(
        default=None, description="the serial device; on a Pi take the stable name under /dev/serial/by-id"
    )
    usb: str | None = Field(
        default=None,
        pattern=r"^[0-9a-fA-F]{4}:[0-9a-fA-F]{4}$",
        description='instead of path, a USB reader with such a chip: vendor:product, for example "072f:2200" (ACR122U)',
    )
    keyring_file: FilePath | None = Field(
        default=None,
        description="the site's card keys (mode 0600); with them NTAG 424 DNA and DESFire prove themselves",
    )
    poll_ms: int = Field(default=100, ge=20, le=200, description="pause between two looks for cards")
    reset_pin: int | None = Field(
        default=None,
        ge=0,
        le=27,
        description="BCM number of the pin wired to RSTPD_N; a chip may hang for good without",
    )
    pin_factory: PinFactoryName = Field(default="lgpio", description='of reset_pin: "mock" where there is no Pi')

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.path is None) is (self.usb is None):
            raise ValueError('give either path (a serial line) or usb (vendor:product, for example "072f:2200")')
        return self

    @model_validator(mode="after")
    def _reads_something(self) -> Self:
        if not self.takes:
            raise ValueError(
                "nothing in accepts can be read here: a PN532 tells nfca, nfcb and felica, and with keyring_file also "
                "ntag424 and desfire"
            )
        return self

    @property
    def port(self) -> str:
        """The serial line or USB device."""
        return str(self.path) if self.path is not None else f"usb:{self.usb}"

    @property
    def tells(self) -> frozenset[CredentialKind]:
        """Numbers always, proofs with keys."""
        return NUMBERS if self.keyring_file is None else NUMBERS | PROOFS

    @property
    def looks_for(self) -> tuple[CredentialKind, ...]:
        """Which families of cards it looks for, in this order; others stay unseen."""
        type_a = bool(self.takes & (PROOFS | {CredentialKind.NFCA}))
        rest = (kind for kind in (CredentialKind.NFCB, CredentialKind.FELICA) if kind in self.takes)
        return (*([CredentialKind.NFCA] if type_a else []), *rest)


class Pn532Reader:
    """One chip; fills the Reader port. It stays open between cards."""

    def __init__(self, options: Pn532Options, clock_ns: ClockNs) -> None:
        self._options = options
        self._clock_ns = clock_ns
        reset = None if options.reset_pin is None else ResetLine(options.reset_pin, options.pin_factory)
        self._device = Pn532Device(path=options.path, usb=options.usb, reset=reset)
        self._here = CardsHere(options.hold_off_ms * 1_000_000)
        self._limit = FaultLimit()
        self._keyring: CardKeyring | None = None

    @property
    def name(self) -> str:
        """The name that the configuration gives it."""
        return self._options.name

    def run(self, emit: EmitReaderEvent, stop: threading.Event) -> None:
        """Look for cards until `stop`; a hung chip is reset, a lost line tried again with back-off."""
        backoff = Backoff()
        told: str | None = None
        up = resetting = False
        while not stop.is_set():
            try:
                self._open()
                if not up:
                    emit(ReaderUp(self.name, self._clock_ns()))
                told, up, resetting = None, True, False
                self._look_until(stop, emit, backoff)
            except (TransientDeviceError, PermanentDeviceError) as error:
                if isinstance(error, ChipHung) and up and not resetting:
                    resetting = True
                    self._fault(FrameFault(ReaderFaultKind.CHIP_HUNG, HUNG), emit)
                elif str(error) != told:
                    emit(ReaderDown(self.name, str(error), self._clock_ns()))
                    told, up = str(error), False
                if isinstance(error, PermanentDeviceError):
                    break
                stop.wait(backoff.next_s())
        self._device.close()

    def _open(self) -> None:
        if self._options.keyring_file is not None:
            self._keyring = load_card_keys(self._options.keyring_file)
        self._device.open()

    def _look_until(self, stop: threading.Event, emit: EmitReaderEvent, backoff: Backoff) -> None:
        while not stop.is_set():
            seen = self._device.look(self._options.looks_for)
            backoff.reset()
            now_ns = self._clock_ns()
            verdict = self._here.judge(seen, now_ns)
            if isinstance(verdict, SeenCard):
                self._read(verdict, emit)
            elif verdict is not None:
                self._fault(verdict, emit)
            for fault in self._limit.expire(now_ns):
                emit(ReaderFault(self.name, fault.kind, fault.detail, now_ns))
            stop.wait(self._options.poll_ms / 1_000)

    def _read(self, card: SeenCard, emit: EmitReaderEvent) -> None:
        found = self._found(card)
        now_ns = self._clock_ns()
        if isinstance(found, Identified):
            if self._here.settle(card, found.credential, now_ns):
                emit(CredentialRead(self.name, found.credential, now_ns, found.counter))
            return
        if found.kind is ReaderFaultKind.TORN:
            self._here.forget(card)
        else:
            self._here.settle(card, None, now_ns)
        self._fault(found, emit)

    def _found(self, card: SeenCard) -> Identified | FrameFault:
        try:
            if self._keyring is not None and card.speaks_iso_dep and self._options.takes & PROOFS:
                return self._proof(card, self._keyring)
            if card.is_random:
                raise NotGenuine("it shows another number each time (a phone?), and this reader has no keys to ask it")
            return Identified(card.number)
        except NotGenuine as error:
            return FrameFault(ReaderFaultKind.NOT_GENUINE, f"a card was refused: {error}")
        except (CardLost, CardProtocolError) as error:
            return FrameFault(ReaderFaultKind.TORN, f"a card was not read to its end: {error}; hold it still")
        except CredentialError:
            return FrameFault(ReaderFaultKind.MALFORMED, f"a card has a number of {len(card.uid)} bytes: no such card")

    def _proof(self, card: SeenCard, keyring: CardKeyring) -> Identified:
        deadline_ns = self._clock_ns() + PROOF_NS_MAX
        with self._device.talk(card) as talk:

            def exchange(command: bytes) -> bytes:
                if self._clock_ns() > deadline_ns:
                    raise CardLost("it took too long")
                return talk.exchange(command)

            return run_dialogue(identify(card.uid, card.sak, card.atqa, keyring, self._options.takes), exchange)

    def _fault(self, fault: FrameFault, emit: EmitReaderEvent) -> None:
        now_ns = self._clock_ns()
        for told in self._limit.feed(fault, now_ns):
            emit(ReaderFault(self.name, told.kind, told.detail, now_ns))


def build(sections: Sequence[Pn532Options], clock_ns: ClockNs) -> list[Reader]:
    """One reader per section."""
    return [Pn532Reader(options, clock_ns) for options in sections]


DRIVER: Driver[Pn532Options, Reader] = Driver(Pn532Options, build)
