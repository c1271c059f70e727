"""Which entitlement file is in force: a small file that names it, replaced atomically.

Renaming a finished database over one whose write-ahead log is alive corrupts it; switching a name does not.
"""

import re
from pathlib import Path

from portillon_edge.store.durable_file import replace_file

_NAMES_MAX = 999


class Pointer:
    """`entitlements.current` beside `entitlements.db`, which is the file in force while there is no pointer."""

    def __init__(self, first: Path) -> None:
        """`first` is the path of `entitlements.db`; every other file lies beside it."""
        self._first = first
        self._file = first.with_suffix(".current")
        self._in_force = (0, self._read())

    @property
    def in_force(self) -> tuple[int, Path]:
        """A number that rises with each change, and the file; a reader that opened at another number opens anew."""
        return self._in_force

    @property
    def current(self) -> Path:
        """The file in force."""
        return self._in_force[1]

    def switch(self, target: Path) -> None:
        """Put `target` in force, durably. Raises OSError; then the old one still is."""
        replace_file(self._file, f"{target.name}\n".encode())
        self._in_force = (self._in_force[0] + 1, target)

    def look_anew(self) -> None:
        """Let every reader of this process open the file in force again, since what to believe of it has changed."""
        self._in_force = (self._in_force[0] + 1, self._in_force[1])

    def others(self) -> list[Path]:
        """Entitlement files beside the one in force: nobody opens them any more."""
        found = [self._first, *self._first.parent.glob(f"{self._first.stem}-*{self._first.suffix}")]
        return [path for path in found if path != self.current and path.exists()]

    def free_path(self, label: str) -> Path:
        """A path called by `label` under which no file lies yet; raises OSError if there are 999 already."""
        for number in range(1, _NAMES_MAX + 1):
            again = f".{number}" if number > 1 else ""
            path = self._first.with_name(f"{self._first.stem}-{label}{again}{self._first.suffix}")
            if not path.exists():
                return path
        raise OSError(f"{self._first.parent} holds {_NAMES_MAX} files called {self._first.stem}-{label}: remove some")

    def _read(self) -> Path:
        try:
            name = self._file.read_text().strip()
        except (FileNotFoundError, ValueError):
            return self._first
        # Anything but the name of an entitlement file is damage; the table it hid comes again as a snapshot.
        ours = re.fullmatch(rf"{re.escape(self._first.stem)}-[0-9a-z.-]+{re.escape(self._first.suffix)}", name)
        return self._first.with_name(name) if ours else self._first
