"""A card in a simulated field: what the fake PN532 talks to. Not modelled: radio, timing, a tearing inside a write."""

from typing import Literal, Protocol, TypeAlias

Technology: TypeAlias = Literal["nfca", "nfcb", "felica"]


class EmulatedCard(Protocol):
    """The far side of a reader's field, from the anticollision upwards.

    `uid` is the UID, PUPI or IDm; `atqa` (SENS_RES) and `sak` (SEL_RES) are type A's; `ats` is the whole answer to RATS
    beginning with its length byte, or None for a card that does not speak ISO 14443-4.
    """

    @property
    def technology(self) -> Technology:
        """How the card is found."""

    @property
    def uid(self) -> bytes:
        """Its number in the anticollision."""

    @property
    def sak(self) -> int:
        """SEL_RES: bit 6 (0x20) says ISO 14443-4."""

    @property
    def atqa(self) -> bytes:
        """SENS_RES, two bytes as they are sent."""

    @property
    def ats(self) -> bytes | None:
        """The answer to RATS, length byte first."""

    def select(self) -> None:
        """The field came on or the card was selected anew: whatever was authenticated or chosen is forgotten."""

    def apdu(self, command: bytes) -> bytes:
        """The answer (data and status word) to an ISO 7816-4 command; any bytes are answered, none raises."""

    def raw(self, command: bytes) -> bytes | None:
        """The answer to a frame below ISO 14443-4 (a type 2 READ), without CRC; None: the card stays silent."""
