"""The file that makes a DESFire card this site's: a random number, signed by the site together with the UID. Pure.

    byte  0       format: 1
    byte  1..8    issuer: the first 8 bytes of SHA-256("portillon card issuer 1" ‖ public key)
    byte  9..24   the card's number, its credential
    byte 25..88   Ed25519 signature over "portillon card 1\\0" ‖ length of the UID ‖ UID ‖ bytes 0..24

The card's AES key proves that it is no copy; the signature, that the site issued it, even where an AES key leaked.
"""

import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from portillon_drivers.cards.cipher import same
from portillon_drivers.cards.errors import NotGenuine

FILE_BYTES = 89
NUMBER_BYTES = 16
PUBLIC_KEY_BYTES = 32
_FORMAT = b"\x01"
_ISSUER_BYTES = 8
_SIGNED_BYTES = 1 + _ISSUER_BYTES + NUMBER_BYTES
_DOMAIN = b"portillon card 1\0"


def issuer_id(public: bytes) -> bytes:
    """The issuer's name in the file."""
    return hashlib.sha256(b"portillon card issuer 1" + public).digest()[:_ISSUER_BYTES]


def _signed(uid: bytes, head: bytes) -> bytes:
    return _DOMAIN + bytes([len(uid)]) + uid + head


@dataclass(frozen=True, slots=True, repr=False)
class Issuer:
    """The site's signing key: at the desk where cards are written, never on a gateway."""

    secret: bytes

    @property
    def public(self) -> bytes:
        """What gateways verify with."""
        return self._key().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def sign(self, uid: bytes, number: bytes) -> bytes:
        """The file of the card with that UID; `number` has 16 bytes."""
        head = _FORMAT + issuer_id(self.public) + number
        return head + self._key().sign(_signed(uid, head))

    def _key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.secret)


def verified_number(file: bytes, uid: bytes, issuer_public: bytes) -> bytes:
    """The card's number; raises NotGenuine for a file that this issuer did not sign for this UID."""
    head, signature = file[:_SIGNED_BYTES], file[_SIGNED_BYTES:]
    if len(file) != FILE_BYTES or not head.startswith(_FORMAT):
        raise NotGenuine("signed file: not of this format")
    if not same(head[1 : 1 + _ISSUER_BYTES], issuer_id(issuer_public)):
        raise NotGenuine("signed file: another issuer's")
    try:
        Ed25519PublicKey.from_public_bytes(issuer_public).verify(signature, _signed(uid, head))
    except InvalidSignature:
        raise NotGenuine("signed file: the signature is wrong") from None
    return head[-NUMBER_BYTES:]
