"""What must get to the disk and may hold nobody up: written when it changes, and again until the disk takes it."""

from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")
AGAIN_NS = 10_000_000_000


class TriedAgain(Generic[T]):
    """One small file and what it should hold. Used by one thread."""

    def __init__(self, held: T, write: Callable[[T], None]) -> None:
        """`held` is on the disk."""
        self.held = held
        self._write = write
        self.again_ns: int | None = None
        """When it is written again, since the disk did not take it; None: it did."""

    def put(self, value: T, now_ns: int) -> None:
        """Write it, if it is new or its time has come; whatever the writing raises comes out, and it is due again."""
        if value == self.held and (self.again_ns is None or now_ns < self.again_ns):
            return
        self.held, self.again_ns = value, now_ns + AGAIN_NS
        self._write(value)
        self.again_ns = None
