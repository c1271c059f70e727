"""A disk that forgets what was not synced: which bytes and names survive a power cut, and which operation fails.

1. Bytes: what was written since a file's last sync may be there or not, in any order, torn at SECTOR bytes.
2. Names: creations, renames and removals since the folder's last sync survive in their order up to some point, as on a
   journalled file system (ext4, data=ordered); a file whose name survives may still be empty.
3. A failed sync leaves the bytes readable and never brings them to the disk (ATC '20, "Can Applications Recover from
   fsync Failures?").
4. After the end of the process or of the power no operation of the dead process changes anything.
Not modelled: bytes that a write beside them damages (SQLite's powersafe overwrite), and syncs that lie unless told to.

Files lie in a real folder, which may be memory; this model knows beside it what would be on the platter.
"""

import errno
import os
import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

SECTOR = 512
_UNTRACKED = "-shm"
"""SQLite's shared memory: made anew by whoever opens the database first after a restart."""
_unlink = os.unlink  # as it is below every disk


class Step(StrEnum):
    """What a process can ask of the disk and be refused, or die at."""

    WRITE = "write"
    TRUNCATE = "truncate"
    SYNC = "sync"
    NAME = "name"


class Trouble(StrEnum):
    """How a step fails."""

    FULL = "full"
    BROKEN = "broken"


class DiskError(OSError):
    """A step failed; errno says how."""


@dataclass
class Written:
    """A write, or a truncation if `content` is None, that was not synced yet."""

    offset: int
    content: bytes | None


@dataclass
class Inode:
    """A file without its name: what is surely on the disk, and what may be."""

    durable: bytearray = field(default_factory=bytearray)
    pending: list[Written] = field(default_factory=list)
    watched: bool = False
    """Whether each write is reported; of other files only the content now is known."""

    def sync(self) -> None:
        """Everything pending is on the disk."""
        for written in self.pending:
            apply(self.durable, written)
        self.pending.clear()


@dataclass
class Named:
    """A name that was given (`inode`) or taken away (None) and not synced yet."""

    name: str
    inode: Inode | None
    was: str | None = None
    """The name that it had before."""


def apply(content: bytearray, written: Written) -> None:
    """Do to `content` what was done to the file."""
    if written.content is None:
        del content[written.offset :]
        content.extend(bytes(written.offset - len(content)))
        return
    end = written.offset + len(written.content)
    content.extend(bytes(max(0, end - len(content))))
    content[written.offset : end] = written.content


