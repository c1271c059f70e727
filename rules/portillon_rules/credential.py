"""What is presented at a reader, and the keyed hash under which it travels and rests."""

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from enum import StrEnum

_HEX = re.compile(r"[0-9A-F]{2,64}")


class CredentialError(ValueError):
    """The text is no credential; the message says what was expected."""


class CredentialKind(StrEnum):
    """Families of credential; two kinds never share a value space, so equal digits stay different credentials."""

    EM4100 = "em4100"


@dataclass(frozen=True, slots=True)
class Credential:
    """One credential: its kind and its full value in upper-case hex; leading zeros are part of the number."""

    kind: CredentialKind
    value: str

    def __post_init__(self) -> None:
        if not _HEX.fullmatch(self.value):
            raise CredentialError(f"{self.value!r} is no credential value: write 2 to 64 upper-case hex digits")

    def __str__(self) -> str:
        return f"{self.kind}:{self.value}"

    @classmethod
    def parse(cls, text: str) -> "Credential":
        """Read the canonical form `kind:HEX`; raises CredentialError."""
        kind, colon, value = text.strip().partition(":")
        if not colon:
            raise CredentialError(f"{text!r} is no credential: write it as kind:HEX, for example em4100:0F0027A46B")
        try:
            return cls(CredentialKind(kind.lower()), value.upper())
        except ValueError as error:
            if isinstance(error, CredentialError):
                raise
            kinds = ", ".join(CredentialKind)
            raise CredentialError(f"{kind!r} is no kind of credential; known kinds: {kinds}") from None


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


def credential_hash(credential: Credential, key: SiteKey) -> str:
    """`<key id>.<64 hex>`: HMAC-SHA-256 over the canonical form (DESIGN §4, Credentials)."""
    return f"{key.key_id}.{hmac.new(key.secret, str(credential).encode(), hashlib.sha256).hexdigest()}"
