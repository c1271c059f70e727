"""A health report of a gateway where nothing happens."""

from typing import Any

from portillon_edge.health.report import HealthReport
from portillon_rules.decision import TimeQuality


def report(**changes: Any) -> HealthReport:
    facts: dict[str, Any] = {
        "gateway": "gw-1",
        "mode": "test",
        "pid": 1,
        "software": "0.1.0",
        "rules_version": "1",
        "boot_id": "boot",
        "started_ns": 0,
        "beat_ns": 0,
        "online": False,
        "cloud_error": None,
        "epoch": 1,
        "revision": 2,
        "root": "",
        "time_quality": TimeQuality.CERTAIN,
        "lease_ends_ns": 5_000_000_000,
        "journal_id": "j",
        "journal_pending": 0,
        "journal_writable": True,
        "events_lost": 0,
        "devices": (),
        "doors": (),
        "last_events": (),
    }
    return HealthReport(**{**facts, **changes})
