"""Every reader can be played with."""

from portillon_drivers.registry import READERS
from portillon_drivers.simulated_reader import SIMULATORS


def test_every_type_has_a_simulator() -> None:
    """`portillon-edge simulate` can play whatever a configuration may name."""
    assert SIMULATORS.keys() == READERS.keys()
