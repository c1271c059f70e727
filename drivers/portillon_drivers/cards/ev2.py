"""AuthenticateEV2First and EV2 secure messaging: NTAG 424 DNA, DESFire EV2 and EV3. Pure.

`Ev2Channel` is what either side computes, `Ev2Session` is the reader's side. Source: NXP AN12196 §4 and §5 (worked
examples), NT4H2421Gx §9.1.
"""

from dataclasses import dataclass, field

from portillon_drivers.cards.apdu import NTAG_FRAME_BYTES_MAX, OK, Native, native
from portillon_drivers.cards.cipher import (
    BLOCK_BYTES,
    ZERO_IV,
    cmac,
    crc32,
    decrypt_cbc,
    encrypt_block,
    encrypt_cbc,
    padded,
    rotated_left,
    same,
    truncated,
    unpadded,
    xor,
)
from portillon_drivers.cards.dialogue import Dialogue
from portillon_drivers.cards.errors import CardProtocolError, NotGenuine
from portillon_drivers.cards.session import SYSTEM_RANDOM, CommMode, Random, first_challenge, second_answer

MAC_BYTES = 8
TI_BYTES = 4
ANSWER_BYTES = 32
"""TI, RndA', PDcap2, PCDcap2."""
STEP = "authenticate (EV2First)"


def session_keys(key: bytes, random_a: bytes, random_b: bytes) -> tuple[bytes, bytes]:
    """Keys of enciphering and of the MAC, from both random numbers (AN12196, table 14)."""
    mixed = random_a[:2] + xor(random_a[2:8], random_b[:6]) + random_b[6:] + random_a[8:]
    encryption, mac = (cmac(key, label + b"\x00\x01\x00\x80" + mixed) for label in (b"\xa5\x5a", b"\x5a\xa5"))
    return encryption, mac


@dataclass(slots=True)
class Ev2Channel:
    """The protected channel; `counter` counts commands and is part of every MAC and IV."""

    encryption_key: bytes = field(repr=False)
    mac_key: bytes = field(repr=False)
    ti: bytes
    counter: int = 0

    def mac(self, code: int, body: bytes) -> bytes:
        """MACt over a command (`code` is its number) or over an answer (`code` is its status, low byte)."""
        message = bytes([code]) + self.counter.to_bytes(2, "little") + self.ti + body
        return truncated(cmac(self.mac_key, message))

    def iv(self, *, answering: bool) -> bytes:
        """The IV for a command's or an answer's data."""
        label = b"\x5a\xa5" if answering else b"\xa5\x5a"
        return encrypt_block(
            self.encryption_key, label + self.ti + self.counter.to_bytes(2, "little") + bytes(BLOCK_BYTES // 2)
        )

    def encrypt(self, data: bytes, *, answering: bool = False) -> bytes:
        """Enciphered data; nothing stays nothing."""
        return encrypt_cbc(self.encryption_key, self.iv(answering=answering), padded(data)) if data else b""

    def decrypt(self, data: bytes, *, answering: bool = False) -> bytes | None:
        """What `encrypt` was given; None if it was none of its."""
        if not data:
            return b""
        if len(data) % BLOCK_BYTES:
            return None
        return unpadded(decrypt_cbc(self.encryption_key, self.iv(answering=answering), data))


class Ev2Session:
    """The reader's side of an authenticated conversation; fills the Session port."""

    def __init__(self, channel: Ev2Channel, key_number: int, frame_bytes_max: int) -> None:
        self._channel = channel
        self._key_number = key_number
        self._frame_bytes_max = frame_bytes_max

    @property
    def key_number(self) -> int:
        """The key that was proven."""
        return self._key_number

    def send(self, step: str, command: int, header: bytes, data: bytes = b"", *, mode: CommMode) -> Dialogue[None]:
        """A command that answers with no data."""
        body = header + (self._channel.encrypt(data) if mode is CommMode.FULL else data)
        if mode is not CommMode.PLAIN:
            body += self._channel.mac(command, body)
        answer = yield from self._exchange(step, command, body)
        self._channel.counter += 1
        if answer if mode is CommMode.PLAIN else self._verified(step, answer):
            raise CardProtocolError(f"{step}: the card answered with data where none was to come")

    def read(self, step: str, command: int, header: bytes, length: int) -> Dialogue[bytes]:
        """`length` enciphered bytes."""
        answer = yield from self._exchange(step, command, header + self._channel.mac(command, header))
        self._channel.counter += 1
        data = self._channel.decrypt(self._verified(step, answer), answering=True)
        if data is None or len(data) != length:
            raise CardProtocolError(f"{step}: the card's data are not {length} enciphered bytes")
        return data

    def change_key(self, number: int, *, new: bytes, old: bytes, version: int) -> Dialogue[None]:
        """Put `new` where `old` was; changing the proven key ends the session."""
        step = f"change key {number}"
        header = bytes([number])
        if number == self._key_number:
            body = header + self._channel.encrypt(new + bytes([version]))
            yield from self._exchange(step, Native.CHANGE_KEY, body + self._channel.mac(Native.CHANGE_KEY, body))
        else:
            data = xor(new, old) + bytes([version]) + crc32(new)
            yield from self.send(step, Native.CHANGE_KEY, header, data, mode=CommMode.FULL)

    def _exchange(self, step: str, command: int, body: bytes) -> Dialogue[bytes]:
        return (yield from native(step, command, body, frame_bytes_max=self._frame_bytes_max))

    def _verified(self, step: str, answer: bytes) -> bytes:
        body, mac = answer[:-MAC_BYTES], answer[-MAC_BYTES:]
        if not same(mac, self._channel.mac(OK & 0xFF, body)):
            raise NotGenuine(f"{step}: the card's answer has a wrong MAC")
        return body


def authenticate_ev2(
    key_number: int, key: bytes, *, random: Random = SYSTEM_RANDOM, frame_bytes_max: int = NTAG_FRAME_BYTES_MAX
) -> Dialogue[Ev2Session]:
    """Both sides prove `key`. Raises NotGenuine (another key), CardRefused (911C: an EV1), CardProtocolError."""
    challenge = yield from first_challenge(STEP, Native.AUTHENTICATE_EV2_FIRST, bytes([key_number, 0]))
    random_b = decrypt_cbc(key, ZERO_IV, challenge)
    random_a = random(BLOCK_BYTES)
    token = encrypt_cbc(key, ZERO_IV, random_a + rotated_left(random_b))
    answer = decrypt_cbc(key, ZERO_IV, (yield from second_answer(STEP, token, ANSWER_BYTES)))
    if not same(answer[TI_BYTES : TI_BYTES + BLOCK_BYTES], rotated_left(random_a)):
        raise NotGenuine(f"{STEP}: the card did not prove its key")
    encryption_key, mac_key = session_keys(key, random_a, random_b)
    return Ev2Session(Ev2Channel(encryption_key, mac_key, answer[:TI_BYTES]), key_number, frame_bytes_max)
