"""Rows of a journal as they go up."""

from portillon_wire.messages import JournalBatch

from portillon_edge.store.journal import JournalSource


def journal_batch(source: JournalSource, first: int, last: int) -> JournalBatch | None:
    """What is kept of the rows `first` to `last`, with the row before them; None: nothing is.

    The cloud acknowledges numbers: by the row before it sees whether they are this journal's, or those of a copy of it.
    Raises sqlite3.Error, ValueError for rows that cannot be read.
    """
    events = source.read(max(1, first - 1), last)
    before = events.pop(0) if events and events[0].sequence < first else None
    if not events:
        return None
    return JournalBatch(journal_id=source.journal_id, oldest=source.oldest, events=tuple(events), before=before)
