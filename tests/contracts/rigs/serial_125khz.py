"""RDM6300 and ID-12LA on a pty."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from portillon_drivers.events import CredentialRead, ReaderEvent, ReaderFaultKind
from portillon_drivers.pty_line import PtyLine
from portillon_drivers.readers import id12la_simulator, rdm6300_simulator
from portillon_rules.credential import Credential, CredentialKind

CARDS = ("0F0027A46B", "3400C2DD15")


class Serial125kHzRig:
    """One reader; `bytes_of` is what it sends when a card is held to it for a moment."""

    def __init__(self, folder: Path, bytes_of: Callable[[str], bytes]) -> None:
        self._line = PtyLine(folder / "reader")
        self._bytes_of = bytes_of
        self.place = str(self._line.link)

    def section(self) -> dict[str, Any]:
        return {"path": self.place}

    def plug(self) -> None:
        self._line.plug()

    def unplug(self) -> None:
        self._line.unplug()

    def present(self, which: int) -> None:
        self._line.send(self._bytes_of(CARDS[which]))

    def trickle(self, which: int) -> None:
        for byte in self._bytes_of(CARDS[which]):
            self._line.send(bytes([byte]))

    def is_card(self, event: ReaderEvent, which: int) -> bool:
        card = Credential(CredentialKind.EM4100, CARDS[which])
        return isinstance(event, CredentialRead) and event.credential == card

    def dirt(self) -> frozenset[ReaderFaultKind]:
        self._line.send(b"\xff\x00junk" + self._bytes_of(CARDS[1])[:7])
        return frozenset({ReaderFaultKind.JUNK, ReaderFaultKind.TRUNCATED})

    def close(self) -> None:
        self._line.unplug()


def rdm6300(folder: Path) -> Serial125kHzRig:
    """It repeats its frame while the card lies there."""
    return Serial125kHzRig(folder, lambda card: rdm6300_simulator.frame(card) * 2)


def id12la(folder: Path) -> Serial125kHzRig:
    """It sends one frame for each card."""
    return Serial125kHzRig(folder, id12la_simulator.frame)
