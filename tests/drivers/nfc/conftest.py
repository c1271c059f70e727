"""A simulated PN532 on a pty for each test that asks for one."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from portillon_drivers.nfc.pn532_simulator import Pn532Simulator


@pytest.fixture
def module(tmp_path: Path) -> Iterator[Pn532Simulator]:
    simulator = Pn532Simulator(tmp_path / "reader")
    simulator.plug()
    yield simulator
    simulator.close()
