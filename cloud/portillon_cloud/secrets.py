"""The keys of this installation: what is sealed in the database is of no use without this file."""

import hashlib
import hmac
import json
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from portillon_wire.signature import SigningKey

from portillon_cloud.errors import PermanentError

FILE_NAME = "secrets.json"
KEY_BYTES = 32  # AES-256 and HMAC-SHA-256
NONCE_BYTES = 12  # NIST SP 800-38D: 96 bits, drawn at random
COMMAND_KID = "command-1"
SEAL_KID = "contract-seal-1"
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # SEC 2, secp256r1
_VERSION = b"\x01"  # of the sealed form; a second data key would be 2


class SecretsError(PermanentError):
    """The key file is missing, open to others or damaged, or a sealed value does not belong to it."""


@dataclass(frozen=True, slots=True)
class Keyring:
    """Seals values (AES-256-GCM), finds them again without opening them (HMAC), and holds what signs for gateways."""

    data_key: bytes = field(repr=False)
    blind_key: bytes = field(repr=False)
    feed_key: SigningKey

    @classmethod
    def generate(cls) -> "Keyring":
        """New keys from the system's random source."""
        return cls(
            data_key=secrets.token_bytes(KEY_BYTES),
            blind_key=secrets.token_bytes(KEY_BYTES),
            feed_key=SigningKey.generate("feed-1"),
        )

    @property
    def command_key(self) -> SigningKey:
        """Signs commands: another key than the feed's, so that a gateway tells their uses apart.

        Drawn from the data key, so that a key file from before there were commands is whole, and so is its backup.
        """
        return SigningKey.from_bytes(
            COMMAND_KID, hmac.new(self.data_key, COMMAND_KID.encode(), hashlib.sha256).digest()
        )

    @property
    def seal_key(self) -> ec.EllipticCurvePrivateKey:
        """Seals contracts (P-256), drawn from the data key as the command key is."""
        drawn = hmac.new(self.data_key, SEAL_KID.encode(), hashlib.sha256).digest()
        return ec.derive_private_key(int.from_bytes(drawn) % (_P256_ORDER - 1) + 1, ec.SECP256R1())

    def seal(self, value: bytes, *, purpose: str) -> bytes:
        """Encrypt; `purpose` (table, column, tenant) is bound in, so that a value moved elsewhere does not open."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return _VERSION + nonce + AESGCM(self.data_key).encrypt(nonce, value, purpose.encode())

    def unseal(self, sealed: bytes, *, purpose: str) -> bytes:
        """Decrypt; raises SecretsError if it was sealed under other keys, for another purpose, or changed."""
        if sealed[:1] != _VERSION:
            raise SecretsError(
                f"a sealed value for {purpose!r} has an unknown form; is this database newer than this program?"
            )
        nonce, body = sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]
        try:
            return AESGCM(self.data_key).decrypt(nonce, body, purpose.encode())
        except InvalidTag:
            raise SecretsError(
                f"a sealed value for {purpose!r} does not open: the row was changed, or {FILE_NAME} is not its own"
            ) from None

    def blind_index(self, value: str, *, purpose: str) -> str:
        """64 hex digits that are equal for equal values of one purpose and tell nothing without the key."""
        return hmac.new(self.blind_key, f"{purpose}\0{value}".encode(), hashlib.sha256).hexdigest()


def load_keyring(path: Path) -> Keyring:
    """Read the key file; raises SecretsError naming what is wrong with it."""
    try:
        mode = path.stat().st_mode & 0o777
        text = path.read_text()
    except OSError as error:
        raise SecretsError(
            f"cannot read {path}: {error.strerror}; restore it from its backup, it cannot be made anew"
        ) from error
    if mode & 0o077:
        raise SecretsError(f"{path} can be read by others (mode {mode:o}); run: chmod 600 {path}")
    try:
        found = json.loads(text)
        data_key, blind_key = (bytes.fromhex(found[name]) for name in ("data_key", "blind_key"))
        feed = found["feed_key"]
        feed_key = SigningKey.from_bytes(feed["kid"], bytes.fromhex(feed["private"]))
    except (ValueError, KeyError, TypeError) as error:
        raise SecretsError(
            f"{path} is damaged ({error!r}); restore it from its backup, it cannot be made anew"
        ) from error
    if len(data_key) != KEY_BYTES or len(blind_key) != KEY_BYTES:
        raise SecretsError(f"{path} is damaged (a key of the wrong length); restore it from its backup")
    return Keyring(data_key=data_key, blind_key=blind_key, feed_key=feed_key)


def load_or_create_keyring(path: Path) -> Keyring:
    """Read the key file, or make it (mode 0600) at the first start; two processes starting at once get the same."""
    if not path.exists():
        _create(path, Keyring.generate())
    return load_keyring(path)


def _create(path: Path, keyring: Keyring) -> None:
    text = json.dumps(
        {
            "data_key": keyring.data_key.hex(),
            "blind_key": keyring.blind_key.hex(),
            "feed_key": {"kid": keyring.feed_key.kid, "private": keyring.feed_key.to_bytes().hex()},
        },
        indent=1,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        try:
            path.hardlink_to(draft)  # fails if another process was first: then its keys hold, whole
        except FileExistsError:
            return
    finally:
        draft.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
