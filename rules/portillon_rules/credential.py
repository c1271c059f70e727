"""What is presented at a reader, and the keyed hash under which it travels and rests.

The canonical form is `kind:value`; the same card gives the same one on every reader. `docs/credentials.md` has a page
on what each kind proves about the member.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class CredentialError(ValueError):
    """The text is no credential; the message says what was expected."""


class CredentialKind(StrEnum):
    """Families of credential; two kinds never share a value space, so equal digits stay different credentials."""

    EM4100 = "em4100"
    """125 kHz tag: its 5 bytes."""
    WIEGAND = "wiegand"
    """All bits that came over the two wires (or as OSDP raw card data), parity too: `bits.hex`, right-aligned."""
    NFCA = "nfca"
    """UID of an ISO 14443 type A card (MIFARE, NTAG): 4, 7 or 10 bytes in the order they are sent."""
    NFCB = "nfcb"
    """PUPI of an ISO 14443 type B card: 4 bytes."""
    FELICA = "felica"
    """IDm of a FeliCa card: 8 bytes."""
    BARCODE = "barcode"
    """Text of a printed code that is no pass of ours."""
    NUMBER = "number"
    """A card number that a reader told as text (OSDP formatted card data)."""
    NTAG424 = "ntag424"
    """UID of an NTAG 424 DNA that proved itself by its secure message (SUN)."""
    DESFIRE = "desfire"
    """The 16-byte number in a signed file of a DESFire card that proved itself by its diversified key."""
    PHONE = "phone"
    """A phone, by its key: the first 16 bytes of the SHA-256 of its public key (wire/QR_PASS.md)."""
    DAY_CODE = "day_code"
    """A printed single-use code: its 16 random bytes."""
    PIN = "pin"
    """A code that stands for a person by itself: 4 to 10 digits, unique at its site."""
    CARD_AND_PIN = "card_and_pin"
    """A card confirmed by its holder's PIN: `kind:value+digits`."""

    @property
    def copyable(self) -> bool:
        """Whether somebody who once saw or read it can present it again; health reports name such readers."""
        return self in _COPYABLE

    @property
    def secret(self) -> bool:
        """Whether it holds digits that a person keeps in mind; those are hashed under the site's PIN key."""
        return self in (CredentialKind.PIN, CredentialKind.CARD_AND_PIN)


_COPYABLE = frozenset(
    {
        CredentialKind.EM4100,
        CredentialKind.WIEGAND,
        CredentialKind.NFCA,
        CredentialKind.NFCB,
        CredentialKind.FELICA,
        CredentialKind.BARCODE,
        CredentialKind.NUMBER,
        CredentialKind.PIN,
    }
)

_GRAMMAR: Mapping[CredentialKind, tuple[str, str]] = {
    CredentialKind.EM4100: (r"(?:[0-9A-F]{2}){1,8}", "hex digits, for example em4100:0F0027A46B"),
    CredentialKind.WIEGAND: (r"[1-9][0-9]{0,2}\.[0-9A-F]{1,64}", "bits.hex, for example wiegand:26.28607D1"),
    CredentialKind.NFCA: (r"[0-9A-F]{8}|[0-9A-F]{14}|[0-9A-F]{20}", "4, 7 or 10 bytes in hex: nfca:04DE5F1EACC040"),
    CredentialKind.NFCB: (r"[0-9A-F]{8}", "4 bytes in hex, for example nfcb:50C1D2A3"),
    CredentialKind.FELICA: (r"[0-9A-F]{16}", "8 bytes in hex, for example felica:01120312AB4C5D6E"),
    CredentialKind.BARCODE: (r"[!-~]{1,128}", "printable characters without spaces, for example barcode:M-000123"),
    CredentialKind.NUMBER: (r"[0-9A-Za-z]{1,64}", "digits or letters, for example number:0067001000"),
    CredentialKind.NTAG424: (r"[0-9A-F]{14}", "7 bytes in hex, for example ntag424:04DE5F1EACC040"),
    CredentialKind.DESFIRE: (r"[0-9A-F]{32}", "16 bytes in hex"),
    CredentialKind.PHONE: (r"[0-9A-F]{32}", "16 bytes in hex"),
    CredentialKind.DAY_CODE: (r"[0-9A-F]{32}", "16 bytes in hex"),
    CredentialKind.PIN: (r"[0-9]{4,10}", "4 to 10 digits, for example pin:491730"),
    CredentialKind.CARD_AND_PIN: (
        r"[a-z0-9_]+:[!-~]+\+[0-9]{4,10}",
        "card+digits, for example card_and_pin:em4100:0F0027A46B+4917",
    ),
}
_KEEPS_CASE = frozenset({CredentialKind.BARCODE, CredentialKind.NUMBER, CredentialKind.CARD_AND_PIN})


@dataclass(frozen=True, slots=True)
class Credential:
    """One credential: its kind and its full value; leading zeros are part of it. Raises CredentialError."""

    kind: CredentialKind
    value: str = field(repr=False)

    def __post_init__(self) -> None:
        grammar, example = _GRAMMAR[self.kind]
        if not re.fullmatch(grammar, self.value):
            raise CredentialError(f"this is no value of kind {self.kind}: write {example}")
        if self.kind is CredentialKind.WIEGAND:
            bits, _, digits = self.value.partition(".")
            if len(digits) != -(-int(bits) // 4) or int(digits, 16) >> int(bits):
                raise CredentialError(
                    f"{bits} bits are {-(-int(bits) // 4)} hex digits: for example wiegand:26.28607D1"
                )

    def __str__(self) -> str:
        return f"{self.kind}:{self.value}"

    @classmethod
    def parse(cls, text: str) -> "Credential":
        """Read the canonical form `kind:value`; raises CredentialError."""
        kind, colon, value = text.strip().partition(":")
        if not colon:
            raise CredentialError("this is no credential: write it as kind:value, for example em4100:0F0027A46B")
        try:
            known = CredentialKind(kind.lower())
        except ValueError:
            kinds = ", ".join(CredentialKind)
            raise CredentialError(f"{kind!r} is no kind of credential; known kinds: {kinds}") from None
        return cls(known, value if known in _KEEPS_CASE else value.upper())

    def with_pin(self, digits: str) -> "Credential":
        """This card confirmed by that PIN; raises CredentialError for anything but 4 to 10 digits."""
        return Credential(CredentialKind.CARD_AND_PIN, f"{self}+{digits}")


@dataclass(frozen=True, slots=True)
class SiteKey:
    """The secret (32 bytes) under which one site hashes credentials; two may overlap while they are rotated."""

    key_id: str
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) != 32:
            raise CredentialError(f"site key {self.key_id!r} has {len(self.secret)} bytes; it must have 32")
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,16}", self.key_id):
            raise CredentialError(f"{self.key_id!r} is no key id: 1 to 16 letters, digits, - or _")

    @property
    def pin_secret(self) -> bytes:
        """The site's PIN key: what is done under it says nothing about the key of the cards, and the reverse."""
        return hmac.new(self.secret, b"portillon pin key 1", hashlib.sha256).digest()


def credential_hash(credential: Credential, key: SiteKey) -> str:
    """`<key id>.<64 hex>`: HMAC-SHA-256 over the canonical form (DESIGN §4, Credentials); PINs under the PIN key."""
    secret = key.pin_secret if credential.kind.secret else key.secret
    return f"{key.key_id}.{hmac.new(secret, str(credential).encode(), hashlib.sha256).hexdigest()}"
