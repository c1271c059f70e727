"""What a reader tells of itself: who it is, what it can do, how things stand there. Pure."""

from dataclasses import dataclass
from typing import ClassVar, Self

from portillon_drivers.osdp.body import exactly, little_endian
from portillon_drivers.osdp.errors import MalformedError
from portillon_drivers.osdp.identity import Capabilities, Capability, Identity


@dataclass(frozen=True, slots=True)
class PdId:
    """osdp_PDID."""

    CODE: ClassVar[int] = 0x45
    identity: Identity

    def data(self) -> bytes:
        who = self.identity
        head = who.vendor.to_bytes(3, "big") + bytes([who.model, who.version])
        return head + who.serial.to_bytes(4, "little") + bytes(who.firmware)

    @classmethod
    def read(cls, data: bytes) -> Self:
        exactly(data, 12)
        firmware = (data[9], data[10], data[11])
        return cls(Identity(int.from_bytes(data[:3], "big"), data[3], data[4], little_endian(data[5:9]), firmware))


@dataclass(frozen=True, slots=True)
class PdCapabilities:
    """osdp_PDCAP."""

    CODE: ClassVar[int] = 0x46
    capabilities: Capabilities

    def data(self) -> bytes:
        return b"".join(bytes([item.function, item.compliance, item.count]) for item in self.capabilities.items)

    @classmethod
    def read(cls, data: bytes) -> Self:
        if len(data) % 3:
            raise MalformedError("a list that ends within an item")
        items = [Capability(*data[at : at + 3]) for at in range(0, len(data), 3)]
        return cls(Capabilities(tuple(items)))


@dataclass(frozen=True, slots=True)
class LocalStatus:
    """osdp_LSTATR."""

    CODE: ClassVar[int] = 0x48
    tamper: bool
    power_failure: bool

    def data(self) -> bytes:
        return bytes([self.tamper, self.power_failure])

    @classmethod
    def read(cls, data: bytes) -> Self:
        exactly(data, 2)
        return cls(bool(data[0]), bool(data[1]))


@dataclass(frozen=True, slots=True)
class InputStatus:
    """osdp_ISTATR: per input 0 at rest, 1 active; any other value is kept as it came, and no state to believe."""

    CODE: ClassVar[int] = 0x49
    states: tuple[int, ...]

    def data(self) -> bytes:
        return bytes(self.states)

    @classmethod
    def read(cls, data: bytes) -> Self:
        return cls(tuple(data))


@dataclass(frozen=True, slots=True)
class OutputStatus:
    """osdp_OSTATR: True is on."""

    CODE: ClassVar[int] = 0x4A
    states: tuple[bool, ...]

    def data(self) -> bytes:
        return bytes(self.states)

    @classmethod
    def read(cls, data: bytes) -> Self:
        return cls(tuple(bool(state) for state in data))


@dataclass(frozen=True, slots=True)
class ReaderStatus:
    """osdp_RSTATR: per attached reader 0 normal, 1 not connected, 2 tamper."""

    CODE: ClassVar[int] = 0x4B
    states: tuple[int, ...]

    def data(self) -> bytes:
        return bytes(self.states)

    @classmethod
    def read(cls, data: bytes) -> Self:
        return cls(tuple(data))


@dataclass(frozen=True, slots=True)
class Com:
    """osdp_COM: the address and speed that the reader will now use."""

    CODE: ClassVar[int] = 0x54
    address: int
    baud: int

    def data(self) -> bytes:
        return bytes([self.address]) + self.baud.to_bytes(4, "little")

    @classmethod
    def read(cls, data: bytes) -> Self:
        exactly(data, 5)
        return cls(data[0], little_endian(data[1:5]))
