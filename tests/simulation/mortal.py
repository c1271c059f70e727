"""A database whose process may die at any commit, and between whose transactions anything may happen."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from enum import Enum
from itertools import count
from typing import Any

from portillon_cloud.database import Database
from sqlalchemy import Connection, event


class Crash(BaseException):
    """The process is dead. A BaseException, so that no `except Exception` of the worker can survive it."""


class Death(Enum):
    """When a process dies: its transaction lost, at a statement or at the end; or committed, and nobody told."""

    BEFORE_COMMIT = 1
    AFTER_COMMIT = 2
    AT_STATEMENT_2 = 3
    AT_STATEMENT_7 = 4
    AT_STATEMENT_19 = 5


_STATEMENT = {Death.AT_STATEMENT_2: 2, Death.AT_STATEMENT_7: 7, Death.AT_STATEMENT_19: 19}
"""The statement that such a process does not send any more."""


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
            with _silenced(conn, _STATEMENT[death]) if death in _STATEMENT else nullcontext():
                yield conn
            if death is Death.BEFORE_COMMIT:
                raise Crash
        if death is Death.AFTER_COMMIT:
            raise Crash


@contextmanager
def _silenced(conn: Connection, last: int) -> Iterator[None]:
    """The process sends no statement from number `last` on."""
    sent = count(1)

    def die(*_statement: Any) -> None:
        if next(sent) >= last:
            raise Crash

    event.listen(conn, "before_cursor_execute", die)
    try:
        yield
    finally:
        event.remove(conn, "before_cursor_execute", die)
