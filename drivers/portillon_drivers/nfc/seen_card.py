"""A card that the chip found in its field. Pure."""

from dataclasses import dataclass, field

from portillon_rules.credential import Credential, CredentialKind

ISO_DEP_SAK = 0x20
"""SEL_RES bit 6: the card speaks ISO 14443-4 (ISO 14443-3 table 9)."""
RANDOM_UID0 = 0x08
"""First byte of a 4-byte UID that is drawn anew whenever the card gets power (ISO 14443-3 table 11)."""
NFC_DEP_IDM = b"\x01\xfe"
"""An IDm that begins so is a phone's, drawn at random (NFC Forum Digital, NFCID2)."""
SINGLE_UID_BYTES = 4


@dataclass(frozen=True, slots=True)
class SeenCard:
    """What anticollision told: the UID, PUPI or IDm, and type A's SEL_RES and SENS_RES (as it was sent)."""

    kind: CredentialKind
    """NFCA, NFCB or FELICA."""
    uid: bytes = field(repr=False)
    sak: int = 0
    atqa: bytes = b""

    @property
    def speaks_iso_dep(self) -> bool:
        """Whether it can be asked to prove itself."""
        return self.kind is CredentialKind.NFCA and bool(self.sak & ISO_DEP_SAK)

    @property
    def is_random(self) -> bool:
        """Whether its number says nothing: it is another one the next time (phones, cards in privacy mode)."""
        if self.kind is CredentialKind.NFCA:
            return len(self.uid) == SINGLE_UID_BYTES and self.uid[0] == RANDOM_UID0
        return self.kind is CredentialKind.FELICA and self.uid.startswith(NFC_DEP_IDM)

    @property
    def number(self) -> Credential:
        """The number as a credential; raises CredentialError if no such card has a number of that length."""
        return Credential(self.kind, self.uid.hex().upper())
