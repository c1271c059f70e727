"""A gym with one gateway whose journal is taken in."""

from collections.abc import Callable
from typing import Any

import pytest
from cloud.gateways.gym import NOON_MS, add_gym
from portillon_cloud.attendance.content import Sender
from portillon_cloud.database import Database
from portillon_rules.decision import TimeQuality
from portillon_wire.messages import EventTime, JournalEvent


@pytest.fixture
def sender(db: Database) -> Sender:
    with db.write() as conn:
        return add_gym(conn)


@pytest.fixture
def event() -> Callable[..., JournalEvent]:
    def make(sequence: int, kind: str = "passage", **fields: Any) -> JournalEvent:
        at_ms = fields.pop("at_ms", NOON_MS + sequence)
        at = fields.pop("at", None) or EventTime(
            boot_id="boot-1",
            boot_ns=sequence * 1_000_000,
            real_ms=at_ms,
            business_ms=at_ms,
            quality=TimeQuality.CERTAIN,
        )
        return JournalEvent(sequence=sequence, kind=kind, at=at, door="lane1", **fields)

    return make
