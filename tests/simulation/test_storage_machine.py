"""hypothesis over the disk and the shipped stores: what it finds it shortens by itself."""

import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from simulation.history import Act
from simulation.lives import fast_folder
from simulation.storage_life import WEIGHTS, StorageLife

CHANCES = st.integers(0, 2**16)


class StoresOnADisk(RuleBasedStateMachine):
    """A gateway's stores, and any order of acts and ends."""

    def __init__(self) -> None:
        super().__init__()
        self._home = tempfile.TemporaryDirectory(dir=fast_folder())
        self.life = StorageLife(0, Path(self._home.name))

    @rule(do=st.sampled_from(sorted(WEIGHTS)), chance=CHANCES)
    def act(self, do: str, chance: int) -> None:
        """One thing happens."""
        self.life.act(Act(do, chance))

    @precondition(lambda self: not self.life.finding.broken)
    @rule(chance=CHANCES)
    def end_in_a_write(self, chance: int) -> None:
        """The power goes within the next write."""
        for do in ("die_in_a_write", "write_events"):
            self.life.act(Act(do, chance))

    @invariant()
    def nothing_is_broken(self) -> None:
        """What was promised is there."""
        assert self.life.finding.broken == {}

    def teardown(self) -> None:
        self.life.close()
        self._home.cleanup()


TestStoresOnADisk = StoresOnADisk.TestCase
TestStoresOnADisk.__doc__ = "No order of writes, ends and failures loses what a store said it had written."
TestStoresOnADisk.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
