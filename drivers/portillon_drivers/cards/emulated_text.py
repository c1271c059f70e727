"""What an emulated NTAG 424 DNA writes into its text when it is read: the other end of `sun.read_sun`. Pure."""

from collections.abc import Sequence

from portillon_drivers.cards.cipher import encrypt_cbc
from portillon_drivers.cards.file_settings import FREE, Sdm
from portillon_drivers.cards.session import Random
from portillon_drivers.cards.sun import (
    COUNTER_BYTES,
    encrypted_picc_data,
    file_data_iv,
    message_mac,
    session_keys,
)

FILLING_BYTES = 5


def mirrored(data: bytes, sdm: Sdm, *, uid: bytes, counter: int, keys: Sequence[bytes], random: Random) -> bytes:
    """`data` with UID, counter, enciphered file data and MAC in their places."""
    text = bytearray(data)

    def put(offset: int | None, value: bytes) -> None:
        if offset is not None:
            text[offset : offset + 2 * len(value)] = value.hex().upper().encode("ascii")

    encryption_key, mac_key = session_keys(keys[sdm.file_read], uid, counter)
    if sdm.meta_read == FREE:
        put(sdm.uid_offset, uid)
        put(sdm.counter_offset, counter.to_bytes(COUNTER_BYTES))
    else:
        put(sdm.picc_offset, encrypted_picc_data(keys[sdm.meta_read], uid, counter, random(FILLING_BYTES)))
    if sdm.encrypted_offset is not None:
        plain = data[sdm.encrypted_offset : sdm.encrypted_offset + sdm.encrypted_digits // 2]
        put(sdm.encrypted_offset, encrypt_cbc(encryption_key, file_data_iv(encryption_key, counter), plain))
    put(sdm.mac_offset, message_mac(mac_key, bytes(text[sdm.mac_input_offset : sdm.mac_offset])))
    return bytes(text)
