"""A Mosquitto per test: starting one costs a tenth of a second."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from broker.mosquitto import Mosquitto, program, running_mosquitto


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """A Mosquitto of this test alone."""
    if program() is None:
        pytest.skip("no mosquitto here: run `make system`")
    with running_mosquitto(tmp_path, technicians=("marie",)) as broker:
        yield broker
