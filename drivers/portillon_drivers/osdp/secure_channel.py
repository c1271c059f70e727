"""OSDP's secure channel: keys of one session, the chain of MACs, encryption; for both sides of the wire. Pure.

SIA OSDP v2.2 annex D, checked against annex E. Each frame's MAC covers the whole frame and is chained to the MAC of the
frame before it in the other direction, so that nothing can be replayed, dropped or reordered unseen.
"""

from dataclasses import dataclass, field
from hmac import compare_digest

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from portillon_drivers.osdp.errors import ChannelError
from portillon_drivers.osdp.frame import Frame, SecurityBlock

BLOCK_BYTES = 16
MAC_BYTES = 4
"""The first four of sixteen go over the wire."""
SCS_COMMAND_MAC, SCS_REPLY_MAC, SCS_COMMAND_SECRET, SCS_REPLY_SECRET = 0x15, 0x16, 0x17, 0x18
NAK_CODE = 0x41
ZERO = bytes(BLOCK_BYTES)


class UnencryptedError(ChannelError):
    """Authentic data that went over the wire readable by everybody."""


@dataclass(frozen=True, slots=True)
class SessionKeys:
    """The keys of one session, made from the reader's key and the panel's random number."""

    enc: bytes = field(repr=False)
    mac1: bytes = field(repr=False)
    mac2: bytes = field(repr=False)

    def client_cryptogram(self, panel_nonce: bytes, reader_nonce: bytes) -> bytes:
        """The reader's proof that it has the key."""
        return _encrypt(self.enc, ZERO, panel_nonce + reader_nonce)

    def server_cryptogram(self, panel_nonce: bytes, reader_nonce: bytes) -> bytes:
        """The panel's proof that it has the key."""
        return _encrypt(self.enc, ZERO, reader_nonce + panel_nonce)

    def initial_rmac(self, server_cryptogram: bytes) -> bytes:
        """The first link of the chain."""
        return _encrypt(self.mac2, ZERO, _encrypt(self.mac1, ZERO, server_cryptogram))

    def mac(self, message: bytes, previous: bytes) -> bytes:
        """CBC-MAC: the last block under a key of its own. A message that does not fill its blocks is padded."""
        if not message or len(message) % BLOCK_BYTES:
            message = _padded(message)
        head, last = message[:-BLOCK_BYTES], message[-BLOCK_BYTES:]
        link = _encrypt(self.mac1, previous, head)[-BLOCK_BYTES:] if head else previous
        return _encrypt(self.mac2, link, last)


def session_keys(scbk: bytes, panel_nonce: bytes) -> SessionKeys:
    """Only six of the nonce's eight bytes go into the keys (annex D.4)."""
    return SessionKeys(
        *(_encrypt(scbk, ZERO, bytes([0x01, kind]) + panel_nonce[:6] + bytes(8)) for kind in (0x82, 0x01, 0x02))
    )


class SecureChannel:
    """An established session at either end: seals what goes out, opens what comes in, keeps the chain."""

    __slots__ = ("_cmac", "_keys", "_rmac")

    def __init__(self, keys: SessionKeys, rmac: bytes) -> None:
        self._keys = keys
        self._rmac = rmac
        self._cmac = ZERO

    def seal(self, frame: Frame) -> Frame:
        """The frame of a clear body, encrypted where it has data, with its MAC."""
        code, data = frame.body[:1], frame.body[1:]
        if data:
            data = _encrypt(self._keys.enc, _inverted(self._previous(frame)), _padded(data))
        kind = (SCS_COMMAND_SECRET if data else SCS_COMMAND_MAC) + frame.reply
        sealed = Frame(frame.address, frame.reply, frame.sequence, code + data, frame.crc, SecurityBlock(kind))
        covered = sealed.covered(len(sealed.body) + MAC_BYTES)
        mac = self._keys.mac(covered, self._previous(frame))
        self._advance(frame, mac)
        return Frame(frame.address, frame.reply, frame.sequence, sealed.body + mac[:MAC_BYTES], frame.crc, sealed.block)

    def open(self, frame: Frame) -> bytes:
        """Code and data in clear. Raises `ChannelError` if the frame was made or changed by somebody else."""
        secret = SCS_COMMAND_SECRET + frame.reply
        kind = frame.block.kind if frame.block else None
        if kind not in (secret, SCS_COMMAND_MAC + frame.reply) or len(frame.body) <= MAC_BYTES:
            raise ChannelError("a frame that is not of this channel")
        previous = self._previous(frame)
        mac = self._keys.mac(frame.covered()[:-MAC_BYTES], previous)
        if not compare_digest(mac[:MAC_BYTES], frame.body[-MAC_BYTES:]):
            raise ChannelError("a wrong MAC")
        code, data = frame.body[:1], frame.body[1:-MAC_BYTES]
        if kind == secret:
            data = self._decrypt(data, previous)
        elif data and code[0] != NAK_CODE:
            raise UnencryptedError("data with a MAC but not encrypted")
        self._advance(frame, mac)
        return code + data

    def _decrypt(self, data: bytes, previous: bytes) -> bytes:
        if not data:
            return b""  # some readers say "secret" of an empty body
        if len(data) % BLOCK_BYTES:
            raise ChannelError("data that do not fill their blocks")
        decryptor = Cipher(algorithms.AES(self._keys.enc), modes.CBC(_inverted(previous))).decryptor()
        clear = (decryptor.update(data) + decryptor.finalize()).rstrip(b"\0")
        if not clear.endswith(b"\x80"):
            raise ChannelError("wrong padding")
        return clear[:-1]

    def _previous(self, frame: Frame) -> bytes:
        return self._cmac if frame.reply else self._rmac

    def _advance(self, frame: Frame, mac: bytes) -> None:
        if frame.reply:
            self._rmac = mac
        else:
            self._cmac = mac


def _encrypt(key: bytes, start: bytes, data: bytes) -> bytes:
    """AES-128-CBC; of one block from zero it is the plain block cipher."""
    encryptor = Cipher(algorithms.AES(key), modes.CBC(start)).encryptor()
    return encryptor.update(data) + encryptor.finalize()


def _padded(data: bytes) -> bytes:
    return data + b"\x80" + bytes(-(len(data) + 1) % BLOCK_BYTES)


def _inverted(block: bytes) -> bytes:
    return bytes(byte ^ 0xFF for byte in block)
