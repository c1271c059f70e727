"""The keys under which a site's cards prove themselves; each card has keys of its own, derived from these by its UID.

Two kinds of file. The desk's, where cards are written, has all of it. A gateway's has what reading needs: with a stolen
one nobody writes or signs a card (docs/cards.md tells what a thief can do).
"""

import tomllib
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Any

from portillon_drivers.cards.cipher import KEY_BYTES
from portillon_drivers.cards.diversify import diversified
from portillon_drivers.cards.file_settings import FREE, FileSettings, Sdm, SettingsError
from portillon_drivers.cards.keyring_file import CardKeyringError, hex_field, read_private, take
from portillon_drivers.cards.signed_number import PUBLIC_KEY_BYTES, Issuer

FORMAT = 1
VERSION_MAX = 255
"""A card stores the version of each key in one byte; 0 is what the factory wrote."""
VERSIONS_MAX = 8
DESFIRE_AID = bytes.fromhex("504C31")
"""The site's application on a DESFire card, high byte first ("PL1")."""
_NTAG = bytes.fromhex("000424")
_SYSTEM = b"portillon"
_NOT_HERE = "a gateway's keyring reads cards and writes none; take the desk's keyring"


class NtagKey(IntEnum):
    """What the keys of an NTAG 424 DNA are for; 2 to 4 are only taken away from strangers."""

    ADMIN = 0
    SUN = 1
    SPARE_2 = 2
    SPARE_3 = 3
    SPARE_4 = 4


class DesfireKey(IntEnum):
    """What the keys of the site's DESFire application are for."""

    ADMIN = 0
    READ = 1


@dataclass(frozen=True, slots=True)
class KeyVersion:
    """One generation of master keys; the last two are None on a gateway."""

    version: int
    reader_key: bytes = field(repr=False)
    issuer_public: bytes
    admin_key: bytes | None = field(default=None, repr=False)
    issuer: Issuer | None = field(default=None, repr=False)

    def ntag_key(self, key: NtagKey, uid: bytes) -> bytes:
        """That key of that tag; raises CardKeyringError for an administration key on a gateway."""
        return self._card_key(_NTAG, key, uid, self.reader_key if key is NtagKey.SUN else self.admin_key)

    def desfire_key(self, key: DesfireKey, uid: bytes) -> bytes:
        """That key of that card; raises CardKeyringError for the administration key on a gateway."""
        return self._card_key(DESFIRE_AID, key, uid, self.reader_key if key is DesfireKey.READ else self.admin_key)

    def _card_key(self, application: bytes, number: int, uid: bytes, master: bytes | None) -> bytes:
        if master is None:
            raise CardKeyringError(_NOT_HERE)
        return diversified(master, uid + application + bytes([number, self.version]) + _SYSTEM)


@dataclass(frozen=True, slots=True)
class ForeignTags:
    """NTAG 424 DNA that somebody else wrote: their SDM settings and keys.

    With `suffix` the file read key is a master, diversified by AN10922 over UID ‖ suffix; None: all tags share it.
    """

    name: str
    sdm: Sdm
    file_read_key: bytes = field(repr=False)
    meta_read_key: bytes | None = field(default=None, repr=False)
    suffix: bytes | None = None

    def key_of(self, uid: bytes) -> bytes:
        """The file read key of that tag."""
        return self.file_read_key if self.suffix is None else diversified(self.file_read_key, uid + self.suffix)


@dataclass(frozen=True, slots=True)
class CardKeyring:
    """All generations that are accepted; new cards are written with `current`."""

    versions: tuple[KeyVersion, ...]
    current: KeyVersion
    foreign: tuple[ForeignTags, ...] = ()

    def desk_issuer(self) -> Issuer:
        """Who signs new cards; raises CardKeyringError on a gateway, where no card can be written."""
        if self.current.issuer is None or self.current.admin_key is None:
            raise CardKeyringError(_NOT_HERE)
        return self.current.issuer

    def find(self, version: int) -> KeyVersion | None:
        """That generation, if it is still accepted."""
        return next((known for known in self.versions if known.version == version), None)


def load_card_keys(path: Path) -> CardKeyring:
    """Read a keyring file; raises CardKeyringError (missing, readable by others, malformed). Quotes nothing of it."""
    text = read_private(path)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise CardKeyringError(f"{path}: this is no TOML; restore the file from its backup") from None
    try:
        return _keyring(document)
    except CardKeyringError as error:
        raise CardKeyringError(f"{path}: {error}") from None


def _keyring(document: dict[str, Any]) -> CardKeyring:
    if take(document, "format", int) != FORMAT:
        raise CardKeyringError(f"format must be {FORMAT}; a newer portillon may have written this file")
    current = take(document, "current", int)
    tables = take(document, "versions", list)
    foreign = tuple(_foreign(table) for table in take(document, "foreign_tags", list, default=[]))
    _nothing_left(document)
    versions = tuple(_version(table) for table in tables)
    if len({version.version for version in versions}) != len(versions) or not 1 <= len(versions) <= VERSIONS_MAX:
        raise CardKeyringError(f"there must be 1 to {VERSIONS_MAX} versions, each once")
    newest = next((version for version in versions if version.version == current), None)
    if newest is None:
        raise CardKeyringError(f"current names version {current}, which is not in the file")
    return CardKeyring(versions, newest, foreign)


def _version(table: dict[str, Any]) -> KeyVersion:
    version = take(table, "version", int)
    if not 1 <= version <= VERSION_MAX:
        raise CardKeyringError(f"a version is a number from 1 to {VERSION_MAX}")
    admin_key = hex_field(table, "admin_key", KEY_BYTES, default=None)
    secret = hex_field(table, "issuer_secret", PUBLIC_KEY_BYTES, default=None)
    issuer = None if secret is None else Issuer(secret)
    reader_key = hex_field(table, "reader_key", KEY_BYTES)
    public = hex_field(table, "issuer_public", PUBLIC_KEY_BYTES)
    _nothing_left(table)
    if issuer is not None and issuer.public != public:
        raise CardKeyringError(f"version {version}: issuer_public does not belong to issuer_secret")
    return KeyVersion(version, reader_key, public, admin_key, issuer)


def _foreign(table: dict[str, Any]) -> ForeignTags:
    name = take(table, "name", str)
    try:
        sdm = FileSettings.decode(hex_field(table, "settings", None)).sdm
    except SettingsError as error:
        raise CardKeyringError(f"foreign_tags {name!r}: settings: {error}") from None
    if sdm is None:
        raise CardKeyringError(f"foreign_tags {name!r}: these settings have no SDM, so the tags prove nothing")
    meta_read_key = hex_field(table, "meta_read_key", KEY_BYTES, default=None)
    if sdm.meta_read != FREE and meta_read_key is None:
        raise CardKeyringError(f"foreign_tags {name!r}: the UID is enciphered, so meta_read_key is needed")
    key = hex_field(table, "file_read_key", KEY_BYTES)
    suffix = hex_field(table, "diversified_with", None, default=None)
    _nothing_left(table)
    if suffix is not None and len(suffix) > 24:
        raise CardKeyringError(f"foreign_tags {name!r}: diversified_with has at most 24 bytes after the UID's 7")
    return ForeignTags(name, sdm, key, meta_read_key, suffix)


def _nothing_left(table: dict[str, Any]) -> None:
    if table:
        raise CardKeyringError(f"unknown keys in the file: {', '.join(sorted(table))}")
