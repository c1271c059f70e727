"""Putting a `Disk` under a folder: SQLite by the shim, small files by the few calls of `os` that the stores use."""

import functools
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from simulation.disk import Disk, Step, os_error
from simulation.sqlite_shim import Shim

_disks: dict[str, Disk] = {}


def _disk_of(path: str) -> Disk | None:
    return _disks.get(path.rpartition("/")[0])


@functools.cache
def _shim() -> Shim:
    return Shim(_disk_of)


def _disk_of_descriptor(descriptor: int) -> Disk | None:
    path = str(Path(f"/proc/self/fd/{descriptor}").readlink())
    return _disks.get(path) or _disk_of(path)


_fsync, _unlink, _open = os.fsync, os.unlink, os.open


def _faulty_fsync(descriptor: Any) -> None:
    disk = _disk_of_descriptor(descriptor)
    if disk is None:
        _fsync(descriptor)
        return
    trouble = disk.step(Step.SYNC)
    if not disk.dead:
        disk.synced_descriptor(descriptor, trouble)
    if trouble:
        raise os_error(trouble, disk.folder)


def _faulty_open(path: Any, flags: int, *others: Any, **more: Any) -> int:
    disk = _disk_of(os.fspath(path)) if isinstance(path, str | Path) else None
    if disk is not None and flags & os.O_CREAT and (trouble := disk.step(Step.WRITE)):
        raise os_error(trouble, path)
    return _open(path, flags, *others, **more)


def _faulty_rename(below: Callable[..., None]) -> Callable[..., None]:
    def rename(source: Any, target: Any, **more: Any) -> None:
        old, new = os.fspath(source), os.fspath(target)
        disk = _disk_of(old) if isinstance(old, str) else None
        if disk is None:
            below(source, target, **more)
            return
        if trouble := disk.step(Step.NAME):
            raise os_error(trouble, old)
        disk.look()
        below(source, target, **more)
        if not old.endswith("-shm"):
            disk.renamed(old.rpartition("/")[2], new.rpartition("/")[2])

    return rename


def _faulty_unlink(path: Any, **more: Any) -> None:
    name = os.fspath(path)
    disk = _disk_of(name) if isinstance(name, str) else None
    if disk is None:
        _unlink(path, **more)
        return
    if not os.path.lexists(name):
        raise FileNotFoundError(2, "No such file or directory", name)
    if trouble := disk.step(Step.NAME):
        raise os_error(trouble, name)
    disk.look()
    _unlink(path, **more)
    disk.removed(name.rpartition("/")[2])


@contextmanager
def mounted(*disks: Disk) -> Iterator[None]:
    """Until the end of the block everything that this process does in the disks' folders goes through them."""
    first = not _disks
    _disks.update({str(disk.folder): disk for disk in disks})
    try:
        if not first:
            yield
            return
        _shim().begin()
        with (
            patch.object(os, "fsync", _faulty_fsync), patch.object(os, "open", _faulty_open),
            patch.object(os, "unlink", _faulty_unlink), patch.object(os, "remove", _faulty_unlink),
            patch.object(os, "rename", _faulty_rename(os.rename)),
            patch.object(os, "replace", _faulty_rename(os.replace)),
        ):  # fmt: skip
            yield
    finally:
        for disk in disks:
            _disks.pop(str(disk.folder), None)
        if first:
            _shim().end()


class Careless(sqlite3.Connection):
    """A connection that does not wait for the disk at each commit."""

    def execute(self, sql: str, *parameters: object) -> sqlite3.Cursor:
        return super().execute(sql.replace("synchronous=FULL", "synchronous=NORMAL"), *parameters)
