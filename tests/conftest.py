"""What holds for every test: the same examples at every run, no clock that a busy machine could make red, files in
memory where there is room, and groups that stay together when several workers share the tests."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest
from _pytest.nodeid import coerce_node_id
from hypothesis import settings

settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")

# Whoever starts a process of ours does not compile all of it again: two hundred are started in a run.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# A fresh PostgreSQL database took 0.5 s on a busy disk and takes 0.1 s in memory; a run makes 700, and more of SQLite.
# What survives when power is lost is held by disks of the tests' own (edge/store, simulation), never by this one.
_MEMORY, _ROOM_BYTES = Path("/dev/shm"), 4 << 30
if "TMPDIR" not in os.environ and os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _ROOM_BYTES:
    os.environ["TMPDIR"] = tempfile.tempdir = str(_MEMORY)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Name the group in the id, by which the workers are given their tests.

    pytest-xdist 3.8 writes it into a field that pytest 9.2 no longer reads: its issue 1386. When it does so itself
    again, `test_hardly_any_story_came_late` stays green without this.
    """
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return
    for item in items:
        group = next((mark.args[0] for mark in item.iter_markers("xdist_group")), None)
        if group is not None and not item.nodeid.endswith(f"@{group}"):
            item._id = coerce_node_id(f"{item.nodeid}@{group}")
