"""AES as cards use it: CBC without padding, CMAC, and the DESFire's own checksum and truncation. Pure.

Sources: NIST SP 800-38B and RFC 4493 (CMAC); NXP AN12196 §4 (truncated MAC, padding); ISO/IEC 9797-1 padding method 2.
"""

import hmac
import zlib

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

BLOCK_BYTES = 16
KEY_BYTES = 16
ZERO_IV = bytes(BLOCK_BYTES)
FACTORY_KEY = bytes(KEY_BYTES)
"""AES keys of a card as it comes from NXP."""
_R_128 = 0x87
"""The constant of SP 800-38B §5.3 for a block of 128 bits."""


def encrypt_cbc(key: bytes, iv: bytes, plain: bytes) -> bytes:
    """AES-CBC of whole blocks."""
    encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    return encryptor.update(plain) + encryptor.finalize()


def decrypt_cbc(key: bytes, iv: bytes, encrypted: bytes) -> bytes:
    """What `encrypt_cbc` made; whole blocks."""
    decryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor()
    return decryptor.update(encrypted) + decryptor.finalize()


def encrypt_block(key: bytes, block: bytes) -> bytes:
    """AES of one block."""
    return encrypt_cbc(key, ZERO_IV, block)


def cmac(key: bytes, message: bytes, *, iv: bytes = ZERO_IV, block_count_min: int = 1) -> bytes:
    """AES-CMAC (RFC 4493).

    Two variations of NXP need more than a library's CMAC: DESFire EV1 starts each one from the last (`iv`), and AN10922
    always pads to two blocks (`block_count_min`).
    """
    k1 = _doubled(encrypt_block(key, ZERO_IV))
    size = max(block_count_min, -(-len(message) // BLOCK_BYTES)) * BLOCK_BYTES
    if len(message) == size:
        padded, subkey = message, k1
    else:
        padded, subkey = (message + b"\x80").ljust(size, b"\0"), _doubled(k1)
    last = xor(padded[-BLOCK_BYTES:], subkey)
    return encrypt_cbc(key, iv, padded[:-BLOCK_BYTES] + last)[-BLOCK_BYTES:]


def _doubled(block: bytes) -> bytes:
    value = int.from_bytes(block) << 1
    if value >> (8 * BLOCK_BYTES):
        value = (value & ((1 << (8 * BLOCK_BYTES)) - 1)) ^ _R_128
    return value.to_bytes(BLOCK_BYTES)


def truncated(mac: bytes) -> bytes:
    """MACt: the 8 bytes at odd places (AN12196 §4.4; NXP counts from one and calls them even)."""
    return mac[1::2]


def xor(left: bytes, right: bytes) -> bytes:
    """Both, bit by bit; of equal length."""
    return bytes(a ^ b for a, b in zip(left, right, strict=True))


def rotated_left(random: bytes) -> bytes:
    """The first byte goes last: how either side shows that it could read the other's random number."""
    return random[1:] + random[:1]


def padded(data: bytes) -> bytes:
    """ISO/IEC 9797-1 method 2: 80 and zeros, at least one byte."""
    return (data + b"\x80").ljust((len(data) // BLOCK_BYTES + 1) * BLOCK_BYTES, b"\0")


def unpadded(data: bytes) -> bytes | None:
    """What `padded` was given; None if that is no such padding."""
    stripped = data.rstrip(b"\0")
    if len(data) - len(stripped) >= BLOCK_BYTES or not stripped.endswith(b"\x80"):
        return None
    return stripped[:-1]


def crc32(data: bytes) -> bytes:
    """DESFire's CRC-32: without the last inversion, low byte first."""
    return (zlib.crc32(data) ^ 0xFFFF_FFFF).to_bytes(4, "little")


def same(left: bytes, right: bytes) -> bool:
    """Equality that takes equally long wherever they differ."""
    return hmac.compare_digest(left, right)
