"""A small gym of real processes: simulated devices on ptys, the gateway with its guard, and no broker."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from portillon_drivers.site_control import SiteControl
from portillon_edge.boot_clock import boot_id, boot_ns
from portillon_edge.domain.timekeeping import SavedLease
from portillon_edge.health.report import HealthReport, read_report
from portillon_edge.store.entitlements import EntitlementStore
from portillon_edge.store.journal import JournalReader
from portillon_rules.credential import Credential, CredentialKind, SiteKey, credential_hash
from portillon_rules.entitlement import ALWAYS, Entitlement
from portillon_rules.policy import SITE, SitePolicy
from portillon_rules.row_mac import row_mac_key
from portillon_wire.digest import Digest
from portillon_wire.messages import FeedEntry, JournalEvent
from portillon_wire.rows import RowChange, RowKind, canonical_body

MEMBER_CARD = "0F0027A46B"
STRANGER_CARD = "0A0B0C0D0E"
KEY = SiteKey("k1", bytes(range(32)))
NOW_MS = 1_764_604_800_000
WAIT_S = 20.0

CONFIG = """
[gateway]
id = "gw-test"
mode = "test"
data_dir = "data"
language = "en"

[site]
keys = [{ key_id = "k1", secret_file = "site.key" }]

[cloud]
broker = "mqtt://127.0.0.1:1"
[[cloud.keys]]
kid = "feed-1"
public = "%s"
usages = ["feed", "lease"]
""" % ("d7" * 32)

LANE = """
[[readers]]
name = "lane{n}-reader"
type = "{reader}"
path = "site/lane{n}-reader"
hold_off_ms = 0

[[outputs]]
name = "lane{n}-relay"
type = "lcus_relay"
path = "site/lane{n}-relay"
channel = 1
wiring = "energise_to_release"
max_on_ms = 3000

[[inputs]]
name = "lane{n}-passage"
type = "modbus"
path = "site/inputs"
address = 1
channel = {n}
active = "closed"

[[doors]]
name = "lane{n}"
kind = "turnstile_lane"
zone = "gym"
readers = ["lane{n}-reader"]
output = "lane{n}-relay"
passage_input = "lane{n}-passage"
pulse_ms = 2000
passage_window_ms = 3000
"""


def until(done: Callable[[], bool], what: str, seconds: float = WAIT_S) -> None:
    """Wait for a real condition of real processes."""
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, f"waited {seconds} s in vain: {what}"
        time.sleep(0.02)


class Gym:
    """One lane with an RDM6300 reader, one with an ID-12LA; the member's card may pass both."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data_dir = folder / "data"
        self.config_path = folder / "gateway.toml"
        lanes = "".join(LANE.format(n=n, reader=reader) for n, reader in ((1, "rdm6300"), (2, "id12la")))
        self.config_path.write_text(CONFIG + lanes)
        key_file = folder / "site.key"
        key_file.write_text(KEY.secret.hex())
        key_file.chmod(0o600)
        self.data_dir.mkdir()
        self.gateway: subprocess.Popen[bytes] | None = None

    def seed(self, *more: RowChange, lease_s: int = 3600) -> None:
        """What the cloud would have sent: the policy, one member, `more` rows, a lease."""
        hashed = credential_hash(Credential(CredentialKind.EM4100, MEMBER_CARD), KEY)
        row = Entitlement(
            credential=hashed,
            member="m-1",
            zones=("gym",),
            schedule=ALWAYS,
            valid_from_ms=0,
            valid_until_ms=NOW_MS + 86_400_000,
        )
        changes = (
            RowChange(kind=RowKind.POLICY, key=SITE, body=SitePolicy(time_zone="America/Toronto").to_body()),
            RowChange(kind=RowKind.ENTITLEMENT, key=hashed, body=row.to_body()),
            *more,
        )
        digest = Digest.empty()
        for change in changes:
            assert change.body is not None
            digest.add(change.kind, change.key, canonical_body(change.body))
        store = EntitlementStore(self.data_dir / "entitlements.db", row_mac_key(KEY))
        store.apply(
            FeedEntry(gateway="gw-test", epoch=0, revision=1, changes=changes, root=digest.root(), issued_ms=NOW_MS)
        )
        store.save_lease(
            SavedLease(
                epoch=0,
                revision=1,
                counter=1,
                mode="test",
                clock_rev=0,
                rate=1,
                duration_ms=lease_s * 1000,
                boot_id=boot_id(),
                boot_ns=boot_ns(),
                spent_ms=0,
                real_ms=NOW_MS,
                business_ms=NOW_MS,
                certain=True,
            )
        )
        store.close()

    def start(self) -> None:
        """Start the gateway and wait until it attends every device."""
        with (self.folder / "gateway.log").open("a") as log:
            self.gateway = subprocess.Popen(
                [sys.executable, "-m", "portillon_edge.cli", "run", "--config", str(self.config_path)], stderr=log
            )
        until(self.healthy, "every device is up")

    def healthy(self) -> bool:
        """Whether the running gateway reports every device up."""
        assert self.gateway is not None and self.gateway.poll() is None, (self.folder / "gateway.log").read_text()
        report = self.report()
        return (
            report is not None
            and report.pid == self.gateway.pid
            and all(device.state == "up" for device in report.devices)
        )

    def report(self) -> HealthReport | None:
        """What stands in health.json."""
        return read_report(self.data_dir)

    def guard_pid(self) -> int:
        """The guard's process: the one child of the gateway, whichever thread started it."""
        assert self.gateway is not None
        threads = Path(f"/proc/{self.gateway.pid}/task").iterdir()
        children = [pid for thread in threads for pid in (thread / "children").read_text().split()]
        assert len(children) == 1, f"the gateway has {len(children)} children"
        return int(children[0])

    def kill_gateway(self) -> None:
        """SIGKILL, and reap."""
        assert self.gateway is not None
        self.gateway.kill()
        self.gateway.wait()

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        assert self.gateway is not None
        self.gateway.terminate()
        return self.gateway.wait(WAIT_S)

    def journal(self) -> list[JournalEvent]:
        """Every row on the disk."""
        reader = JournalReader(self.data_dir / "journal.db")
        try:
            return reader.read(1, 500)
        finally:
            reader.close()

    def kinds(self) -> list[str]:
        """The kinds of all rows that are about doors."""
        return [event.kind for event in self.journal() if event.door]


@contextmanager
def gym(folder: Path) -> Iterator[tuple[Gym, SiteControl]]:
    """The gym with its devices plugged in; everything ends with the block."""
    made = Gym(folder)
    site = subprocess.Popen(
        [sys.executable, "-m", "portillon_drivers.simulated_site", "--dir", str(folder / "site"), "--lanes", "2"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert site.stdout is not None
        assert json.loads(site.stdout.readline())["ready"]
        with SiteControl(folder / "site" / "control.sock") as control:
            yield made, control
    finally:
        if made.gateway is not None and made.gateway.poll() is None:
            made.stop()
        site.send_signal(signal.SIGTERM)
        site.wait(WAIT_S)
        if site.stdout is not None:
            site.stdout.close()


def locked(control: SiteControl) -> bool:
    """Whether no lane is released."""
    return not any(lane["releasing"] for lane in control.lanes())
