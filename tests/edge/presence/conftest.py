"""What the tests of presence share."""

from collections.abc import Iterator

import pytest
from edge.store.failing_disk import FailingDisk


@pytest.fixture
def failing_disk() -> Iterator[type[FailingDisk]]:
    """A connection class whose disk can be broken and mended."""
    FailingDisk.broken, FailingDisk.on, FailingDisk.attempts = False, "COMMIT", 0
    yield FailingDisk
    FailingDisk.broken, FailingDisk.on = False, "COMMIT"
