"""A year on the test clock, as its owner has it go by in one call: invoices, charges, revenue, each at its own instant.

The floor is what of it is the disk's: as many transactions of one small row each, every one flushed. All cards work.
"""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from bench.cloud_gym import DUE_ON, NOW_MS, Engine, StoppedClock, build, raw_connection
from bench.report import Row
from portillon_cloud.billing.planning import plan_invoice_run, plan_recognition
from portillon_cloud.clock.operations import advance, running_job, set_rate
from portillon_cloud.commands.serving import collect_seldom
from portillon_cloud.database import Database
from portillon_cloud.database.rows import insert_many
from portillon_cloud.main import Services, compose
from portillon_cloud.payments.provider import CardBehaviour
from portillon_cloud.payments.simulator_tables import sim_card
from portillon_cloud.payments.tables import SIMULATOR, MethodState, payment_method
from portillon_cloud.settings import Settings
from rich.progress import Progress
from sqlalchemy import Connection, text

DAY_MS = 24 * 3_600_000
DAYS = 365
RATIO_AIM = 5.0


def benchmarks(engine: Engine, folder: Any, members: int) -> Iterator[Row]:
    """One row: the year of `members`."""
    collect_seldom()
    url = engine.create("year")
    gym = build(url, members)
    with gym.db.write() as conn:
        give_cards(conn, gym.organisation_id, members)
        plan(conn, gym.organisation_id, gym.legal_entity_id)
        advance(conn, gym.organisation_id, target_ms=NOW_MS + DAYS * DAY_MS, real_ms=NOW_MS)
    gym.db.close()
    services = compose(Settings(data_dir=folder / f"year-{engine.name}", database_url=url), clock=StoppedClock())
    with counted(services.db) as made:
        begin_s = time.perf_counter()
        live_through(services, gym.organisation_id)
        spent_s = time.perf_counter() - begin_s
    with services.db.read() as conn:
        invoices, paid = (conn.scalar(text(f"SELECT count(*) FROM {name}")) for name in ("invoice", "payment"))
    services.close()
    assert invoices == paid, "all cards work"
    bare_s = floor_s(engine.create("year_floor"), made["transactions"])
    yield Row(
        f"a year on the test clock, {members:,} members: {invoices:,} invoices, each charged; {engine.name}",
        f"{spent_s:.1f} s, {spent_s / invoices * 1e3:.1f} ms an invoice",
        f"{made['transactions']:,} flushed transactions of one row {bare_s:.1f} s",
        spent_s / bare_s,
        f"≤ {RATIO_AIM:.0f}×",
        spent_s / bare_s <= RATIO_AIM,
    )


def give_cards(
    conn: Connection, organisation_id: int, members: int, behaviour: CardBehaviour = CardBehaviour.OK
) -> None:
    """A card to every member, all of one behaviour."""
    numbers = range(1, members + 1)
    insert_many(
        conn, sim_card, ("token", "organisation_id", "behaviour"),
        [(f"card-{n}", organisation_id, behaviour.value) for n in numbers],
    )  # fmt: skip
    insert_many(
        conn, payment_method,
        ("id", "organisation_id", "mode", "account_id", "provider", "token", "label", "state", "added_at_ms"),
        [
            (n, organisation_id, "test", n, SIMULATOR, f"card-{n}", "•••• 4242", MethodState.ACTIVE.value, NOW_MS)
            for n in numbers
        ],
    )  # fmt: skip


def plan(conn: Connection, organisation_id: int, legal_entity_id: int) -> None:
    """Plan the first invoice run, and let the test clock stand."""
    zone = "America/Toronto"
    plan_invoice_run(
        conn, organisation_id=organisation_id, legal_entity_id=legal_entity_id, due_on=DUE_ON, time_zone=zone,
        because="bench",
    )  # fmt: skip
    plan_recognition(
        conn, organisation_id=organisation_id, legal_entity_id=legal_entity_id, month=DUE_ON, time_zone=zone
    )
    set_rate(conn, organisation_id, rate=0, real_ms=NOW_MS)


def live_through(services: Services, organisation_id: int) -> None:
    """Work until the clock is where it was sent."""
    worker = services.worker()
    with services.db.read() as conn:
        sent_ms = conn.scalar(text("SELECT target_ms FROM clock_job WHERE state = 'running'"))
    with Progress(transient=True) as bar:
        task = bar.add_task("the test clock", total=sent_ms - NOW_MS)
        for turn in count():
            busy = worker.round()
            if turn % 20 and busy:
                continue
            with services.db.read() as conn:
                now_ms = conn.scalar(text("SELECT business_ms FROM test_clock"))
                over = running_job(conn, organisation_id) is None
            bar.update(task, completed=now_ms - NOW_MS)
            if over:
                return


@contextmanager
def counted(db: Database) -> Iterator[Counter[str]]:
    """How many write transactions are made."""
    made, write = Counter[str](), db.write

    @contextmanager
    def writing() -> Iterator[Connection]:
        made["transactions"] += 1
        with write() as conn:
            yield conn

    db.write = writing  # type: ignore[method-assign]
    yield made


def floor_s(url: str, transactions: int) -> float:
    """How long as many transactions of one small row take, each of them flushed."""
    connection = raw_connection(url)
    connection.execute("CREATE TABLE bare (number INTEGER)")
    connection.commit()
    begin_s = time.perf_counter()
    for number in range(transactions):
        connection.execute("BEGIN" if url.startswith("sqlite") else "SELECT 1")
        connection.execute(f"INSERT INTO bare VALUES ({number})")
        connection.commit()
    spent_s = time.perf_counter() - begin_s
    connection.close()
    return spent_s
