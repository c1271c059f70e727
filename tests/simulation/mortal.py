"""A database whose process may die at any commit, and between whose transactions anything may happen."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum

from portillon_cloud.database import Database
from sqlalchemy import Connection


class Crash(BaseException):
    """The process is dead. A BaseException, so that no `except Exception` of the worker can survive it."""


class Death(Enum):
    """When a process dies: with its transaction lost, or with it committed and nobody told."""

    BEFORE_COMMIT = 1
    AFTER_COMMIT = 2


Fate = Callable[[], Death | None]
"""Asked before each write transaction, with none open: it may let others act first, and says how this one ends."""


class MortalDatabase(Database):
    """The real database under a fate."""

    def __init__(self, url: str, fate: Fate) -> None:
        super().__init__(url)
        self._fate = fate

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A write transaction, perhaps the last thing this process does."""
        death = self._fate()
        with super().write() as conn:
            yield conn
            if death is Death.BEFORE_COMMIT:
                raise Crash
        if death is Death.AFTER_COMMIT:
            raise Crash
