"""What every device's section of the configuration has in common; each driver adds its own keys where it reads them."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from portillon_rules.credential import CredentialKind
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", description="letters, digits, . _ -")]


def _beside_the_file(path: Path, info: ValidationInfo) -> Path:
    base: Path | None = (info.context or {}).get("base")
    return path if base is None else base / path


FilePath = Annotated[Path, AfterValidator(_beside_the_file)]
"""A path; a relative one is meant from the folder of the configuration file."""


class Wiring(StrEnum):
    """Which state of the relay's coil releases the door; it decides what a loss of power means: no default."""

    ENERGISE_TO_RELEASE = "energise_to_release"
    """A strike, or a turnstile's opening contact: without power it stays locked."""
    ENERGISE_TO_LOCK = "energise_to_lock"
    """A maglock or a drop-arm: without power it is free."""

    def energised(self, *, releasing: bool) -> bool:
        """Whether the coil carries current in that state."""
        return releasing is (self is Wiring.ENERGISE_TO_RELEASE)


class Section(BaseModel):
    """A section of the configuration: frozen, and an unknown key is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class DeviceOptions(Section):
    """Any device."""

    name: Name
    type: str

    @property
    def port(self) -> str:
        """What the driver holds for itself alone, shared at most by devices of its own type."""
        raise NotImplementedError

    @property
    def place(self) -> str:
        """Where exactly this device sits; no two devices sit in one place."""
        return self.port

    @property
    def relies_on(self) -> str | None:
        """The reader that it is a part of, None: it stands alone."""
        return None

    @property
    def places(self) -> tuple[str, ...]:
        """All of them, for a device that sits in more than one."""
        return (self.place,)

    @property
    def bus_places(self) -> tuple[str, ...]:
        """Places of the bus that it hangs on: devices of its type share them, and nobody else may sit there."""
        return ()


class SerialOptions(Section):
    """How to open a serial line."""

    path: FilePath = Field(description="the serial device; on a Pi take the stable name under /dev/serial/by-id")
    rs485_mode: bool = Field(default=False, description="true only where the kernel must switch an RS-485 driver")


class PinUse(StrEnum):
    """What the PIN pad of a reader is for."""

    NEVER = "never"
    WITH_CARD = "with_card"
    """A card opens only with its holder's PIN after it."""
    ALONE = "alone"
    """A PIN opens by itself; cards open without one."""


class ReaderOptions(DeviceOptions):
    """Any reader."""

    hold_off_ms: int = Field(
        default=3_000, ge=0, le=60_000, description="the same card is told again only after this long out of the field"
    )
    accepts: tuple[CredentialKind, ...] | None = Field(
        default=None,
        min_length=1,
        description='kinds that may pass here, for example ["desfire"]; default: all it tells',
    )
    pin: PinUse = Field(default=PinUse.NEVER, description='"never", "with_card" or "alone": what its PIN pad is for')
    pin_timeout_ms: int = Field(default=10_000, ge=2_000, le=60_000, description="the longest wait for the next key")
    pin_tries_max: int = Field(default=5, ge=1, le=20, description="wrong PINs in a row before the lock-out")
    pin_lockout_s: int = Field(default=300, ge=10, le=86_400, description="how long the lock-out lasts")

    @property
    def tells(self) -> frozenset[CredentialKind]:
        """The kinds of credential that a reader with these options can tell, PINs left out."""
        raise NotImplementedError

    @property
    def takes(self) -> frozenset[CredentialKind]:
        """The kinds of card, pass or code that this reader takes; with `accepts`, the site chose."""
        return self.tells if self.accepts is None else self.tells & frozenset(self.accepts)

    @property
    def lets_pass(self) -> frozenset[CredentialKind]:
        """The kinds on which somebody may pass here; the health report names the copyable ones among them."""
        match self.pin:
            case PinUse.NEVER:
                return self.takes
            case PinUse.WITH_CARD:
                return frozenset({CredentialKind.CARD_AND_PIN})
            case PinUse.ALONE:
                return self.takes | {CredentialKind.PIN}


class OutputOptions(DeviceOptions):
    """Any output."""

    wiring: Wiring = Field(
        description='"energise_to_release" (strike, turnstile) or "energise_to_lock" (maglock, drop-arm)'
    )
    max_on_ms: int = Field(ge=50, le=60_000, description="no release lasts longer than this, whatever is asked")
    continuous: bool = Field(
        default=False,
        description="true if lock and relay may stay released for hours (100 % duty): schedules and holds need it",
    )

    @property
    def guarded(self) -> bool:
        """Whether the guard's process drives it; else the device times every release itself, and the gateway asks."""
        return True


class InputOptions(DeviceOptions):
    """Any input line."""

    active: Literal["closed", "open"] = Field(description='the state of the contact that counts: "closed" or "open"')
    debounce_ms: int = Field(default=20, ge=0, le=1_000, description="a state counts once it has stood this long")
    changes_max: int = Field(
        default=40,
        ge=6,
        le=1_000,
        description="more changes than this within 10 s are flapping: told once, then withheld",
    )
    egress: bool = Field(
        default=False,
        description="true for exit buttons, fire and emergency release: however it flaps, turning active is told",
    )

    def is_active(self, *, closed: bool) -> bool:
        """Whether a contact found closed (or open) is active."""
        return closed is (self.active == "closed")


class IndicatorOptions(DeviceOptions):
    """Any indicator."""

    door: Name = Field(description="the door that it stands at, for example lane1")
    readers: tuple[Name, ...] | None = Field(
        default=None,
        min_length=1,
        description="the readers of the door whose badges it answers; default: all, of an OSDP reader its own",
    )
    languages: tuple[Literal["en", "fr"], ...] | None = Field(
        default=None,
        min_length=1,
        max_length=2,
        description='its texts, page by page, for whoever\'s own language is not known, for example ["fr", "en"]; '
        "default: the gateway's language",
    )
    greeting: bool = Field(default=False, description="true if whoever may pass is to be welcomed")

    @property
    def answers(self) -> tuple[str, ...] | None:
        """The readers whose badges it answers, None: all of its door."""
        return self.readers
