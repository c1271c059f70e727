"""A shim under SQLite's own file layer, in the very library that Python's `sqlite3` uses: shipped code runs unchanged.

Each file is opened by SQLite's layer; then its table of methods is replaced by a copy in which writing, truncating,
syncing and closing come here first. Reading, locking and shared memory stay what they were. (apsw brings a SQLite of
its own, and stores that open `sqlite3` connections would never meet its file layers.)
"""

import _sqlite3
import ctypes
import sys
from collections.abc import Callable
from ctypes import CFUNCTYPE, POINTER, Structure, c_char_p, c_int, c_int64, c_void_p
from dataclasses import dataclass
from typing import Any

from simulation.disk import Disk, Inode, Step, Trouble, Written

OK, IOERR, FULL = 0, 10, 13
IOERR_WRITE, IOERR_FSYNC, IOERR_TRUNCATE, IOERR_DELETE = (IOERR | number << 8 for number in (3, 4, 6, 10))
CANTOPEN = 14
OPEN_READWRITE = 0x2

_Close = CFUNCTYPE(c_int, c_void_p)
_Write = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_int64)
_Truncate = CFUNCTYPE(c_int, c_void_p, c_int64)
_Sync = CFUNCTYPE(c_int, c_void_p, c_int)
_Open = CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_int, POINTER(c_int))
_Delete = CFUNCTYPE(c_int, c_void_p, c_char_p, c_int)


class _Methods(Structure):
    """sqlite3_io_methods, version 3 (sqlite.org/c3ref/io_methods.html)."""

    _fields_ = [
        ("version", c_int), ("close", c_void_p), ("read", c_void_p), ("write", c_void_p), ("truncate", c_void_p),
        ("sync", c_void_p), *((f"other{number}", c_void_p) for number in range(13)),
    ]  # fmt: skip


class _Vfs(Structure):
    """sqlite3_vfs, version 3 (sqlite.org/c3ref/vfs.html)."""

    _fields_ = [
        ("version", c_int), ("file_bytes", c_int), ("path_bytes_max", c_int), ("next", c_void_p), ("name", c_char_p),
        ("data", c_void_p), ("open", c_void_p), ("delete", c_void_p),
        *((f"other{number}", c_void_p) for number in range(13)),
    ]  # fmt: skip


@dataclass(frozen=True)
class _Table:
    """A copy of a table of methods with ours in it, and what was there before."""

    methods: _Methods
    close: Any
    write: Any
    truncate: Any


@dataclass(frozen=True)
class _OpenFile:
    """A database or its log, open for writing."""

    disk: Disk
    inode: Inode
    is_log: bool
    below: _Table


