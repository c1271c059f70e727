"""A copy of a gateway's configuration whose devices are simulated, and whose table holds one member of each kind.

Nothing of the true site is touched: keys, stores and devices live in a folder of their own, and no cloud is asked.
"""

import secrets
import time
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import tomli_w
from portillon_config import GatewayConfig, load, load_site_keys
from portillon_drivers.indicators.simulated_indicators import SimulatedIndicators
from portillon_drivers.options import DeviceOptions, PinUse, ReaderOptions
from portillon_drivers.osdp.reader_simulator import OsdpReaderSimulator
from portillon_drivers.readers.osdp_simulator import SimulatedOsdpReader
from portillon_drivers.simulated_boards import SimulatedBoards
from portillon_drivers.simulated_reader import SimulatedReader, simulate_reader
from portillon_rules.credential import Credential, CredentialKind, SiteKey, credential_hash
from portillon_rules.entitlement import ALWAYS, Entitlement
from portillon_rules.policy import SITE, SitePolicy
from portillon_rules.row_mac import row_mac_key
from portillon_wire.day_code import issue_day_code, read_day_code
from portillon_wire.digest import Digest
from portillon_wire.messages import FeedEntry
from portillon_wire.qr_pass_issuer import DeviceKey, issue
from portillon_wire.rows import RowChange, RowKind, canonical_body

from portillon_edge.boot_clock import boot_id, boot_ns
from portillon_edge.domain.timekeeping import SavedLease
from portillon_edge.store.entitlements import EntitlementStore

PIN = "4917"
PIN_ALONE = "491700"
DURESS_PIN = "4918"
LEASE_MS = 72 * 3_600_000
DAY_MS = 86_400_000


