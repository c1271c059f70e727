"""The card's end of a conversation: what an emulated card answers to authentication and secure messaging.

It is strict where the chip is: a wrong MAC, CRC or padding is refused with 911E, a wrong token with 91AE.
"""

from dataclasses import dataclass, field
from typing import Protocol

from portillon_drivers.cards.apdu import OK, Native
from portillon_drivers.cards.cipher import (
    BLOCK_BYTES,
    KEY_BYTES,
    ZERO_IV,
    crc32,
    decrypt_cbc,
    encrypt_cbc,
    rotated_left,
    same,
    xor,
)
from portillon_drivers.cards.ev1 import CRC_BYTES, Ev1Channel, session_key
from portillon_drivers.cards.ev2 import MAC_BYTES, TI_BYTES, Ev2Channel, session_keys
from portillon_drivers.cards.session import CommMode, Random

INTEGRITY_ERROR = 0x911E
LENGTH_ERROR = 0x917E
AUTHENTICATION_ERROR = 0x91AE
_STATUS = OK & 0xFF
_KEY_AND_VERSION = KEY_BYTES + 1


class Refused(Exception):
    """The card says no with this status word."""

    def __init__(self, status: int) -> None:
        super().__init__(f"{status:04X}")
        self.status = status


class CardSession(Protocol):
    """An authenticated conversation, seen from the card."""

    key_number: int

    def travelling(self, mode: CommMode, data_bytes: int) -> int:
        """How long `data_bytes` to be written are on their way to the card."""

    def opened(self, command: int, header: bytes, body: bytes, *, mode: CommMode, data_bytes: int | None) -> bytes:
        """The plain data of a command (None: of any length); raises Refused."""

    def answer(self, data: bytes, *, mode: CommMode) -> bytes:
        """An answer as it travels."""

    def new_key(self, number: int, body: bytes, old: bytes) -> tuple[bytes, int]:
        """Key and version out of a ChangeKey; raises Refused."""


