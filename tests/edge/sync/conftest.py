"""What the sync's tests share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from broker.mosquitto import Mosquitto, program, running_mosquitto
from edge.feed_maker import FeedMaker, entitled, policy
from edge.sync.desk import Desk
from edge.sync.snapshot_server import SnapshotServer, running_snapshot_server


@pytest.fixture
def snapshot_server() -> Iterator[SnapshotServer]:
    """An HTTP server for snapshots."""
    with running_snapshot_server() as server:
        yield server


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """A Mosquitto of this test alone, with TLS and the ACL."""
    if program() is None:
        pytest.skip("no mosquitto here: run `make system`")
    with running_mosquitto(tmp_path) as broker:
        yield broker


@pytest.fixture
def feed() -> FeedMaker:
    """A feed with a policy and one member."""
    made = FeedMaker()
    made.entry(policy(), entitled(1))
    return made


@pytest.fixture
def desk(feed: FeedMaker) -> Desk:
    """A gateway, connected, with that feed in force."""
    ready = Desk()
    ready.start(feed)
    return ready
