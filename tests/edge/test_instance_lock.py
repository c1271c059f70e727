"""One gateway per data folder."""

import os
from pathlib import Path

import pytest
from portillon_edge.instance_lock import AlreadyRunning, InstanceLock, holder


def test_second_instance_is_refused_with_what_to_do(tmp_path: Path) -> None:
    """The message names the other's pid and both ways out."""
    with InstanceLock(tmp_path):
        assert holder(tmp_path) == os.getpid()
        with (
            pytest.raises(AlreadyRunning, match=rf"pid {os.getpid()}.*systemctl stop.*data_dir"),
            InstanceLock(tmp_path),
        ):
            pass


def test_lock_is_free_again_afterwards(tmp_path: Path) -> None:
    """However it ended: the kernel lets go."""
    assert holder(tmp_path) is None
    with InstanceLock(tmp_path):
        pass
    assert holder(tmp_path) is None
    with InstanceLock(tmp_path):
        assert holder(tmp_path) == os.getpid()
