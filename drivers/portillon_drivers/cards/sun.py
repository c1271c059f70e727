"""The secure message that an NTAG 424 DNA writes into its text each time it is read (SUN). Pure; AES only, no LRP.

Source: NXP AN12196 §3. Where it deciphers file data it names KSesSDMFileReadMAC; data and IV use KSesSDMFileReadENC.
The counter travels low byte first when enciphered, high byte first as plain text.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from portillon_drivers.cards.cipher import (
    BLOCK_BYTES,
    ZERO_IV,
    cmac,
    decrypt_cbc,
    encrypt_block,
    encrypt_cbc,
    same,
    truncated,
)
from portillon_drivers.cards.errors import NotGenuine
from portillon_drivers.cards.file_settings import FREE, MAC_DIGITS, PICC_DIGITS, Sdm

UID_BYTES = 7
COUNTER_BYTES = 3
PICC_DATA_TAG = 0xC7
"""UID mirrored, counter mirrored, UID of 7 bytes (AN12196 §3.4.2)."""


@dataclass(frozen=True, slots=True)
class SunMessage:
    """A message whose MAC was right. `counter` rises with each read; who stored the last one can refuse a replay."""

    uid: bytes
    counter: int
    file_data: bytes | None = field(default=None, repr=False)


def session_keys(file_read_key: bytes, uid: bytes, counter: int) -> tuple[bytes, bytes]:
    """The message's own keys: of enciphered file data, and of the MAC (AN12196, table 1)."""
    tail = b"\x00\x01\x00\x80" + uid + counter.to_bytes(COUNTER_BYTES, "little")
    encryption, mac = (
        cmac(file_read_key, (label + tail).ljust(BLOCK_BYTES, b"\0")) for label in (b"\xc3\x3c", b"\x3c\xc3")
    )
    return encryption, mac


def message_mac(mac_key: bytes, covered: bytes) -> bytes:
    """The 8 bytes at the end, over the text as it stands."""
    return truncated(cmac(mac_key, covered))


def picc_data(meta_read_key: bytes, encrypted: bytes) -> tuple[bytes, int]:
    """UID and counter from enciphered PICC data; raises NotGenuine."""
    plain = decrypt_cbc(meta_read_key, ZERO_IV, encrypted)
    if plain[0] != PICC_DATA_TAG:
        raise NotGenuine("SUN: the enciphered UID does not open with this key")
    return plain[1:8], int.from_bytes(plain[8:11], "little")


def encrypted_picc_data(meta_read_key: bytes, uid: bytes, counter: int, filling: bytes) -> bytes:
    """What `picc_data` opens; `filling` is 5 random bytes."""
    plain = bytes([PICC_DATA_TAG]) + uid + counter.to_bytes(COUNTER_BYTES, "little") + filling
    return encrypt_cbc(meta_read_key, ZERO_IV, plain)


def decrypted_file_data(encryption_key: bytes, counter: int, encrypted: bytes) -> bytes:
    """The mirrored part of the file in plain."""
    return decrypt_cbc(encryption_key, file_data_iv(encryption_key, counter), encrypted)


def file_data_iv(encryption_key: bytes, counter: int) -> bytes:
    """The IV of file data: the counter, enciphered with the same key."""
    return encrypt_block(encryption_key, counter.to_bytes(COUNTER_BYTES, "little").ljust(BLOCK_BYTES, b"\0"))


def read_sun(
    file: bytes, sdm: Sdm, *, file_read_key: Callable[[bytes], bytes], meta_read_key: bytes | None = None
) -> SunMessage:
    """The message in a file that was read from its first byte, or NotGenuine.

    `file_read_key` tells the key of a UID; `meta_read_key` is needed where UID and counter are enciphered.
    """
    if len(file) < sdm.end:
        raise NotGenuine("SUN: the text is too short for this site's tags")
    if sdm.meta_read == FREE:
        uid = _hex(file, sdm.uid_offset, 2 * UID_BYTES)
        counter = int.from_bytes(_hex(file, sdm.counter_offset, 2 * COUNTER_BYTES))
    elif meta_read_key is None:
        raise NotGenuine("SUN: the UID is enciphered and the keyring has no key for it")
    else:
        uid, counter = picc_data(meta_read_key, _hex(file, sdm.picc_offset, PICC_DIGITS))
    encryption_key, mac_key = session_keys(file_read_key(uid), uid, counter)
    mac = _hex(file, sdm.mac_offset, MAC_DIGITS)
    if not same(mac, message_mac(mac_key, file[sdm.mac_input_offset : sdm.mac_offset])):
        raise NotGenuine("SUN: the MAC is wrong")
    if sdm.encrypted_offset is None:
        return SunMessage(uid, counter)
    encrypted = _hex(file, sdm.encrypted_offset, sdm.encrypted_digits)
    return SunMessage(uid, counter, decrypted_file_data(encryption_key, counter, encrypted))


def _hex(file: bytes, offset: int | None, digits: int) -> bytes:
    text = b"" if offset is None else file[offset : offset + digits]
    if not re.fullmatch(rb"[0-9A-Fa-f]*", text) or len(text) != digits:
        raise NotGenuine("SUN: there are no hex digits where this site's tags have them")
    return bytes.fromhex(text.decode("ascii"))
