"""What the store's tests share."""

from collections.abc import Iterator

import pytest
from edge.feed_maker import FeedMaker, entitled, policy
from edge.store.failing_disk import FailingDisk


@pytest.fixture
def failing_disk() -> Iterator[type[FailingDisk]]:
    """A connection class whose disk can be broken and mended."""
    FailingDisk.broken, FailingDisk.attempts = False, 0
    yield FailingDisk
    FailingDisk.broken = False


@pytest.fixture
def feed() -> FeedMaker:
    """A feed with a policy and two members."""
    made = FeedMaker()
    made.entry(policy(), entitled(1), entitled(2))
    return made
