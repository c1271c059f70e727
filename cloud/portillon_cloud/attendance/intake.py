"""Take in a journal batch: one transaction, each event once, acknowledged only up to the first hole.

The caller's transaction must commit before the acknowledgement leaves. Two deliveries of one journal at the same moment
wait for each other on the journal's row in `journal_progress`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Any

from portillon_wire.messages import EventKind, JournalAck, JournalBatch
from sqlalchemy import Connection, Select, bindparam, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from portillon_cloud.attendance.content import EventRow, Sender, row
from portillon_cloud.attendance.dating import date_rows
from portillon_cloud.attendance.tables import journal_event, journal_progress

AWAITED_MAX = 64
"""So many batches of a journal may overtake others; a gateway has four under way."""
_WALK_LIMIT = 10_000
"""Stored rows beyond a filled hole that one batch looks through; the next batch goes on from there."""

# Built once: they run for every batch.
_OF_JOURNAL = {
    table: (table.c.gateway_id == bindparam("gateway")) & (table.c.journal_id == bindparam("journal"))
    for table in (journal_progress, journal_event)
}
_PROGRESS = (
    select(
        journal_progress.c.through, journal_progress.c.highest, journal_progress.c.ordinal, journal_progress.c.awaited
    )
    .where(_OF_JOURNAL[journal_progress])
    .with_for_update()  # SQLite has the one writer instead
)
_CHANGE = update(journal_progress).where(_OF_JOURNAL[journal_progress])
_CONTENTS = select(journal_event.c.sequence, journal_event.c.content_sha256).where(
    _OF_JOURNAL[journal_event], journal_event.c.sequence.in_(bindparam("sequences", expanding=True))
)

_COLUMNS = ("organisation_id", "site_id", "gateway_id", "journal_id", "received_at_ms", *EventRow._fields)


@dataclass(frozen=True, slots=True)
class Taken:
    """What to answer, which events were new, and, if numbers came again with other content, which.

    `ordinal` tells which of the gateway's journals it is, counted from 1.
    """

    ack: JournalAck
    fresh: tuple[int, ...]
    ordinal: int
    conflicts: tuple[int, ...] = ()

    @property
    def new(self) -> int:
        """How many events were new."""
        return len(self.fresh)


def take_in(conn: Connection, batch: JournalBatch, *, sender: Sender, now_ms: int) -> Taken:
    """Store what is new of `batch`. With any conflict nothing of it is stored and nothing more is acknowledged.

    Two machines on copies of one card fill up each other's numbers. So a batch must come after the very event that is,
    or gets, the one before it: then all up to an acknowledged event are of whoever sent that one.
    """
    through, highest, ordinal, awaited = _claim(conn, sender, batch.journal_id)
    # A cloud restored from a backup may miss rows that the gateway has pruned since: nobody has them any more.
    through = max(through, batch.oldest - 1)
    rows, conflicts = _distinct([row(event) for event in batch.events])
    before = [row(batch.before)] if batch.before is not None else []
    known = _known(conn, sender, batch.journal_id, [one for one in (*before, *rows) if one.sequence <= highest])
    told = awaited | known
    conflicts += [
        one.sequence for one in (*before, *rows) if told.get(one.sequence, one.content_sha256) != one.content_sha256
    ]
    if conflicts:
        refused = JournalAck(journal_id=batch.journal_id, through=through, conflict=True)
        return Taken(refused, (), ordinal, tuple(sorted(set(conflicts))))
    fresh = [one for one in rows if one.sequence not in known]
    if fresh and len(awaited) >= AWAITED_MAX and rows[0].sequence > through + 1:
        fresh = []  # what it overtook comes first, and this one again
    if fresh:
        awaited |= {one.sequence: one.content_sha256 for one in before}
        _insert(conn, date_rows(conn, fresh, sender), sender=sender, journal_id=batch.journal_id, now_ms=now_ms)
        through = _through(conn, sender, batch.journal_id, through=through, highest=highest, fresh=fresh)
        conn.execute(
            _CHANGE,
            {
                **_names(sender, batch.journal_id),
                "through": through,
                "highest": max(highest, fresh[-1].sequence),
                "awaited": {sequence: content for sequence, content in awaited.items() if sequence > through} or None,
            },
        )
    ack = JournalAck(journal_id=batch.journal_id, through=through)
    return Taken(ack, tuple(one.sequence for one in fresh), ordinal)


def passages(sender: Sender, journal_id: str, sequences: Sequence[int]) -> Select[tuple[int]]:
    """A query: the ids of the passages among these events of a journal, in order."""
    event = journal_event.c
    return (
        select(event.id)
        .where(
            _is(journal_event, sender, journal_id),
            event.sequence.in_(sequences),
            event.kind == EventKind.PASSAGE.value,
        )
        .order_by(event.sequence)
    )


def _claim(conn: Connection, sender: Sender, journal_id: str) -> tuple[int, int, int, dict[int, str]]:
    """Lock the journal's progress; (through, highest, ordinal, awaited)."""
    progress = journal_progress.c
    found = conn.execute(_PROGRESS, _names(sender, journal_id)).one_or_none()
    if found is None:
        before = select(func.count()).select_from(journal_progress).where(progress.gateway_id == sender.gateway_id)
        first = {
            "organisation_id": sender.organisation_id,
            "gateway_id": sender.gateway_id,
            "journal_id": journal_id,
            "through": 0,
            "highest": 0,
            "ordinal": conn.execute(before).scalar_one() + 1,
        }
        insert_new = sqlite.insert if conn.dialect.name == "sqlite" else postgresql.insert
        conn.execute(insert_new(journal_progress).values(first).on_conflict_do_nothing())
        found = conn.execute(_PROGRESS, _names(sender, journal_id)).one()
    awaited = {int(sequence): content for sequence, content in (found.awaited or {}).items()}
    return found.through, found.highest, found.ordinal, awaited


