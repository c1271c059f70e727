"""The talk with the cloud, when it cannot even begin: the doors do not depend on it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from edge.gym_process import KEY, Gym
from edge.health.report_sample import report
from portillon_config import load
from portillon_edge.boot_clock import boot_id, boot_ns
from portillon_edge.cloud_link import SAVE_LEASE_NS, CloudLink, staff_order
from portillon_edge.domain.timekeeping import TimeKeeper
from portillon_edge.doors.staff_order import OpenDoor, ResetFire
from portillon_edge.store.entitlements import EntitlementStore
from portillon_edge.store.journal_shelf import JournalShelf
from portillon_edge.store.journal_writer import JournalWriter
from portillon_rules.row_mac import row_mac_key
from portillon_wire.commands import Command

TLS = """broker = "mqtts://broker.example:8883"
ca_file = "ca.pem"
certificate_file = "gateway.pem"
private_key_file = "gateway.key"
"""


@pytest.fixture
def settings(tmp_path: Path) -> Gym:
    """A gateway whose certificate files hold no certificates."""
    made = Gym(tmp_path)
    made.seed()
    text = made.config_path.read_text()
    made.config_path.write_text(text.replace('broker = "mqtt://127.0.0.1:1"\n', TLS))
    for name in ("ca.pem", "gateway.pem", "gateway.key"):
        (tmp_path / name).write_text("cut short")
    return made


@pytest.fixture
def store(settings: Gym) -> Iterator[EntitlementStore]:
    """Its table and lease."""
    opened = EntitlementStore(settings.data_dir / "entitlements.db", row_mac_key(KEY))
    yield opened
    opened.close()


def test_useless_certificates_shut_no_door(settings: Gym, store: EntitlementStore) -> None:
    """The gateway starts, says what to do, and goes on writing down how much of its lease is spent."""
    keeper = TimeKeeper(mode="test", boot_id=boot_id(), boot_ns=boot_ns(), saved=store.load_lease())
    shelf = JournalShelf(settings.data_dir)
    link = CloudLink(
        load(settings.config_path),
        boot_id=boot_id(),
        software="0",
        keeper=keeper,
        store=store,
        row_mac_secret=row_mac_key(KEY),
        writer=JournalWriter(shelf, stamp=lambda: keeper.stamp(boot_ns())),
        fail=pytest.fail,
    )
    link.start()
    assert not link.online
    assert link.error is not None and "ca.pem" in link.error
    before = store.load_lease()
    assert before is not None
    link.tend(report(beat_ns=boot_ns()))
    assert store.load_lease() == before, "not each second"
    link.tend(report(beat_ns=boot_ns() + SAVE_LEASE_NS))
    after = store.load_lease()
    assert after is not None
    assert after.spent_ms >= before.spent_ms + 60_000
    assert replace(after, spent_ms=0, boot_ns=0, real_ms=0, business_ms=0) == replace(
        before, spent_ms=0, boot_ns=0, real_ms=0, business_ms=0
    )
    link.stop()
    shelf.close()


def test_a_command_becomes_the_order_that_the_doors_know() -> None:
    """Open one door, or end a fire, by whoever gave it."""
    fields = {"gateway": "gw", "by": "staff:3", "counter": 1, "issued_ms": 1, "expires_ms": 2}
    opening = Command.model_validate({**fields, "action": "open_door", "door": "front"})
    assert staff_order(opening, 5) == OpenDoor("front", "staff:3", 5)
    assert staff_order(Command.model_validate({**fields, "action": "reset_fire"}), 5) == ResetFire("staff:3", 5)
