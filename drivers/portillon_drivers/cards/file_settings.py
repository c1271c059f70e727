"""Settings of an NTAG 424 DNA's file: who may do what, and what secure dynamic messaging (SDM) writes into it. Pure.

Source: NXP NT4H2421Gx §8.2.3.5 and §10.7 (ChangeFileSettings, GetFileSettings); AN12196 §5.9.
"""

from dataclasses import dataclass
from enum import IntFlag

from portillon_drivers.cards.session import CommMode

FREE = 0xE
"""Anybody, without a key."""
NEVER = 0xF
_SDM_ENABLED = 0x40
_UID_DIGITS = 14
_COUNTER_DIGITS = 6
PICC_DIGITS = 32
MAC_DIGITS = 16
_KEYS = range(5)


class SettingsError(ValueError):
    """These bytes are no file settings, or the settings contradict themselves."""


class Mirror(IntFlag):
    """SDM options (§8.2.3.5, table of SDMOptions)."""

    UID = 0x80
    COUNTER = 0x40
    COUNTER_LIMIT = 0x20
    ENCRYPTED_FILE_DATA = 0x10
    ASCII = 0x01


@dataclass(frozen=True, slots=True)
class Sdm:
    """What a read without authentication writes into the file's text, and where; offsets in bytes from its start.

    `meta_read` FREE mirrors UID and counter in plain at `uid_offset` and `counter_offset`; a key enciphers both at
    `picc_offset`. The MAC (key `file_read`) covers what stands between `mac_input_offset` and `mac_offset`.
    """

    meta_read: int
    file_read: int
    mac_input_offset: int
    mac_offset: int
    uid_offset: int | None = None
    counter_offset: int | None = None
    picc_offset: int | None = None
    encrypted_offset: int | None = None
    encrypted_digits: int = 0
    counter_read: int = NEVER
    """Who may ask for the counter (GetFileCounters)."""

    def __post_init__(self) -> None:
        plain = self.meta_read == FREE
        if self.file_read not in _KEYS or not (plain or self.meta_read in _KEYS):
            raise SettingsError("UID and counter need a key or FREE, and the MAC needs a key")
        if plain and (self.uid_offset is None or self.counter_offset is None):
            raise SettingsError("UID and counter must both be mirrored: the MAC's key comes from them")
        if not plain and self.picc_offset is None:
            raise SettingsError("enciphered UID and counter need their offset")
        if self.mac_input_offset > self.mac_offset or (self.encrypted_digits % 32):
            raise SettingsError("the MAC must come after what it covers; enciphered data are blocks of 32 digits")
        if self.encrypted_offset is not None and not (
            self.mac_input_offset <= self.encrypted_offset
            and self.encrypted_offset + self.encrypted_digits <= self.mac_offset
        ):
            raise SettingsError("the MAC must cover the enciphered data")

    @property
    def end(self) -> int:
        """The first byte after everything that is mirrored."""
        ends = [self.mac_offset + MAC_DIGITS]
        for offset, digits in (
            (self.uid_offset, _UID_DIGITS),
            (self.counter_offset, _COUNTER_DIGITS),
            (self.picc_offset, PICC_DIGITS),
            (self.encrypted_offset, self.encrypted_digits),
        ):
            ends.append(0 if offset is None else offset + digits)
        return max(ends)

    def encode(self) -> bytes:
        """As ChangeFileSettings wants it, after the access rights."""
        options = Mirror.UID | Mirror.COUNTER | Mirror.ASCII
        if self.encrypted_offset is not None:
            options |= Mirror.ENCRYPTED_FILE_DATA
        offsets = [self.uid_offset, self.counter_offset] if self.meta_read == FREE else [self.picc_offset]
        offsets.append(self.mac_input_offset)
        if self.encrypted_offset is not None:
            offsets += [self.encrypted_offset, self.encrypted_digits]
        offsets.append(self.mac_offset)
        rights = bytes([0xF0 | self.counter_read, self.meta_read << 4 | self.file_read])
        return bytes([options]) + rights + b"".join((offset or 0).to_bytes(3, "little") for offset in offsets)


@dataclass(frozen=True, slots=True)
class FileSettings:
    """How a file travels and who may do what: a key's number, FREE or NEVER."""

    mode: CommMode
    read: int
    write: int
    read_write: int
    change: int
    sdm: Sdm | None = None

    def encode(self) -> bytes:
        """As ChangeFileSettings wants it."""
        option = self.mode | (_SDM_ENABLED if self.sdm else 0)
        head = bytes([option, self.read_write << 4 | self.change, self.read << 4 | self.write])
        return head + (self.sdm.encode() if self.sdm else b"")

    @classmethod
    def decode(cls, data: bytes) -> "FileSettings":
        """What `encode` made; raises SettingsError."""
        if len(data) < 3:
            raise SettingsError("file settings have at least 3 bytes")
        option, first, second = data[:3]
        if option & ~(_SDM_ENABLED | 3) or option & 3 == 2:
            raise SettingsError("unknown bits in the file option")
        sdm = _decode_sdm(data[3:]) if option & _SDM_ENABLED else None
        if sdm is None and len(data) > 3:
            raise SettingsError("more bytes than settings without SDM have")
        return cls(CommMode(option & 3), second >> 4, second & 15, first >> 4, first & 15, sdm)


def _decode_sdm(data: bytes) -> Sdm:
    if len(data) < 3 or len(data) % 3:
        raise SettingsError("SDM settings broke off")
    options, meta_read, file_read = Mirror(data[0]), data[2] >> 4, data[2] & 15
    if not all(flag in options for flag in (Mirror.UID, Mirror.COUNTER, Mirror.ASCII)):
        raise SettingsError("only SDM with UID, counter and ASCII is spoken")
    if Mirror.COUNTER_LIMIT in options or data[1] >> 4 != NEVER:
        raise SettingsError("SDM with a counter limit is not spoken")
    offsets = [int.from_bytes(data[at : at + 3], "little") for at in range(3, len(data), 3)]
    names = ["uid_offset", "counter_offset"] if meta_read == FREE else ["picc_offset"]
    names.append("mac_input_offset")
    if Mirror.ENCRYPTED_FILE_DATA in options:
        names += ["encrypted_offset", "encrypted_digits"]
    names.append("mac_offset")
    if len(offsets) != len(names):
        raise SettingsError(f"these SDM options need {len(names)} offsets, not {len(offsets)}")
    return Sdm(meta_read, file_read, counter_read=data[1] & 15, **dict(zip(names, offsets, strict=True)))