class Phone:
    """The member's phone: its key, and the last pass that it showed."""

    def __init__(self) -> None:
        self._key = DeviceKey.generate()
        self.shown: str | None = None

    @property
    def credential(self) -> Credential:
        """What the phone's key stands for."""
        return self._key.credential

    def show(self) -> str:
        """A fresh pass, as the app would draw it."""
        self.shown = issue(self._key, real_ms=time.time_ns() // 1_000_000, random=secrets.token_bytes)
        return self.shown


class PracticeSite:
    """The simulated devices of one configuration, and the configuration that leads a gateway to them."""

    def __init__(self, original: Path, folder: Path) -> None:
        """Raises ConfigError for a wrong original, and DriverError where a simulator cannot be made."""
        true = load(original)
        devices = folder / "devices"
        devices.mkdir(parents=True, exist_ok=True)
        self.phone = Phone()
        self.day_code = issue_day_code(secrets.token_bytes)
        """The text on the member's printed code."""
        self.readers: dict[str, SimulatedReader] = {
            options.name: simulate_reader(options, devices) for options in true.readers
        }
        self.boards = SimulatedBoards(true.outputs, true.inputs, devices, self._electronics)
        self.indicators = SimulatedIndicators(true.indicators, devices, self._electronics)
        self.config_path = folder / "gateway.toml"
        self.config_path.write_text(tomli_w.dumps(self._document(original, true, folder)), encoding="utf-8")
        self.config: GatewayConfig = load(self.config_path)
        self.keys: tuple[SiteKey, ...] = load_site_keys(self.config)

    def plug(self) -> None:
        """Power for every reader."""
        for reader in self.readers.values():
            reader.plug()

    def close(self) -> None:
        """Take everything away."""
        for reader in self.readers.values():
            reader.close()
        self.boards.close()
        self.indicators.close()

    def member_credential(self, options: ReaderOptions) -> Credential:
        """What the member has for that reader: a phone or a printed code at a scanner, else a card."""
        if CredentialKind.PHONE in options.takes:
            return self.phone.credential
        if CredentialKind.DAY_CODE in options.takes:
            return read_day_code(self.day_code).credential
        return self.readers[options.name].samples[0]

    def member_credentials(self) -> list[Credential]:
        """What the member carries and knows: a credential for each reader, and PINs where there are keys."""
        found: list[Credential] = []
        for options in self.config.readers:
            card = self.member_credential(options)
            found.append(card)
            if options.pin is PinUse.WITH_CARD:
                found.append(card.with_pin(PIN))
            if options.pin is PinUse.ALONE:
                found.append(Credential(CredentialKind.PIN, PIN_ALONE))
        return list(dict.fromkeys(found))

    def duress_credentials(self) -> list[Credential]:
        """Each card with the PIN that grants and raises a silent alarm."""
        cards = [self.member_credential(options) for options in self.config.readers if options.pin is PinUse.WITH_CARD]
        return [card.with_pin(DURESS_PIN) for card in dict.fromkeys(cards)]

    def seed(self, credentials: Iterable[Credential], others: Sequence[tuple[Credential, str | None]] = ()) -> None:
        """Put into the gateway's table what a cloud would have sent: a policy, the member's rows, a lease of 72 h.

        `others`: one more member each, with the language that they speak, if that is known.
        """
        zones = tuple(sorted({door.zone for door in self.config.doors}))
        now_ms = time.time_ns() // 1_000_000
        key = self.keys[0]
        rows = [_row(credential, key, zones, now_ms, duress=False) for credential in credentials]
        rows += [_row(credential, key, zones, now_ms, duress=True) for credential in self.duress_credentials()]
        rows += [
            replace(_row(other, key, zones, now_ms, duress=False), member=f"member-{number}", language=language)
            for number, (other, language) in enumerate(others, start=2)
        ]
        changes = [RowChange(kind=RowKind.POLICY, key=SITE, body=SitePolicy(time_zone="UTC").to_body())]
        changes += [RowChange(kind=RowKind.ENTITLEMENT, key=row.credential, body=row.to_body()) for row in rows]
        digest = Digest.empty()
        for change in changes:
            digest.add(change.kind, change.key, canonical_body(change.body or {}))
        gateway = self.config.gateway
        store = EntitlementStore(gateway.data_dir / "entitlements.db", row_mac_key(key))
        store.apply(
            FeedEntry(
                gateway=gateway.id,
                epoch=0,
                revision=1,
                changes=tuple(changes),
                root=digest.root(),
                issued_ms=now_ms,
            )
        )
        store.save_lease(_lease(now_ms))
        store.close()

    def _electronics(self, name: str) -> OsdpReaderSimulator:
        """Of the OSDP reader of that name; the configuration has checked that it is one."""
        reader = self.readers[name]
        if not isinstance(reader, SimulatedOsdpReader):
            raise TypeError(f"{name} is no OSDP reader")
        return reader.electronics

    def _document(self, original: Path, true: GatewayConfig, folder: Path) -> dict[str, Any]:
        """The original with its devices led to the simulators and everything private replaced."""
        document = tomllib.loads(original.read_text(encoding="utf-8"))
        (folder / "data").mkdir(exist_ok=True)
        key_file = folder / "site.key"
        key_file.touch(mode=0o600)
        key_file.write_text(secrets.token_hex(32), encoding="ascii")
        document["gateway"] |= {"mode": "test", "data_dir": str(folder / "data"), "spawn_guard": True}
        document["gateway"].pop("guard_socket", None)
        document["site"]["keys"] = [{"key_id": "practice", "secret_file": str(key_file)}]
        document["cloud"] = {"broker": "mqtt://127.0.0.1:1", "keys": document["cloud"]["keys"]}
        simulated = {
            "readers": {name: reader.section for name, reader in self.readers.items()},
            "outputs": self.boards.outputs,
            "inputs": self.boards.inputs,
            "indicators": self.indicators.sections,
        }
        for section, changes in simulated.items():
            options_of = {options.name: options for options in getattr(true, section)}
            for table in document.get(section, []):
                _change(table, {**_own_files(options_of[table["name"]]), **changes[table["name"]]})
        return document


def _change(table: dict[str, Any], changes: Mapping[str, Any]) -> None:
    table |= {key: value for key, value in changes.items() if value is not None}
    for key in [key for key, value in changes.items() if value is None]:
        table.pop(key, None)


def _own_files(options: DeviceOptions) -> Mapping[str, Any]:
    """Paths of a section, absolute: the copy lies in another folder."""
    return {key: str(value) for key, value in options if isinstance(value, Path)}


def _row(credential: Credential, key: SiteKey, zones: tuple[str, ...], now_ms: int, *, duress: bool) -> Entitlement:
    return Entitlement(
        credential=credential_hash(credential, key),
        member="the-member",
        zones=zones,
        schedule=ALWAYS,
        valid_from_ms=now_ms - DAY_MS,
        valid_until_ms=now_ms + 30 * DAY_MS,
        single_use=credential.kind is CredentialKind.DAY_CODE,
        duress=duress,
    )


def _lease(now_ms: int) -> SavedLease:
    return SavedLease(
        epoch=0,
        revision=1,
        counter=1,
        mode="test",
        clock_rev=0,
        rate=1,
        duration_ms=LEASE_MS,
        boot_id=boot_id(),
        boot_ns=boot_ns(),
        spent_ms=0,
        real_ms=now_ms,
        business_ms=now_ms,
        certain=True,
    )
