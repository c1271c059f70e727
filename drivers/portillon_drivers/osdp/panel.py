"""The OSDP control panel: many readers on one bus, one exchange at a time. Pure.

The shell's loop: `turn`; if it gives bytes, write them, wait until they have left (drain), call `written`; then read
until `wake_ns` and hand every piece to `receive`. One thread only.
"""

from collections.abc import Callable, Sequence

from portillon_drivers.osdp.commands import Command
from portillon_drivers.osdp.panel_events import PanelEvent
from portillon_drivers.osdp.panel_reader import PanelReader, Security, Turn

__all__ = ["ControlPanel", "PanelReader", "Security", "Turn"]


class ControlPanel:
    """Polls every reader, carries commands and files, keeps the secure channels."""

    def __init__(self, readers: Sequence[PanelReader], *, baud: int, random: Callable[[int], bytes]) -> None:
        """`random(n)` gives n bytes nobody can predict (`os.urandom`). Raises `WeakKeyError`, or `ValueError`."""
        raise NotImplementedError

    def turn(self, now_ns: int) -> Turn:
        """Let time pass."""
        raise NotImplementedError

    def written(self, now_ns: int) -> None:
        """The bytes of the last turn have left the port: the reader's 200 ms begin."""
        raise NotImplementedError

    def receive(self, data: bytes, now_ns: int) -> list[PanelEvent]:
        """Bytes came in."""
        raise NotImplementedError

    def line_lost(self, now_ns: int) -> list[PanelEvent]:
        """The port is gone: every reader is offline at once. Go on with `turn` when it is open again."""
        raise NotImplementedError

    def command(self, address: int, command: Command) -> int:
        """Queue a command; its handle comes back in exactly one `CommandDone`.

        Raises `CommandError` if it cannot be put on the wire, `WeakKeyError` for a weak key, `KeyError` for an address
        that is not on this bus.
        """
        raise NotImplementedError

    def cancel(self, address: int, handle: int) -> None:
        """Take a command out of the queue, or break off a file transfer that runs."""
        raise NotImplementedError
