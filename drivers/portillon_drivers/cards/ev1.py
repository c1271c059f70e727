"""AuthenticateAES (0xAA) and the secure messaging of DESFire EV1. Pure.

Every CBC of a session goes on from the last block of the one before it, MACs too: `Ev1Channel` is that chain, the same
on either side. Source: DESFire EV1 communication examples (the bytes in tests/drivers/cards/vectors name theirs).
MACed files are not spoken: ours are enciphered.
"""

from dataclasses import dataclass, field

from portillon_drivers.cards.apdu import OK, Native, native
from portillon_drivers.cards.cipher import (
    BLOCK_BYTES,
    ZERO_IV,
    cmac,
    crc32,
    decrypt_cbc,
    encrypt_cbc,
    rotated_left,
    same,
    xor,
)
from portillon_drivers.cards.dialogue import Dialogue
from portillon_drivers.cards.errors import CardProtocolError, NotGenuine
from portillon_drivers.cards.session import SYSTEM_RANDOM, CommMode, Random, first_challenge, second_answer

MAC_BYTES = 8
CRC_BYTES = 4
STEP = "authenticate (AES)"
_STATUS = bytes([OK & 0xFF])


def session_key(random_a: bytes, random_b: bytes) -> bytes:
    """The one key of the session, from both random numbers."""
    return random_a[:4] + random_b[:4] + random_a[12:] + random_b[12:]


@dataclass(slots=True)
class Ev1Channel:
    """The session key, and where its chain of blocks has come to."""

    key: bytes = field(repr=False)
    iv: bytes = ZERO_IV

    def mac(self, message: bytes) -> bytes:
        """The next CMAC of the chain; the 8 bytes of it that travel."""
        self.iv = cmac(self.key, message, iv=self.iv)
        return self.iv[:MAC_BYTES]

    def encrypt(self, data: bytes) -> bytes:
        """The next enciphered data of the chain, filled up with zeros."""
        data = data.ljust(-(-len(data) // BLOCK_BYTES) * BLOCK_BYTES, b"\0")
        encrypted = encrypt_cbc(self.key, self.iv, data)
        self.iv = encrypted[-BLOCK_BYTES:]
        return encrypted

    def decrypt(self, encrypted: bytes) -> bytes:
        """What `encrypt` was given and its zeros; whole blocks, at least one."""
        data = decrypt_cbc(self.key, self.iv, encrypted)
        self.iv = encrypted[-BLOCK_BYTES:]
        return data


class Ev1Session:
    """The reader's side of an authenticated conversation; fills the Session port."""

    def __init__(self, channel: Ev1Channel, key_number: int) -> None:
        self._channel = channel
        self._key_number = key_number

    @property
    def key_number(self) -> int:
        """The key that was proven."""
        return self._key_number

    def send(self, step: str, command: int, header: bytes, data: bytes = b"", *, mode: CommMode) -> Dialogue[None]:
        """A command that answers with no data; only its enciphered data are protected on the way to the card."""
        whole = bytes([command]) + header + data
        if mode is CommMode.FULL:
            body = header + self._channel.encrypt(data + crc32(whole))
        else:
            body = header + data
            self._channel.mac(whole)
        answer = yield from native(step, command, body)
        self._verify_empty(step, answer)

    def read(self, step: str, command: int, header: bytes, length: int) -> Dialogue[bytes]:
        """`length` enciphered bytes."""
        self._channel.mac(bytes([command]) + header)
        answer = yield from native(step, command, header)
        if len(answer) != -(-(length + CRC_BYTES) // BLOCK_BYTES) * BLOCK_BYTES:
            raise CardProtocolError(f"{step}: the card's data are not {length} enciphered bytes")
        plain = self._channel.decrypt(answer)
        data, checksum, filling = plain[:length], plain[length : length + CRC_BYTES], plain[length + CRC_BYTES :]
        if not same(checksum, crc32(data + _STATUS)) or any(filling):
            raise NotGenuine(f"{step}: the card's data have a wrong CRC")
        return data

    def change_key(self, number: int, *, new: bytes, old: bytes, version: int) -> Dialogue[None]:
        """Put `new` where `old` was; changing the proven key ends the session."""
        step = f"change key {number}"
        header = bytes([number])
        own = number == self._key_number
        data = (new if own else xor(new, old)) + bytes([version])
        data += crc32(bytes([Native.CHANGE_KEY]) + header + data)
        if not own:
            data += crc32(new)
        answer = yield from native(step, Native.CHANGE_KEY, header + self._channel.encrypt(data))
        if not own:
            self._verify_empty(step, answer)

    def _verify_empty(self, step: str, answer: bytes) -> None:
        if not same(answer, self._channel.mac(_STATUS)):
            raise NotGenuine(f"{step}: the card's answer has a wrong MAC")


def authenticate_ev1(key_number: int, key: bytes, *, random: Random = SYSTEM_RANDOM) -> Dialogue[Ev1Session]:
    """Both sides prove `key`. Raises NotGenuine (another key), CardRefused, CardProtocolError."""
    challenge = yield from first_challenge(STEP, Native.AUTHENTICATE_AES, bytes([key_number]))
    random_b = decrypt_cbc(key, ZERO_IV, challenge)
    random_a = random(BLOCK_BYTES)
    token = encrypt_cbc(key, challenge, random_a + rotated_left(random_b))
    answer = yield from second_answer(STEP, token, BLOCK_BYTES)
    if not same(decrypt_cbc(key, token[-BLOCK_BYTES:], answer), rotated_left(random_a)):
        raise NotGenuine(f"{STEP}: the card did not prove its key")
    return Ev1Session(Ev1Channel(session_key(random_a, random_b)), key_number)
