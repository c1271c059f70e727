"""What goes up of a journal shows whose numbers they are."""

from pathlib import Path

from edge.store.event_samples import event
from portillon_edge.store.journal import Journal
from portillon_edge.sync.journal_batch import journal_batch


def test_each_batch_repeats_the_row_before_it(tmp_path: Path) -> None:
    """The first has none; what is asked for beyond the last row is no batch."""
    journal = Journal(tmp_path / "journal.db", new_id=lambda: "j1")
    journal.append([event("a"), event("b"), event("c"), event("d")])
    first, second = journal_batch(journal, 1, 2), journal_batch(journal, 3, 4)
    assert first is not None and second is not None
    assert (first.before, [one.sequence for one in first.events]) == (None, [1, 2])
    assert (second.before, [one.detail for one in second.events]) == (first.events[-1], ["c", "d"])
    assert journal_batch(journal, 5, 6) is None
    journal.close()
