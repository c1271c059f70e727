"""The configuration of one gateway, as a frozen model. What a device's section may hold is said by its driver."""

from enum import StrEnum
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from portillon_drivers.options import (
    FilePath,
    IndicatorOptions,
    InputOptions,
    Name,
    OutputOptions,
    ReaderOptions,
    Section,
)
from pydantic import Field, SerializeAsAny, field_validator, model_validator

from portillon_config.doors import AnyDoor
from portillon_config.interlocks import Interlock
from portillon_config.watches import Watch

ORDERS_SOCKET = "orders.sock"
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class Mode(StrEnum):
    """Whether the gateway serves a real gym; a live one refuses a test organisation's leases, and the reverse."""

    LIVE = "live"
    TEST = "test"


class Gateway(Section):
    """The section `[gateway]`."""

    id: Name = Field(description="as enrolled in the cloud")
    mode: Mode = Field(description='"live", or "test" for a gateway enrolled in a test organisation')
    data_dir: FilePath = Field(description="the folder of its stores; must be on a disk, not in memory")
    language: Literal["en", "fr"] = "en"
    guard_socket: FilePath | None = Field(
        default=None, description="where the guard listens; default data_dir/guard.sock"
    )
    spawn_guard: bool = Field(default=True, description="false where systemd starts the guard")
    rtc: FilePath | None = Field(
        default=None,
        description="a real-time clock with a battery, such as /sys/class/rtc/rtc0; default: there is none",
    )

    @property
    def guard_path(self) -> Path:
        """Where the guard listens."""
        return self.guard_socket or self.data_dir / "guard.sock"

    @property
    def orders_path(self) -> Path:
        """Where the gateway takes orders from whoever stands before it."""
        return self.data_dir / ORDERS_SOCKET


class SiteKeyFile(Section):
    """One of the site's keys: under it credentials are hashed."""

    key_id: str = Field(pattern=r"^[A-Za-z0-9_-]{1,16}$", description="as in the cloud, for example k1")
    secret_file: FilePath = Field(description="a file of 64 hex digits that only its owner may read")


class Site(Section):
    """The section `[site]`."""

    keys: tuple[SiteKeyFile, ...] = Field(min_length=1, max_length=2, description="two while one replaces the other")


class CloudKey(Section):
    """A public key of the cloud and what it may sign."""

    kid: str = Field(min_length=1, max_length=64)
    public: str = Field(pattern=r"^[0-9a-f]{64}$", description="64 lower-case hex digits (Ed25519)")
    usages: tuple[Literal["feed", "lease", "command"], ...] = Field(min_length=1)

    @property
    def public_bytes(self) -> bytes:
        """The 32 bytes."""
        return bytes.fromhex(self.public)


class Cloud(Section):
    """The section `[cloud]`."""

    broker: str = Field(description='"mqtts://host:8883"')
    ca_file: FilePath | None = Field(default=None, description="the authority that signed the broker's certificate")
    certificate_file: FilePath | None = Field(default=None, description="this gateway's certificate")
    private_key_file: FilePath | None = Field(default=None, description="this gateway's private key")
    snapshot_base: str | None = Field(default=None, description="where snapshots come from; default: as the cloud says")
    keys: tuple[CloudKey, ...] = Field(min_length=1, description="the cloud's public keys, from enrolment")

    @field_validator("broker")
    @classmethod
    def _is_a_broker(cls, value: str) -> str:
        parts = urlsplit(value)
        try:
            port = parts.port
        except ValueError:
            port = None
        if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname or port is None:
            raise ValueError("write mqtts://host:port")
        if parts.scheme == "mqtt" and parts.hostname not in LOOPBACK:
            raise ValueError("mqtt:// is clear text and allowed on loopback only: write mqtts://")
        return value

    @model_validator(mode="after")
    def _has_certificates(self) -> Self:
        if self.broker.startswith("mqtts:"):
            keys = ("ca_file", "certificate_file", "private_key_file")
            if missing := [key for key in keys if getattr(self, key) is None]:
                raise ValueError(
                    f"mqtts:// needs {', '.join(missing)} too: the broker knows a gateway by its certificate"
                )
        return self

    @property
    def broker_host(self) -> str:
        """The broker's host."""
        return urlsplit(self.broker).hostname or ""

    @property
    def broker_port(self) -> int:
        """The broker's port."""
        return urlsplit(self.broker).port or 0

    @property
    def broker_tls(self) -> bool:
        """Whether the line to the broker is encrypted."""
        return self.broker.startswith("mqtts:")


class GatewayConfig(Section):
    """The whole file. Sections of devices are instances of their drivers' own models."""

    gateway: Gateway
    site: Site
    cloud: Cloud
    readers: tuple[SerializeAsAny[ReaderOptions], ...]
    outputs: tuple[SerializeAsAny[OutputOptions], ...]
    inputs: tuple[SerializeAsAny[InputOptions], ...]
    indicators: tuple[SerializeAsAny[IndicatorOptions], ...] = ()
    doors: tuple[AnyDoor, ...] = Field(min_length=1, description="the access points, one section [[doors]] each")
    watches: tuple[Watch, ...] = Field(default=(), description="inputs that speak for the house: fire, lockdown, mains")
    interlocks: tuple[Interlock, ...] = Field(default=(), description="doors of which one at a time may be passed")