@dataclass(slots=True)
class Ev2CardSession:
    """EV2 secure messaging; fills the CardSession port."""

    key_number: int
    channel: Ev2Channel

    def travelling(self, mode: CommMode, data_bytes: int) -> int:
        """Padding and MAC come on top."""
        if mode is CommMode.FULL:
            data_bytes = (data_bytes // BLOCK_BYTES + 1) * BLOCK_BYTES
        return data_bytes + (0 if mode is CommMode.PLAIN else MAC_BYTES)

    def opened(self, command: int, header: bytes, body: bytes, *, mode: CommMode, data_bytes: int | None) -> bytes:
        """The plain data of a command."""
        if mode is not CommMode.PLAIN:
            body, mac = body[:-MAC_BYTES], body[-MAC_BYTES:]
            if not same(mac, self.channel.mac(command, header + body)):
                raise Refused(INTEGRITY_ERROR)
        data = self.channel.decrypt(body) if mode is CommMode.FULL else body
        if data is None:
            raise Refused(INTEGRITY_ERROR)
        if data_bytes is not None and len(data) != data_bytes:
            raise Refused(LENGTH_ERROR)
        self.channel.counter += 1
        return data

    def answer(self, data: bytes, *, mode: CommMode) -> bytes:
        """An answer as it travels."""
        if mode is CommMode.PLAIN:
            return data
        body = self.channel.encrypt(data, answering=True) if mode is CommMode.FULL else data
        return body + self.channel.mac(_STATUS, body)

    def new_key(self, number: int, body: bytes, old: bytes) -> tuple[bytes, int]:
        """Key and version out of a ChangeKey."""
        own = number == self.key_number
        length = _KEY_AND_VERSION + (0 if own else CRC_BYTES)
        data = self.opened(Native.CHANGE_KEY, bytes([number]), body, mode=CommMode.FULL, data_bytes=length)
        return _key(data, None if own else old, data[_KEY_AND_VERSION:])


@dataclass(slots=True)
class Ev1CardSession:
    """EV1 secure messaging; fills the CardSession port."""

    key_number: int
    channel: Ev1Channel

    def travelling(self, mode: CommMode, data_bytes: int) -> int:
        """A CRC and zeros come on top."""
        return _whole_blocks(data_bytes + CRC_BYTES) if mode is CommMode.FULL else data_bytes

    def opened(self, command: int, header: bytes, body: bytes, *, mode: CommMode, data_bytes: int | None) -> bytes:
        """The plain data of a command."""
        if mode is not CommMode.FULL or not data_bytes:
            self.channel.mac(bytes([command]) + header + body)
            if data_bytes is None or len(body) != data_bytes:
                raise Refused(LENGTH_ERROR)
            return body
        plain = self._decrypted(body, data_bytes + CRC_BYTES)
        data, checksum = plain[:data_bytes], plain[data_bytes:]
        if not same(checksum, crc32(bytes([command]) + header + data)):
            raise Refused(INTEGRITY_ERROR)
        return data

    def answer(self, data: bytes, *, mode: CommMode) -> bytes:
        """An answer as it travels."""
        if mode is CommMode.FULL and data:
            return self.channel.encrypt(data + crc32(data + bytes([_STATUS])))
        return data + self.channel.mac(data + bytes([_STATUS]))

    def new_key(self, number: int, body: bytes, old: bytes) -> tuple[bytes, int]:
        """Key and version out of a ChangeKey."""
        own = number == self.key_number
        plain = self._decrypted(body, _KEY_AND_VERSION + CRC_BYTES * (1 if own else 2))
        data, rest = plain[:_KEY_AND_VERSION], plain[_KEY_AND_VERSION:]
        if not same(rest[:CRC_BYTES], crc32(bytes([Native.CHANGE_KEY, number]) + data)):
            raise Refused(INTEGRITY_ERROR)
        return _key(data, None if own else old, rest[CRC_BYTES:])

    def _decrypted(self, body: bytes, length: int) -> bytes:
        if len(body) != _whole_blocks(length):
            raise Refused(LENGTH_ERROR)
        plain = self.channel.decrypt(body)
        if any(plain[length:]):
            raise Refused(INTEGRITY_ERROR)
        return plain[:length]


def _whole_blocks(length: int) -> int:
    return -(-length // BLOCK_BYTES) * BLOCK_BYTES


def _key(data: bytes, old: bytes | None, checksum: bytes) -> tuple[bytes, int]:
    """Another key than the proven one travels mixed with the old one, and with a checksum of its own."""
    key, version = data[:KEY_BYTES], data[KEY_BYTES]
    if old is not None:
        key = xor(key, old)
        if not same(checksum, crc32(key)):
            raise Refused(INTEGRITY_ERROR)
    return key, version


@dataclass(slots=True)
class Challenge:
    """An authentication that waits for the reader's token."""

    command: int
    key_number: int
    key: bytes = field(repr=False)
    random_b: bytes = field(repr=False)

    @property
    def sent(self) -> bytes:
        """E(RndB)."""
        return encrypt_cbc(self.key, ZERO_IV, self.random_b)

    def met(self, token: bytes, random: Random) -> tuple[bytes, CardSession]:
        """The card's own proof and the session; raises Refused for a reader that has another key."""
        if len(token) != 2 * BLOCK_BYTES:
            raise Refused(LENGTH_ERROR)
        ev2 = self.command == Native.AUTHENTICATE_EV2_FIRST
        plain = decrypt_cbc(self.key, ZERO_IV if ev2 else self.sent, token)
        random_a = plain[:BLOCK_BYTES]
        if not same(plain[BLOCK_BYTES:], rotated_left(self.random_b)):
            raise Refused(AUTHENTICATION_ERROR)
        if not ev2:
            answer = encrypt_cbc(self.key, token[-BLOCK_BYTES:], rotated_left(random_a))
            return answer, Ev1CardSession(self.key_number, Ev1Channel(session_key(random_a, self.random_b)))
        ti = random(TI_BYTES)
        answer = encrypt_cbc(self.key, ZERO_IV, ti + rotated_left(random_a) + bytes(12))  # no capabilities
        channel = Ev2Channel(*session_keys(self.key, random_a, self.random_b), ti)
        return answer, Ev2CardSession(self.key_number, channel)