class Disk:
    """The files of one folder."""

    def __init__(self, folder: Path, chance: random.Random) -> None:
        self.folder = folder
        self.random = chance
        self.dead = False
        self.steps = 0
        self.counts: Counter[str] = Counter()
        self.lies = False
        """Whether syncs only say that they were done."""
        self.deaf = False
        """The same for those alone that do not come from SQLite."""
        self._die_in: int | None = None
        self._on_death: Callable[[], None] = lambda: None
        self._fails_in: int | None = None
        self._fails_for = 0
        self._fails_as = Trouble.BROKEN
        self._inodes: dict[int, Inode] = {}
        self._names: dict[str, int] = {}
        self._durable: dict[str, Inode] = {}
        self._renamings: list[Named] = []
        self._look()
        self.sync_names()
        for name, number in self._names.items():
            self._inodes[number].durable[:] = (folder / name).read_bytes()

    # What is to go wrong

    def die_at(self, steps: int, on_death: Callable[[], None]) -> None:
        """The process ends just before its `steps`-th step from now."""
        self._die_in, self._on_death = steps, on_death

    def fail_at(self, steps: int, *, count: int = 1, trouble: Trouble = Trouble.BROKEN) -> None:
        """From the `steps`-th step from now, so many fail."""
        self._fails_in, self._fails_for, self._fails_as = steps, count, trouble

    def mend(self) -> None:
        """Nothing fails any more."""
        self._die_in = self._fails_in = None
        self._fails_for = 0

    # What the process does

    def step(self, kind: Step) -> Trouble | None:
        """A process is about to do this: how it fails, if it does."""
        if self.dead:
            return Trouble.BROKEN
        self.steps += 1
        if self._die_in is not None:
            self._die_in -= 1
            if self._die_in <= 0:
                self._die_in = None
                self.counts["deaths at a step"] += 1
                self.dead = True
                self._on_death()
                return Trouble.BROKEN
        if self._fails_in is not None:
            self._fails_in -= 1
            if self._fails_in <= 0:
                return self._fail(kind)
        return None

    def _fail(self, kind: Step) -> Trouble | None:
        self._fails_for -= 1
        if self._fails_for <= 0:
            self._fails_in = None
        if self._fails_as is Trouble.FULL and kind is not Step.WRITE:
            return None  # a full disk still syncs, truncates and removes
        self.counts[f"steps failed, disk {self._fails_as}"] += 1
        return self._fails_as

    def opened(self, path: str) -> Inode:
        """A file is open for writing and each of its writes will be reported."""
        self._look()
        inode = self._inodes[Path(path).stat().st_ino]
        if not inode.watched:
            inode.watched = True
            self._catch_up(inode, Path(path))
        return inode

    def synced(self, inode: Inode, trouble: Trouble | None) -> None:
        """A sync was asked for."""
        if trouble is not None:
            inode.pending.clear()
        elif not self.lies:
            inode.sync()

    def synced_descriptor(self, descriptor: int, trouble: Trouble | None) -> None:
        """The same for a file or folder that a process holds open itself."""
        if self.deaf:
            return
        stat = os.fstat(descriptor)
        if stat.st_ino == self.folder.stat().st_ino:
            self._look()
            if trouble is None and not self.lies:
                self.sync_names()
            return
        self._look()
        inode = self._inodes.get(stat.st_ino)
        if inode is None or trouble is not None or self.lies:
            return
        if inode.watched:
            inode.sync()
        else:
            name = next(name for name, number in self._names.items() if number == stat.st_ino)
            inode.durable[:] = (self.folder / name).read_bytes()

    def sync_names(self) -> None:
        """Every name is on the disk as it is now."""
        for named in self._renamings:
            self._settle_name(self._durable, named)
        self._renamings.clear()

    def renamed(self, old: str, new: str) -> None:
        """A file got another name, in place of who had it."""
        number = self._names.pop(old)
        self._inodes.pop(self._names.get(new, -1), None)
        self._names[new] = number
        self._renamings.append(Named(new, self._inodes[number], was=old))

    def removed(self, name: str) -> None:
        """A file lost its name."""
        number = self._names.pop(name, None)
        if number is not None:
            self._inodes.pop(number, None)
            self._renamings.append(Named(name, None))

    def look(self) -> None:
        """Take note of new files, before one of their names changes."""
        self._look()

    def _look(self) -> None:
        with os.scandir(self.folder) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                if entry.name.endswith(_UNTRACKED) or not entry.is_file(follow_symlinks=False):
                    continue
                number = entry.inode()
                if self._names.get(entry.name) != number:
                    self._names[entry.name] = number
                    self._inodes[number] = Inode()
                    self._renamings.append(Named(entry.name, self._inodes[number]))

    def _catch_up(self, inode: Inode, path: Path) -> None:
        content = path.read_bytes()
        if content != inode.durable:
            inode.pending.append(Written(0, None))
            inode.pending.append(Written(0, content))

    @staticmethod
    def _settle_name(names: dict[str, Inode], named: Named) -> None:
        if named.was is not None:
            names.pop(named.was, None)
        if named.inode is None:
            names.pop(named.name, None)
        else:
            names[named.name] = named.inode

    # The end

    def kill(self) -> None:
        """The process is gone; the system keeps all that it wrote."""
        self.dead = True

    def revive(self) -> None:
        """Another process may begin."""
        self.dead = False
        self.mend()

    def cut_power(self) -> None:
        """The power goes: the folder holds afterwards what the platter held. Everything open must be closed before."""
        self.dead = True
        self._look()
        self.replace_all(self._survivors())
        self.counts["power cuts"] += 1

    def replace_all(self, survived: Mapping[str, bytes]) -> None:
        """These are the files now, all on the disk. Everything open must be closed before."""
        for entry in list(os.scandir(self.folder)):
            if entry.is_file(follow_symlinks=False):
                _unlink(entry.path)
        for name, content in survived.items():
            (self.folder / name).write_bytes(content)
        self._inodes, self._names, self._durable, self._renamings = {}, {}, {}, []
        self._look()
        for name, content in survived.items():
            self._inodes[self._names[name]].durable[:] = content
        self.sync_names()

    def _survivors(self) -> dict[str, bytes]:
        names = dict(self._durable)
        for named in self._renamings[: self.random.randint(0, len(self._renamings))]:
            self._settle_name(names, named)
        paths = {id(self._inodes[number]): self.folder / name for name, number in self._names.items()}
        return {name: bytes(self._survives(inode, paths.get(id(inode)))) for name, inode in sorted(names.items())}

    def _survives(self, inode: Inode, path: Path | None) -> bytearray:
        content = bytearray(inode.durable)
        pending = inode.pending
        if not inode.watched and path is not None and (now := path.read_bytes()) != content:
            pending = [Written(at, now[at : at + SECTOR]) for at in range(0, len(now), SECTOR)]
        if not pending:
            return content
        fate = self.random.choice(("dropped", "begun", "shuffled", "torn", "kept"))
        self.counts[f"unsynced writes {fate}"] += 1
        if fate == "dropped":
            return content
        chosen = list(pending)
        if fate in ("begun", "torn"):
            chosen = pending[: self.random.randint(0, len(pending))]
        elif fate == "shuffled":
            chosen = [written for written in pending if self.random.random() < 0.5]
        for number, written in enumerate(chosen):
            torn = fate == "torn" and number == len(chosen) - 1
            apply(content, self._torn(written) if torn or fate == "shuffled" else written)
        return content

    def _torn(self, written: Written) -> Written:
        """A write that was under way: its first sectors."""
        if written.content is None or self.random.random() < 0.5:
            return written
        first = SECTOR - written.offset % SECTOR
        cuts = [0, *range(first, len(written.content), SECTOR)]
        return Written(written.offset, written.content[: self.random.choice(cuts)])


def os_error(trouble: Trouble, path: object) -> DiskError:
    """What a system call raises."""
    number = errno.ENOSPC if trouble is Trouble.FULL else errno.EIO
    return DiskError(number, os.strerror(number), str(path))
