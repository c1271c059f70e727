"""What a bus tells of one reader, in the words of the Reader port. Pure."""

from collections.abc import Iterable, Iterator, Sequence

from portillon_rules.credential import Credential, CredentialError, CredentialKind
from portillon_rules.wiegand import WiegandFormat, read_bits

from portillon_drivers import events
from portillon_drivers.events import ReaderEvent, ReaderFaultKind
from portillon_drivers.keypad import key_of_osdp_byte
from portillon_drivers.osdp import panel_events
from portillon_drivers.osdp.panel_events import PanelEvent
from portillon_drivers.readers.fault_limit import FaultLimit
from portillon_drivers.readers.frame_fault import FrameFault
from portillon_drivers.readers.hold_off import HoldOff

TROUBLE = {
    ReaderFaultKind.TAMPER: "opened, or taken off the wall",
    ReaderFaultKind.POWER: "its supply fails",
}
READER_HEAD_WELL = 0


class ReaderVoice:
    """One reader's events; `place` is where a technician finds it."""

    def __init__(self, name: str, place: str, formats: Sequence[WiegandFormat], hold_off_ns: int) -> None:
        self._name = name
        self._place = place
        self._formats = formats
        self._hold_off = HoldOff(hold_off_ns)
        self._limit = FaultLimit()
        self._troubles: set[ReaderFaultKind] = set()
        self._down: str | None = None

    def hear(self, event: PanelEvent, at_ns: int) -> Iterator[ReaderEvent]:
        """Something happened at this reader or on its bus."""
        match event:
            case panel_events.CardRead(bits=bits):
                yield from self._card(bits, at_ns)
            case panel_events.FormattedCardRead(text=text):
                yield from self._formatted_card(text, at_ns)
            case panel_events.KeysPressed(keys=keys):
                yield from self._keys(keys, at_ns)
            case panel_events.StatusChanged():
                yield from self._status(event, at_ns)
            case panel_events.ReaderOnline():
                self._down = None
                yield events.ReaderUp(self._name, at_ns)
            case panel_events.ReaderOffline(why=why):
                yield from self.down(f"{self._place}: {why}", at_ns)
            case panel_events.SecurityRefused(detail=detail):
                yield from self.refused(detail, at_ns)
            case panel_events.ChannelLost(why=why):
                yield from self._fault(ReaderFaultKind.CHECKSUM, f"the secure channel is built anew: {why}", at_ns)
            case panel_events.LineFault(fault=fault):
                yield from self._fault(fault.kind, fault.detail, at_ns)

    def down(self, detail: str, at_ns: int) -> Iterator[ReaderEvent]:
        """It cannot be used; told once per cause."""
        if detail != self._down:
            self._down = detail
            yield events.ReaderDown(self._name, detail, at_ns)

    def refused(self, detail: str, at_ns: int) -> Iterator[ReaderEvent]:
        """Its security settings keep it out of service."""
        yield from self._fault(ReaderFaultKind.REFUSED, f"{self._place}: {detail}", at_ns)

    def expire(self, at_ns: int) -> Iterator[ReaderEvent]:
        """Time passed: faults that were counted are told."""
        yield from self._told(self._limit.expire(at_ns), at_ns)

    def _card(self, bits: str, at_ns: int) -> Iterator[ReaderEvent]:
        readings = read_bits(bits, self._formats)
        if readings:
            yield from self._presented(readings[0].credential, at_ns)
        elif any(card_format.bits == len(bits) for card_format in self._formats):
            yield from self._fault(ReaderFaultKind.PARITY, f"{len(bits)} bits, but a parity does not fit", at_ns)
        else:
            lengths = " or ".join(str(length) for length in sorted({known.bits for known in self._formats}))
            detail = f"{len(bits)} bits; a card of this reader has {lengths}: if these are the site's, add to formats"
            yield from self._fault(ReaderFaultKind.UNKNOWN_FORMAT, detail, at_ns)

    def _formatted_card(self, text: bytes, at_ns: int) -> Iterator[ReaderEvent]:
        try:
            credential = Credential(CredentialKind.NUMBER, text.strip(b" \0\r\n").decode("ascii"))
        except (CredentialError, UnicodeDecodeError):
            detail = "a formatted card that is no number: up to 64 digits or letters are expected"
            yield from self._fault(ReaderFaultKind.MALFORMED, detail, at_ns)
        else:
            yield from self._presented(credential, at_ns)

    def _presented(self, credential: Credential, at_ns: int) -> Iterator[ReaderEvent]:
        if self._hold_off.passes(str(credential), at_ns):
            yield events.CredentialRead(self._name, credential, at_ns)

    def _keys(self, keys: bytes, at_ns: int) -> Iterator[ReaderEvent]:
        for byte in keys:
            key = key_of_osdp_byte(byte)
            if key is None:
                yield from self._fault(ReaderFaultKind.MALFORMED, "a key that no PIN pad has", at_ns)
            else:
                yield events.KeyPressed(self._name, key, at_ns)

    def _status(self, status: panel_events.StatusChanged, at_ns: int) -> Iterator[ReaderEvent]:
        if status.tamper is not None:
            yield from self._trouble(ReaderFaultKind.TAMPER, status.tamper, at_ns)
        elif status.readers is not None:
            trouble = any(head != READER_HEAD_WELL for head in status.readers)
            yield from self._trouble(ReaderFaultKind.TAMPER, trouble, at_ns)
        if status.power_failure is not None:
            yield from self._trouble(ReaderFaultKind.POWER, status.power_failure, at_ns)

    def _trouble(self, kind: ReaderFaultKind, there: bool, at_ns: int) -> Iterator[ReaderEvent]:
        if there is (kind in self._troubles):
            return
        self._troubles ^= {kind}
        told = (kind, TROUBLE[kind]) if there else (ReaderFaultKind.RESTORED, f"{kind} is over")
        yield events.ReaderFault(self._name, *told, at_ns)  # never held back: each one counts

    def _fault(self, kind: ReaderFaultKind, detail: str, at_ns: int) -> Iterator[ReaderEvent]:
        yield from self._told(self._limit.feed(FrameFault(kind, detail), at_ns), at_ns)

    def _told(self, faults: Iterable[FrameFault], at_ns: int) -> Iterator[ReaderEvent]:
        for fault in faults:
            yield events.ReaderFault(self._name, fault.kind, fault.detail, at_ns)
