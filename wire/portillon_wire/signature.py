"""Ed25519 signatures over the very bytes that travel (JWS compact, RFC 7515 and RFC 8037).

The algorithm is pinned, each kind of message has its own `typ`, the audience is the gateway, and a key signs only what
it is listed for. Nothing here reads a clock: a token's age is judged by what its message says.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from jwt import PyJWS
from jwt.exceptions import InvalidSignatureError, PyJWTError

from portillon_wire.commands import Command
from portillon_wire.errors import ForeignError, ForgedError, MalformedError
from portillon_wire.messages import FeedEntry, Lease, SignedMessage, SnapshotOffer, decode, encode
from portillon_wire.presence import PresenceNews
from portillon_wire.repair import BucketRows, BucketSums

_ALGORITHM = "EdDSA"
_JWS = PyJWS(algorithms=[_ALGORITHM])
S = TypeVar("S", bound=SignedMessage)


class Typ(StrEnum):
    """The `typ` header of each kind of signed message; it also names the use a key must be listed for."""

    FEED = "portillon-feed"
    LEASE = "portillon-lease"
    SNAPSHOT = "portillon-snapshot"
    BUCKET_SUMS = "portillon-bucket-sums"
    BUCKET_ROWS = "portillon-bucket-rows"
    COMMAND = "portillon-command"
    PRESENCE = "portillon-presence"


class KeyUse(StrEnum):
    """What a signing key may sign. Command and update keys are other keys than these."""

    FEED = "feed"
    LEASE = "lease"
    COMMAND = "command"


_TYP_OF: Mapping[type[SignedMessage], Typ] = {
    FeedEntry: Typ.FEED,
    Lease: Typ.LEASE,
    SnapshotOffer: Typ.SNAPSHOT,
    BucketSums: Typ.BUCKET_SUMS,
    BucketRows: Typ.BUCKET_ROWS,
    Command: Typ.COMMAND,
    PresenceNews: Typ.PRESENCE,
}
_USE_OF: Mapping[Typ, KeyUse] = {
    Typ.FEED: KeyUse.FEED,
    Typ.SNAPSHOT: KeyUse.FEED,
    Typ.BUCKET_SUMS: KeyUse.FEED,
    Typ.BUCKET_ROWS: KeyUse.FEED,
    Typ.LEASE: KeyUse.LEASE,
    Typ.COMMAND: KeyUse.COMMAND,
    Typ.PRESENCE: KeyUse.FEED,
}


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private Ed25519 key and the id under which gateways know its public half."""

    kid: str
    private: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def generate(cls, kid: str) -> "SigningKey":
        """A new key from the system's random source."""
        return cls(kid, Ed25519PrivateKey.generate())

    @classmethod
    def from_bytes(cls, kid: str, raw: bytes) -> "SigningKey":
        """Rebuild from the 32 private bytes."""
        return cls(kid, Ed25519PrivateKey.from_private_bytes(raw))

    def to_bytes(self) -> bytes:
        """The 32 private bytes: for the keyring, never for a log."""
        return self.private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())

    @property
    def public(self) -> bytes:
        """The 32 public bytes that go into a gateway's configuration."""
        return self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key (32 raw bytes) and what it may sign."""

    raw: bytes
    uses: frozenset[KeyUse]


class PublicKeys:
    """The keys a gateway trusts, by id. The list is local: no message can add to it."""

    def __init__(self, keys: Mapping[str, PublicKey]) -> None:
        self._keys = {kid: (Ed25519PublicKey.from_public_bytes(key.raw), key.uses) for kid, key in keys.items()}

    def find(self, kid: str, use: KeyUse) -> Ed25519PublicKey:
        """The key for that use; raises ForgedError if it is unknown or not meant for it."""
        if kid not in self._keys:
            raise ForgedError(f"signed by key {kid!r}, which this gateway does not know")
        key, uses = self._keys[kid]
        if use not in uses:
            raise ForgedError(f"signed by key {kid!r}, which may not sign a {use} message")
        return key


def sign(message: SignedMessage, key: SigningKey) -> bytes:
    """The compact JWS of a message."""
    headers = {"typ": _TYP_OF[type(message)].value, "kid": key.kid, "aud": message.gateway}
    return _JWS.encode(encode(message), key.private, algorithm=_ALGORITHM, headers=headers).encode()


def typ_of(token: bytes) -> Typ:
    """What kind of message a token claims to be, so that the right class can verify it; raises MalformedError."""
    try:
        return Typ(str(_JWS.get_unverified_header(token).get("typ")))
    except (PyJWTError, ValueError) as error:
        raise MalformedError(f"no signed Portillon message: {error}") from None


def kid_of(token: bytes) -> str:
    """By which key a token claims to be signed; worth nothing before `verify` has passed. Raises MalformedError."""
    try:
        return str(_JWS.get_unverified_header(token).get("kid"))
    except PyJWTError as error:
        raise MalformedError(f"no signed Portillon message: {error}") from None


def verify(cls: type[S], token: bytes, *, keys: PublicKeys, gateway: str) -> S:
    """The message in a token rightly signed for this gateway.

    Raises MalformedError, ForgedError or ForeignError, and MessageError for a payload that this version cannot read.
    """
    typ = _TYP_OF[cls]
    if typ_of(token) is not typ:
        raise MalformedError(f"expected a {typ} token, got a {typ_of(token)} token")
    header = _JWS.get_unverified_header(token)
    key = keys.find(str(header.get("kid")), _USE_OF[typ])
    try:
        payload = _JWS.decode_complete(token, key, algorithms=[_ALGORITHM])["payload"]
    except InvalidSignatureError:
        raise ForgedError(f"the signature of this {typ} token does not fit its content") from None
    except PyJWTError as error:
        raise MalformedError(f"no readable {typ} token: {error}") from None
    message = decode(cls, payload)
    if header.get("aud") != gateway or message.gateway != gateway:
        raise ForeignError(f"this {typ} token is for gateway {message.gateway!r}, not for {gateway!r}")
    return message
