"""Who a reader says it is and what it says it can do. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum


class Function(IntEnum):
    """Capability function codes (SIA OSDP v2.2, annex B)."""

    CONTACTS = 1
    OUTPUTS = 2
    CARD_FORMAT = 3
    LEDS = 4
    BUZZER = 5
    TEXT = 6
    TIME = 7
    CHECK_CHARACTER = 8
    SECURITY = 9
    RECEIVE_BUFFER = 10
    COMBINED_MESSAGE = 11
    SMART_CARD = 12
    READERS = 13
    BIOMETRICS = 14
    SECURE_PIN_ENTRY = 15
    VERSION = 16


@dataclass(frozen=True, slots=True)
class Identity:
    """osdp_PDID: who made it and which one it is."""

    vendor: int
    """IEEE OUI as a number, first byte on the wire is the most significant."""
    model: int
    version: int
    serial: int
    firmware: tuple[int, int, int]

    def same_device(self, other: "Identity") -> bool:
        """Whether it is the same piece of hardware; its firmware may have been updated."""
        return (self.vendor, self.model, self.serial) == (other.vendor, other.model, other.serial)


@dataclass(frozen=True, slots=True)
class Capability:
    """One line of osdp_PDCAP."""

    function: int
    compliance: int
    count: int


@dataclass(frozen=True, slots=True)
class Capabilities:
    """osdp_PDCAP: everything the reader says it can do."""

    items: tuple[Capability, ...] = ()

    @property
    def secure_channel(self) -> bool:
        """Whether it says that it can encrypt."""
        return any(item.function == Function.SECURITY and item.compliance & 1 for item in self.items)

    @property
    def receive_buffer_bytes(self) -> int | None:
        """The largest message it can take; None if it does not say."""
        for item in self.items:
            if item.function == Function.RECEIVE_BUFFER:
                return item.compliance | item.count << 8
        return None

    def count(self, function: Function) -> int:
        """How many of these it has; 0 if it does not name the function."""
        return max((item.count for item in self.items if item.function == function), default=0)

    def less_than(self, before: Iterable[Capability]) -> tuple[int, ...]:
        """The function codes in which it can less than before."""
        return tuple(then.function for then in before if not any(_as_good(now, then) for now in self.items))


def _as_good(now: Capability, then: Capability) -> bool:
    if now.function != then.function:
        return False
    if then.function in (Function.RECEIVE_BUFFER, Function.COMBINED_MESSAGE):
        # One number of two bytes, the least significant where others have their level.
        return now.compliance | now.count << 8 >= then.compliance | then.count << 8
    if then.function == Function.SECURITY:
        # Bits; the second byte says whether SCBK-D is still in use, which a commissioned reader no longer does.
        return now.compliance & then.compliance == then.compliance
    return now.compliance >= then.compliance and now.count >= then.count
