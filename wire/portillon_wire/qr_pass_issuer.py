"""What a phone does: keep a key, and make a pass of it every few seconds. The reference for a member app."""

from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from portillon_rules.credential import Credential

from portillon_wire import base45
from portillon_wire.qr_pass import CLAIM, DOMAIN, LIFETIME_S_MAX, NONCE_BYTES, VERSION, phone_credential

ROTATE_S = 10
"""A new pass is shown this often: one that was refused as shown before is soon replaced by one that was not."""


@dataclass(frozen=True, slots=True)
class DeviceKey:
    """A phone's private Ed25519 key. In an app it lives in the secure element and never leaves it."""

    private: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def generate(cls) -> "DeviceKey":
        """A new key from the system's random source."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def from_bytes(cls, raw: bytes) -> "DeviceKey":
        """Rebuild from the 32 private bytes."""
        return cls(Ed25519PrivateKey.from_private_bytes(raw))

    def to_bytes(self) -> bytes:
        """The 32 private bytes: for a key store, never for a log."""
        return self.private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())

    @property
    def public(self) -> bytes:
        """The 32 public bytes, which enrolment tells the cloud."""
        return self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    @property
    def credential(self) -> Credential:
        """What a gateway knows this phone by."""
        return phone_credential(self.public)


def issue(
    device_key: DeviceKey, *, real_ms: int, random: Callable[[int], bytes], lifetime_s: int = LIFETIME_S_MAX
) -> str:
    """The text of a new pass; `random` is the system's (`secrets.token_bytes`), for no pass may have another's nonce.

    Raises ValueError for a lifetime outside 1 to 30 s.
    """
    if not 1 <= lifetime_s <= LIFETIME_S_MAX:
        raise ValueError(f"a pass lasts 1 to {LIFETIME_S_MAX} s, not {lifetime_s}")
    issued = (real_ms // 1_000).to_bytes(4, "big")
    body = bytes([VERSION]) + device_key.public + issued + bytes([lifetime_s]) + random(NONCE_BYTES)
    return CLAIM + base45.encode(body + device_key.private.sign(DOMAIN + body))
