"""All readers of a gateway: what they tell goes in, what was heard comes out. Pure.

Text is a phone pass, a day code or a barcode; what claims to be one of ours and is not is refused, never taken for
another kind. A kind that the reader does not take is KIND_NOT_ACCEPTED.
"""

from collections.abc import Mapping
from typing import assert_never

from portillon_drivers.events import CredentialRead, KeyPressed, ReaderFault, ReaderFaultKind, TextScanned
from portillon_rules.credential import Credential
from portillon_rules.reason import DenyReason
from portillon_wire.day_code import DayCode
from portillon_wire.qr_pass import PhonePass
from portillon_wire.scanned import Barcode, RefusedScan, ScanRefusal, classify

from portillon_edge.credentials.heard import Heard, Presented, Refused
from portillon_edge.credentials.pin_entry import PinEntry
from portillon_edge.credentials.reader_rules import ReaderRules

ORDINARY = ReaderRules()


class Listening:
    """`rules` by the reader's name; a reader without any takes every card and no PIN."""

    def __init__(self, rules: Mapping[str, ReaderRules]) -> None:
        self._rules = rules
        self._entries: dict[str, PinEntry] = {}

    @property
    def deadline_ns(self) -> int | None:
        """When `tick` has something to say."""
        return min((e.deadline_ns for e in self._entries.values() if e.deadline_ns is not None), default=None)

    def rules(self, reader: str) -> ReaderRules:
        """What holds at that reader."""
        return self._rules.get(reader, ORDINARY)

    def tick(self, now_ns: int) -> list[Heard]:
        """The entries that rested too long."""
        return [heard for entry in self._entries.values() for heard in entry.elapse(now_ns)]

    def hear(self, event: CredentialRead | TextScanned | KeyPressed) -> list[Heard]:
        """What one event comes to, after what had run out before it."""
        before = self._entry(event.reader).elapse(event.at_ns)
        match event:
            case CredentialRead(reader, credential, at_ns, counter):
                return [*before, self._card(reader, credential, at_ns, counter=counter)]
            case TextScanned(reader, text, at_ns):
                return [*before, self._text(reader, text, at_ns)]
            case KeyPressed(reader, key, at_ns):
                return [*before, *self._entry(reader).press(key, at_ns)]
            case _:
                assert_never(event)

    def wait_for_pin(self, card: Presented) -> list[Heard]:
        """The card has a row and must be confirmed."""
        return self._entry(card.reader).wait_for(card)

    def _text(self, reader: str, text: str, at_ns: int) -> Heard:
        match classify(text):
            case PhonePass() as shown:
                return self._card(reader, shown.credential, at_ns, shown=shown)
            case DayCode(credential) | Barcode(credential):
                return self._card(reader, credential, at_ns)
            case RefusedScan(ScanRefusal.PASS_FORGED):
                return Refused(reader=reader, reason=DenyReason.PASS_FORGED, at_ns=at_ns)
            case RefusedScan(refusal, detail):
                too_long = refusal is ScanRefusal.TOO_LONG
                fault = ReaderFaultKind.TOO_LONG if too_long else ReaderFaultKind.MALFORMED
                return ReaderFault(reader, fault, detail, at_ns)

    def _card(
        self,
        reader: str,
        card: Credential,
        at_ns: int,
        *,
        counter: int | None = None,
        shown: PhonePass | None = None,
    ) -> Heard:
        if card.kind not in self.rules(reader).takes:
            return Refused(reader=reader, reason=DenyReason.KIND_NOT_ACCEPTED, at_ns=at_ns, card=card)
        return Presented(
            reader=reader, credential=card, card=card, at_ns=at_ns, read_ns=at_ns, counter=counter, shown=shown
        )

    def _entry(self, reader: str) -> PinEntry:
        if reader not in self._entries:
            self._entries[reader] = PinEntry(reader, self.rules(reader))
        return self._entries[reader]