def _distinct(rows: list[EventRow]) -> tuple[list[EventRow], list[int]]:
    """The rows in order, each sequence once, and the sequences that contradict each other inside the batch."""
    rows.sort(key=lambda one: one.sequence)
    conflicts = [
        first.sequence
        for first, second in pairwise(rows)
        if first.sequence == second.sequence and first.content_sha256 != second.content_sha256
    ]
    return list({one.sequence: one for one in rows}.values()), conflicts


def _known(conn: Connection, sender: Sender, journal_id: str, rows: Sequence[EventRow]) -> dict[int, str]:
    if not rows:
        return {}
    found = conn.execute(_CONTENTS, {**_names(sender, journal_id), "sequences": [one.sequence for one in rows]})
    return {sequence: content for sequence, content in found}


def _insert(conn: Connection, rows: list[EventRow], *, sender: Sender, journal_id: str, now_ms: int) -> None:
    same = (sender.organisation_id, sender.site_id, sender.gateway_id, journal_id, now_ms)
    values = [same + one for one in rows]
    # Straight to the driver: no column needs converting, and building parameters by name costs as much as the insert.
    into = f"INSERT INTO {journal_event.name} ({', '.join(_COLUMNS)}) VALUES "  # noqa: S608  constants of this module
    if conn.dialect.name == "sqlite":  # one statement of many rows is the fastest here, executemany (a pipeline) there
        one = f"({', '.join('?' * len(_COLUMNS))})"
        conn.exec_driver_sql(into + ", ".join([one] * len(values)), tuple(chain.from_iterable(values)))
    else:
        conn.exec_driver_sql(into + f"({', '.join(['%s'] * len(_COLUMNS))})", values)


def _through(
    conn: Connection, sender: Sender, journal_id: str, *, through: int, highest: int, fresh: Sequence[EventRow]
) -> int:
    """The highest sequence below which nothing is missing, now that `fresh` is stored."""
    if highest <= through:  # nothing is stored beyond: the batch alone tells
        following: Iterable[int] = [one.sequence for one in fresh]
    else:
        event = journal_event.c
        following = conn.execute(
            select(event.sequence)
            .where(_is(journal_event, sender, journal_id), event.sequence > through)
            .order_by(event.sequence)
            .limit(_WALK_LIMIT)
        ).scalars()
    for sequence in following:
        if sequence != through + 1:
            break
        through = sequence
    return through


def _names(sender: Sender, journal_id: str) -> dict[str, Any]:
    return {"gateway": sender.gateway_id, "journal": journal_id}


def _is(table: Any, sender: Sender, journal_id: str) -> Any:
    return (table.c.gateway_id == sender.gateway_id) & (table.c.journal_id == journal_id)


def acknowledged(conn: Connection, gateway_id: str) -> dict[str, int]:
    """How far each journal of the gateway is here without a hole."""
    progress = journal_progress.c
    found = conn.execute(select(progress.journal_id, progress.through).where(progress.gateway_id == gateway_id))
    return {journal_id: through for journal_id, through in found}


def stored(conn: Connection, gateway_id: str) -> int:
    """How many events of the gateway are here, over all its journals."""
    return conn.execute(
        select(func.count()).select_from(journal_event).where(journal_event.c.gateway_id == gateway_id)
    ).scalar_one()
