"""What the contract suite needs of a reader's simulated hardware. One rig file for each reader type."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from portillon_drivers.events import ReaderEvent, ReaderFaultKind


class ReaderRig(Protocol):
    """The true driver's far side: its line, and somebody who holds cards to it."""

    place: str
    """What `ReaderDown` must name: the path that a technician would look at."""

    def section(self) -> dict[str, Any]:
        """The reader's section of the configuration, less `name` and `type`."""

    def plug(self) -> None:
        """The hardware is there and has power."""

    def unplug(self) -> None:
        """The hardware is gone."""

    def present(self, which: int) -> None:
        """Hold card number 0 or 1 to the reader for a moment."""

    def trickle(self, which: int) -> None:
        """The same, as slowly and as finely cut as the wire can bring it."""

    def is_card(self, event: ReaderEvent, which: int) -> bool:
        """Whether the event is the reading of that card."""

    def dirt(self) -> frozenset[ReaderFaultKind]:
        """Put something on the wire that is no card; returns the faults that must be told."""

    def close(self) -> None:
        """The test is over."""


MakeRig = Callable[[Path], ReaderRig]
