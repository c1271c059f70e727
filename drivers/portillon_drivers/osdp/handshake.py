"""How the panel and a reader prove to each other that they have the key (annex D.4). The panel's side. Pure.

    panel  CHLNG  (SCS_11, random A)     reader  CCRYPT (SCS_12, random B, its cryptogram)
    panel  SCRYPT (SCS_13, cryptogram)   reader  RMAC_I (SCS_14, first link of the chain)

The one byte in each security block says which key: 1 the reader's own, 0 the default key.
"""

from dataclasses import dataclass, field
from hmac import compare_digest

from portillon_drivers.osdp.commands import Challenge, ServerCryptogram
from portillon_drivers.osdp.errors import ChannelError
from portillon_drivers.osdp.frame import Frame, SecurityBlock
from portillon_drivers.osdp.keys import SCBK_D
from portillon_drivers.osdp.panel_events import KeyUsed
from portillon_drivers.osdp.replies import ClientCryptogram, InitialRmac
from portillon_drivers.osdp.secure_channel import SecureChannel, SessionKeys, session_keys

SCS_CHALLENGE, SCS_CLIENT, SCS_SERVER, SCS_RMAC = 0x11, 0x12, 0x13, 0x14
ACCEPTED = b"\x01"


class WrongKeyError(ChannelError):
    """The reader's cryptogram is not one of our key."""


class OtherKeyError(ChannelError):
    """The reader answered for the other kind of key than we asked for."""


@dataclass(frozen=True, slots=True)
class OfferedKey:
    """A key to try, and what it is to us."""

    used: KeyUsed
    key: bytes = field(repr=False)


DEFAULT_KEY = OfferedKey(KeyUsed.DEFAULT, SCBK_D)


class Handshake:
    """One attempt with one key and one random number; never used twice."""

    def __init__(self, offered: OfferedKey, nonce: bytes) -> None:
        self.offered = offered
        self._nonce = nonce
        self._keys: SessionKeys | None = None
        self._rmac = b""
        self._marker = b"\0" if offered.used is KeyUsed.DEFAULT else b"\x01"

    def challenge(self) -> tuple[Challenge, SecurityBlock]:
        """The first step."""
        return Challenge(self._nonce), SecurityBlock(SCS_CHALLENGE, self._marker)

    def prove(self, frame: Frame, reply: ClientCryptogram) -> tuple[ServerCryptogram, SecurityBlock]:
        """Check the reader's proof; the second step. Raises `ChannelError`."""
        if frame.block is None or frame.block.kind != SCS_CLIENT:
            raise ChannelError("the answer to the challenge has another security block")
        if frame.block.data[:1] != self._marker:
            raise OtherKeyError("it answered with the default key where its own was asked for, or the other way round")
        keys = session_keys(self.offered.key, self._nonce)
        if not compare_digest(keys.client_cryptogram(self._nonce, reply.nonce), reply.cryptogram):
            raise WrongKeyError("it could not prove that it has the key")
        cryptogram = keys.server_cryptogram(self._nonce, reply.nonce)
        self._keys, self._rmac = keys, keys.initial_rmac(cryptogram)
        return ServerCryptogram(cryptogram), SecurityBlock(SCS_SERVER, self._marker)

    def finish(self, frame: Frame, reply: InitialRmac) -> SecureChannel:
        """The channel. Raises `ChannelError` if the reader did not accept our proof or begins another chain."""
        if self._keys is None or frame.block is None or frame.block.kind != SCS_RMAC:
            raise ChannelError("the answer to our proof has another security block")
        if frame.block.data[:1] != ACCEPTED:
            raise WrongKeyError("it did not accept our proof")
        if not compare_digest(self._rmac, reply.rmac):
            raise ChannelError("it begins another chain of MACs")
        return SecureChannel(self._keys, self._rmac)
