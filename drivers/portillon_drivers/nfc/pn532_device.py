"""A PN532 through nfcpy's chip driver: looks at its field, and talks with a card there. Not thread-safe.

Whatever nfcpy raises becomes a DriverError or CardLost. What it logs would quote UIDs and commands, so it may not log.

- The field is off between looks, so every look finds each card in its first state.
- nfcpy asks the chip for one card. Here a type A card is halted and the chip asked again, so that a second is noticed.
  Several type B or several FeliCa cards at once spoil each other's answers and none is found.
- A run that was killed leaves the chip at the high speed that nfcpy chose, deaf at 115200 Bd; it is called back.
"""

import errno
import logging
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import nfc
import nfc.clf.device
from nfc.clf import CommunicationError, RemoteTarget, pn532
from portillon_rules.credential import CredentialKind

from portillon_drivers.errors import TransientDeviceError
from portillon_drivers.nfc.iso_dep import CardLost, IsoDep
from portillon_drivers.nfc.nfcpy_tty import FIRST_BAUD, QuotedTty
from portillon_drivers.nfc.reset_line import ResetLine
from portillon_drivers.nfc.seen_card import SeenCard
from portillon_drivers.options import SerialOptions
from portillon_drivers.serial_port import SerialPort

HLTA = b"\x50\x00"
HALT_TIMEOUT_S = 0.001
"""A card that answers HLTA within 1 ms did not take it (ISO 14443-3 §6.4.3)."""
LEFT_AT_BAUDS = (921_600, 460_800, 230_400)
BITRATE = {CredentialKind.NFCA: "106A", CredentialKind.NFCB: "106B", CredentialKind.FELICA: "212F"}
_NONSENSE = (pn532.Chipset.Error, AssertionError, IndexError, TypeError, ValueError, struct.error)
"""What nfcpy raises when the chip's answer is none: it takes answers apart without looking."""


_USB_ADVICE = {
    errno.ENODEV: "it was unplugged",
    errno.EACCES: "this user may not open it: allow it by a udev rule",
    errno.EBUSY: "another process holds it: stop that one (pcscd?)",
}


class ChipHung(TransientDeviceError):
    """The line is there and the chip does not answer, or answers nonsense: it must be reset."""


class Pn532Device:
    """One chip, on a serial line (`path`) or behind USB (`usb`, vendor:product as nfcpy knows them)."""

    def __init__(self, *, path: Path | None, usb: str | None, reset: ResetLine | None) -> None:
        self._path = path
        self._usb = usb
        self._reset = reset
        self._device: Any = None
        self._transport: Any = None
        self.place = str(path) if path is not None else f"usb:{usb}"

    def open(self) -> None:
        """Reset the chip if a pin can, and set it up; raises DriverError."""
        self._abandon()
        logging.getLogger("nfc").setLevel(logging.CRITICAL)
        if self._reset is not None:
            self._reset.pulse()
        with self._failures():
            self._device = self._over_usb() if self._path is None else self._over_tty(self._path)
            self._transport = self._device.chipset.transport
            self._device.mute()

    def look(self, kinds: Sequence[CredentialKind]) -> list[SeenCard]:
        """The cards in the field, at most two of type A and one of each other kind; raises DriverError.

        The field is off afterwards.
        """
        with self._failures():
            seen: list[SeenCard] = []
            for kind in kinds:
                found = self._sense(kind)
                if found is None:
                    continue
                target, card = found
                seen.append(card)
                if kind is CredentialKind.NFCA:
                    self._halt(target)
                    another = self._sense(kind)
                    if another is not None and another[1] != card:
                        seen.append(another[1])
            self._device.mute()
            return seen

    @contextmanager
    def talk(self, card: SeenCard) -> Iterator[IsoDep]:
        """Select that card anew for a conversation; the field is off afterwards. Raises DriverError or CardLost."""
        with self._failures():
            found = self._sense(card.kind, None if card.is_random else card.uid)
            if found is None or not (found[1] == card or (card.is_random and found[1].is_random)):
                raise CardLost("it left before it was read")
            target = found[0]
        try:
            yield IsoDep.activate(lambda block, wait_s: self._exchange(target, block, wait_s))
        finally:
            if self._device is not None:
                with self._failures():
                    self._device.mute()

    def close(self) -> None:
        """Put the chip to sleep and let go of it; never raises."""
        if self._device is not None:
            with suppress(OSError, *_NONSENSE):  # a chip that does not answer any more cannot be put to sleep
                self._device.close()
        self._abandon()
        if self._reset is not None:
            self._reset.close()

    def _over_usb(self) -> Any:
        device = nfc.clf.device.connect(f"usb:{self._usb}")
        if device is None:
            raise TransientDeviceError(f"{self.place}: nothing is plugged in there, or a reader without a PN532")
        return device

    def _over_tty(self, path: Path) -> Any:
        self._try_line(path)
        self._transport = QuotedTty(str(path))
        with suppress(OSError):
            return pn532.init(self._transport)
        for baud in LEFT_AT_BAUDS:
            with suppress(OSError):
                self._transport.open(str(path), baud)
                chipset = pn532.Chipset(self._transport, logger=logging.getLogger("nfc"))
                chipset.send_ack()
                chipset.set_serial_baudrate(FIRST_BAUD)
                break
        return pn532.init(self._transport)

    def _try_line(self, path: Path) -> None:
        """Raise the TransientDeviceError that says what is wrong with the line, if anything is."""
        line = SerialPort(SerialOptions(path=path), baud=FIRST_BAUD, read_timeout_s=0)
        line.open()
        line.close()

    def _sense(self, kind: CredentialKind, uid: bytes | None = None) -> tuple[Any, SeenCard] | None:
        target = RemoteTarget(BITRATE[kind])
        if kind is CredentialKind.NFCA:
            if uid is not None:
                target.sel_req = bytearray(uid)
            found = self._device.sense_tta(target)
            if found is None or not found.sdd_res:  # a Topaz has no UID in its anticollision
                return None
            return found, SeenCard(kind, bytes(found.sdd_res), found.sel_res[0], bytes(found.sens_res))
        if kind is CredentialKind.NFCB:
            found = self._device.sense_ttb(target)
            return None if found is None else (found, SeenCard(kind, bytes(found.sensb_res[1:5])))
        found = self._device.sense_ttf(target)
        return None if found is None else (found, SeenCard(kind, bytes(found.sensf_res[1:9])))

    def _halt(self, target: Any) -> None:
        with suppress(CommunicationError):  # silence is how the card confirms it
            self._device.send_cmd_recv_rsp(target, bytearray(HLTA), HALT_TIMEOUT_S)

    def _exchange(self, target: Any, block: bytes, wait_s: float) -> bytes | None:
        with self._failures():
            try:
                answer = self._device.send_cmd_recv_rsp(target, bytearray(block), wait_s)
            except CommunicationError:
                return None
            return None if answer is None else bytes(answer)

    @contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._abandon()
            if self._path is not None:
                self._try_line(self._path)
            elif error.errno in _USB_ADVICE:
                raise TransientDeviceError(f"{self.place} cannot be used: {_USB_ADVICE[error.errno]}") from error
            raise self._hung() from error
        except _NONSENSE as error:
            self._abandon()
            raise self._hung() from error

    def _hung(self) -> ChipHung:
        switches = "" if self._path is None else ", and that its switches say HSU (UART)"
        return ChipHung(f"{self.place}: no PN532 answers there; check its power and wiring{switches}")

    def _abandon(self) -> None:
        transport, self._transport, self._device = self._transport, None, None
        if transport is not None:
            with suppress(OSError, *_NONSENSE):
                transport.close()