class Shim:
    """One per process. `disk_of` says on which disk a path lies, if on any."""

    def __init__(self, disk_of: Callable[[str], Disk | None]) -> None:
        """Raises AttributeError where Python's SQLite shows its functions to nobody."""
        file = getattr(_sqlite3, "__file__", None)
        library: Any = ctypes.CDLL(file)
        library.sqlite3_vfs_find.restype = POINTER(_Vfs)
        library.sqlite3_vfs_find.argtypes = [c_char_p]
        library.sqlite3_vfs_register.argtypes = [c_void_p, c_int]
        self._library = library
        self._disk_of = disk_of
        self._below = library.sqlite3_vfs_find(b"unix")
        below = self._below.contents
        self._open_below, self._delete_below = _Open(below.open), _Delete(below.delete)
        self._files: dict[int, _OpenFile] = {}
        self._tables: dict[int, _Table] = {}
        self._mine = (
            _Close(self._guarded(self._close)), _Write(self._guarded(self._write)),
            _Truncate(self._guarded(self._truncate)), _Sync(self._guarded(self._sync)),
            _Open(self._guarded(self._open)), _Delete(self._guarded(self._delete)),
        )  # fmt: skip
        self._vfs = _Vfs()
        ctypes.memmove(ctypes.byref(self._vfs), self._below, ctypes.sizeof(_Vfs))
        self._vfs.next, self._vfs.name = None, b"portillon-faults"
        self._vfs.open = ctypes.cast(self._mine[4], c_void_p)
        self._vfs.delete = ctypes.cast(self._mine[5], c_void_p)

    def begin(self) -> None:
        """Every database opened from now on goes through here."""
        self._library.sqlite3_vfs_register(ctypes.byref(self._vfs), 1)

    def end(self) -> None:
        """New ones go straight to SQLite's own layer again."""
        self._library.sqlite3_vfs_register(self._below, 1)

    def _guarded(self, method: Callable[..., int]) -> Callable[..., int]:
        def call(*arguments: Any) -> int:
            try:
                return method(*arguments)
            except BaseException:  # noqa: BLE001  it cannot pass through C; SQLite is told that the disk is broken
                sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
                return IOERR

        return call

    def _open(self, vfs: int, name: int | None, file: int, flags: int, out: Any) -> int:
        path = ctypes.string_at(name).decode() if name else ""
        disk = self._disk_of(path)
        if disk is not None and disk.dead:
            ctypes.cast(file, POINTER(c_void_p))[0] = None
            return CANTOPEN
        answer = self._open_below(ctypes.addressof(self._below.contents), name, file, flags, out)
        if answer == OK and disk is not None and flags & OPEN_READWRITE and (not out or out[0] & OPEN_READWRITE):
            methods = ctypes.cast(file, POINTER(c_void_p))
            table = self._table(methods[0])
            self._files[file] = _OpenFile(disk, disk.opened(path), path.endswith(("-wal", "-journal")), table)
            methods[0] = ctypes.addressof(table.methods)
        return answer

    def _table(self, below: int) -> _Table:
        if below not in self._tables:
            methods = _Methods()
            ctypes.memmove(ctypes.byref(methods), below, ctypes.sizeof(_Methods))
            table = _Table(methods, _Close(methods.close), _Write(methods.write), _Truncate(methods.truncate))
            for field, mine in zip(("close", "write", "truncate", "sync"), self._mine[:4], strict=True):
                setattr(methods, field, ctypes.cast(mine, c_void_p))
            self._tables[below] = table
        return self._tables[below]

    def _close(self, file: int) -> int:
        return self._files.pop(file).below.close(file)  # type: ignore[no-any-return]

    def _write(self, file: int, content: int, size: int, offset: int) -> int:
        opened = self._files[file]
        if trouble := opened.disk.step(Step.WRITE):
            return FULL if trouble is Trouble.FULL else IOERR_WRITE
        opened.inode.pending.append(Written(offset, ctypes.string_at(content, size)))
        return opened.below.write(file, content, size, offset)  # type: ignore[no-any-return]

    def _truncate(self, file: int, size: int) -> int:
        opened = self._files[file]
        if opened.disk.step(Step.TRUNCATE):
            return IOERR_TRUNCATE
        opened.inode.pending.append(Written(size, None))
        return opened.below.truncate(file, size)  # type: ignore[no-any-return]

    def _sync(self, file: int, flags: int) -> int:
        opened, disk = self._files[file], self._files[file].disk
        trouble = disk.step(Step.SYNC)
        if not disk.dead:
            disk.synced(opened.inode, trouble)
            if opened.is_log and trouble is None and not disk.lies:
                disk.sync_names()  # as unixSync does for a log that it has just made
        return IOERR_FSYNC if trouble else OK

    def _delete(self, vfs: int, name: bytes, sync_folder: int) -> int:
        path = name.decode()
        disk = self._disk_of(path)
        if disk is None:
            return self._delete_below(ctypes.addressof(self._below.contents), name, sync_folder)  # type: ignore[no-any-return]
        if disk.step(Step.NAME):
            return IOERR_DELETE
        disk.look()
        answer: int = self._delete_below(ctypes.addressof(self._below.contents), name, 0)
        if answer == OK:
            disk.removed(path.rpartition("/")[2])
            if sync_folder and not disk.lies:
                disk.sync_names()
        return answer
