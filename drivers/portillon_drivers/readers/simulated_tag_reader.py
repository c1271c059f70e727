"""A 125 kHz reader at the far end of a pty, and somebody who holds tags to it."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from portillon_rules.credential import Credential, CredentialKind

from portillon_drivers.pty_line import PtyLine
from portillon_drivers.simulated_reader import CannotPresentError

SAMPLES = (Credential(CredentialKind.EM4100, "0F0027A46B"), Credential(CredentialKind.EM4100, "3400C2DD15"))
CARD_DIGITS = 10


class SimulatedTagReader:
    """`bytes_of` is what it sends when a tag is held to it for a moment. Fills SimulatedReader."""

    samples = SAMPLES

    def __init__(self, link: Path, bytes_of: Callable[[str], bytes]) -> None:
        self._line = PtyLine(link)
        self._bytes_of = bytes_of

    @property
    def section(self) -> Mapping[str, Any]:
        """Where the driver finds it."""
        return {"path": str(self._line.link)}

    def plug(self) -> None:
        """USB in."""
        self._line.plug()

    def unplug(self) -> None:
        """USB out."""
        self._line.unplug()

    close = unplug

    def present(self, what: Credential) -> None:
        """Hold a tag to it."""
        if what.kind is not CredentialKind.EM4100 or len(what.value) != CARD_DIGITS:
            raise CannotPresentError("a 125 kHz reader reads tags of five bytes: for example em4100:0F0027A46B")
        self._line.send(self._bytes_of(what.value))

    def trickle(self, what: Credential) -> None:
        """The same, byte by byte."""
        for byte in self._bytes_of(what.value):
            self._line.send(bytes([byte]))

    def scan(self, text: str) -> NoReturn:
        """It has no scanner."""
        raise CannotPresentError("this reader reads 125 kHz tags and no printed codes")

    def press(self, keys: str) -> NoReturn:
        """It has no keys."""
        raise CannotPresentError("this reader has no PIN pad")

    def noise(self) -> None:
        """Junk, and a frame that breaks off."""
        self._line.send(b"\xff\x00junk" + self._bytes_of(SAMPLES[1].value)[:7])
