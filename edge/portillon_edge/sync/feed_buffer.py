"""Entries that came before their turn: kept in a bounded buffer until the ones before them are there."""

from portillon_wire.messages import FeedEntry

CAPACITY = 512


class FeedBuffer:
    """Entries of one epoch by revision. When full, the highest gives way: it can be asked for again."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._entries: dict[int, FeedEntry] = {}
        self._capacity = capacity

    def add(self, entry: FeedEntry) -> bool:
        """Keep an entry; False if there was no room for it."""
        if entry.revision not in self._entries and len(self._entries) >= self._capacity:
            highest = max(self._entries)
            if entry.revision > highest:
                return False
            del self._entries[highest]
        self._entries[entry.revision] = entry
        return True

    def get(self, revision: int) -> FeedEntry | None:
        """The entry that makes this revision."""
        return self._entries.get(revision)

    def following(self, revision: int) -> tuple[FeedEntry, ...]:
        """The unbroken run of entries after `revision`."""
        run: list[FeedEntry] = []
        while (entry := self._entries.get(revision + 1 + len(run))) is not None:
            run.append(entry)
        return tuple(run)

    def drop_through(self, revision: int) -> None:
        """Forget what is in force already."""
        self._entries = {number: entry for number, entry in self._entries.items() if number > revision}

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()

    @property
    def lowest(self) -> int | None:
        """The first revision that is here."""
        return min(self._entries, default=None)

    def entries(self) -> tuple[FeedEntry, ...]:
        """Everything, ascending."""
        return tuple(self._entries[revision] for revision in sorted(self._entries))
