"""Journals coming in: from the bytes of a batch to the acknowledgement that may leave, against a bare insert.

Batch by batch in turns: the product takes one in and commits; its rows are read back; the floor writes them into a copy
of the database by one statement of many rows, and commits. Both flush.
"""

import time
from collections.abc import Iterator

from bench import floors
from bench.cloud_gym import GATEWAY, NOW_MS, Engine, StoppedClock, build, raw_connection
from bench.report import Row, micro
from portillon_cloud.database import Database
from portillon_cloud.gateways.link import GatewayLink
from portillon_edge.sync.uplink import BATCH_ROWS
from portillon_rules.decision import TimeQuality
from portillon_wire.messages import EventKind, EventTime, JournalAck, JournalBatch, JournalEvent, decode, encode
from portillon_wire.topics import Up, up

JOURNAL = "journal-1"
RATIO_AIM = 2.0


def benchmarks(engine: Engine, batches: int) -> Iterator[Row]:
    """`batches` of a gateway's usual size."""
    url = engine.create("intake")
    gym = build(url, 1)
    gym.db.close()
    floor = raw_connection(engine.clone(url))
    source = raw_connection(url)
    db = Database(url)
    link = GatewayLink(db, gym.keyring, StoppedClock(), base_url="http://127.0.0.1:1")
    spent: list[float] = []
    least: list[float] = []
    clock = time.perf_counter
    for number in range(batches):
        first = number * BATCH_ROWS + 1
        payload = encode(_batch(first))
        begin = clock()
        [answer] = link.handle(up(GATEWAY, Up.JOURNAL), payload)
        spent.append(clock() - begin)
        assert decode(JournalAck, answer.payload).through == first + BATCH_ROWS - 1
        place = "?" if db.embedded else "%s"
        rows = source.execute(f"SELECT * FROM journal_event WHERE sequence >= {place}", (first,)).fetchall()
        source.commit()
        row = f"({', '.join([place] * len(rows[0]))})"
        values = [value for one in rows for value in one]
        begin = clock()
        if db.embedded:
            floor.execute(f"INSERT INTO journal_event VALUES {', '.join([row] * len(rows))}", values)
        else:  # the same by the faster road there: one statement, in a pipeline
            with floor.cursor() as cursor:
                cursor.executemany(f"INSERT INTO journal_event VALUES {row}", rows)
        floor.commit()
        least.append(clock() - begin)
    stored = "SELECT count(*) FROM journal_event"
    assert floor.execute(stored).fetchone() == source.execute(stored).fetchone() == (batches * BATCH_ROWS,)
    for one in (floor, source, db):
        one.close()
    yield _row(engine, floors.summary(spent), floors.summary(least))


def _row(engine: Engine, measured: floors.Timing, floor: floors.Timing) -> Row:
    ratio = measured.p50_s / floor.p50_s
    return Row(
        f"journal intake: payload → stored → acknowledgement; batches of {BATCH_ROWS}; {engine.name}",
        f"p50 {micro(measured.p50_s)}, {BATCH_ROWS / measured.p50_s:,.0f} events/s",
        f"one insert of the same rows {micro(floor.p50_s)}",
        ratio,
        f"≤ {RATIO_AIM:.0f}×",
        ratio <= RATIO_AIM,
    )


def _batch(first: int) -> JournalBatch:
    """What a gateway sends at a busy hour: somebody enters, goes through, one in ten is refused."""
    events = tuple(_event(number) for number in range(first, first + BATCH_ROWS))
    return JournalBatch(journal_id=JOURNAL, events=events, before=_event(first - 1) if first > 1 else None)


def _event(number: int) -> JournalEvent:
    kind = (EventKind.GRANTED, EventKind.PASSAGE)[number % 2] if number % 10 else EventKind.DENIED
    return JournalEvent(
        sequence=number,
        kind=kind,
        door=f"lane{number % 2 + 1}",
        reader=f"lane{number % 2 + 1}-reader",
        credential=f"k1.{number:064x}",
        member=f"m-{number % 5_000}",
        reason="dues_unpaid" if kind is EventKind.DENIED else None,
        at=EventTime(
            boot_id="5d1f6f2c-6f0a-4a5c-9a38-0c1c8b1f6f2c", boot_ns=number * 1_000_000_000, real_ms=NOW_MS + number,
            business_ms=NOW_MS + number, quality=TimeQuality.CERTAIN,
        ),
    )  # fmt: skip
