"""What keeps the presence book over restarts (presence/presence_file.py is the durable one). One thread uses it."""

from typing import Protocol

from portillon_edge.presence.book import PresenceBook


class PresenceMemory(Protocol):
    """It raises nothing: presence that is not kept heals, as it does after any passage that nobody saw."""

    def load(self) -> PresenceBook:
        """What was kept; an empty book if nothing was, or nothing that can be read."""
        ...

    def save(self, book: PresenceBook) -> None:
        """Write down durably what changed, or all of it where the last time failed."""
        ...

    def take_alarms(self) -> list[str]:
        """What happened to the memory itself since the last call, for the journal."""
        ...


class ForgetfulPresence:
    """Forgets with the process: for simulations, and wherever no zone has a rule."""

    def load(self) -> PresenceBook:
        """Nothing."""
        return PresenceBook()

    def save(self, book: PresenceBook) -> None:
        """Forget it."""
        book.take_changes()

    def take_alarms(self) -> list[str]:
        """None."""
        return []
