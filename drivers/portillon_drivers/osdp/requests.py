"""What the panel asks without saying anything: polls, identity, capabilities, states. Pure."""

from dataclasses import dataclass
from typing import ClassVar

from portillon_drivers.osdp.body import Plain, ZeroByte


@dataclass(frozen=True, slots=True)
class Poll(Plain):
    """Anything new?"""

    CODE: ClassVar[int] = 0x60


@dataclass(frozen=True, slots=True)
class LocalStatusRequest(Plain):
    """osdp_LSTAT: tamper and power."""

    CODE: ClassVar[int] = 0x64


@dataclass(frozen=True, slots=True)
class InputStatusRequest(Plain):
    """osdp_ISTAT: the inputs."""

    CODE: ClassVar[int] = 0x65


@dataclass(frozen=True, slots=True)
class OutputStatusRequest(Plain):
    """osdp_OSTAT: the outputs."""

    CODE: ClassVar[int] = 0x66


@dataclass(frozen=True, slots=True)
class ReaderStatusRequest(Plain):
    """osdp_RSTAT: the attached reader heads."""

    CODE: ClassVar[int] = 0x67


@dataclass(frozen=True, slots=True)
class Abort(Plain):
    """osdp_ABORT: leave off what takes long (a file transfer)."""

    CODE: ClassVar[int] = 0xA2


@dataclass(frozen=True, slots=True)
class IdRequest(ZeroByte):
    """osdp_ID: who are you?"""

    CODE: ClassVar[int] = 0x61


@dataclass(frozen=True, slots=True)
class CapabilitiesRequest(ZeroByte):
    """osdp_CAP: what can you do?"""

    CODE: ClassVar[int] = 0x62
