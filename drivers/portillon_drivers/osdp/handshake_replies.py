"""The reader's two steps of the secure channel. Pure."""

from dataclasses import dataclass, field
from typing import ClassVar, Self

from portillon_drivers.osdp.body import exactly


@dataclass(frozen=True, slots=True)
class ClientCryptogram:
    """osdp_CCRYPT: the reader's random number and its proof that it has the key."""

    CODE: ClassVar[int] = 0x76
    client_uid: bytes
    nonce: bytes
    cryptogram: bytes

    def data(self) -> bytes:
        return self.client_uid + self.nonce + self.cryptogram

    @classmethod
    def read(cls, data: bytes) -> Self:
        exactly(data, 32)
        return cls(data[:8], data[8:16], data[16:])


@dataclass(frozen=True, slots=True)
class InitialRmac:
    """osdp_RMAC_I: the first link of the chain of MACs."""

    CODE: ClassVar[int] = 0x78
    rmac: bytes = field(repr=False)

    def data(self) -> bytes:
        return self.rmac

    @classmethod
    def read(cls, data: bytes) -> Self:
        exactly(data, 16)
        return cls(data)
