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
        _give_cards(conn, gym.organisation_id, members)
        _send_off(conn, gym.organisation_id, gym.legal_entity_id)
    gym.db.close()
    services = compose(Settings(data_dir=folder / f"year-{engine.name}", database_url=url), clock=StoppedClock())
    with _counted(services.db) as counted:
        begin_s = time.perf_counter()
        _live_through(services, gym.organisation_id)
        spent_s = time.perf_counter() - begin_s
    with services.db.read() as conn:
        invoices, paid = (conn.scalar(text(f"SELECT count(*) FROM {name}")) for name in ("invoice", "payment"))
    services.close()
    assert invoices == paid, "all cards work"
    floor_s = _floor_s(engine.create("year_floor"), made := counted["transactions"])
    yield Row(
        f"a year on the test clock, {members:,} members: {invoices:,} invoices, each charged; {engine.name}",
        f"{spent_s:.1f} s, {spent_s / invoices * 1e3:.1f} ms an invoice",
        f"{made:,} flushed transactions of one row {floor_s:.1f} s",
        spent_s / floor_s,
        f"≤ {RATIO_AIM:.0f}×",
        spent_s / floor_s <= RATIO_AIM,
    )


def _give_cards(conn: Connection, organisation_id: int, members: int) -> None:
    numbers = range(1, members + 1)
    insert_many(
        conn, sim_card, ("token", "organisation_id", "behaviour"),
        [(f"card-{n}", organisation_id, CardBehaviour.OK.value) for n in numbers],
    )  # fmt: skip
    insert_many(
        conn, payment_method,
        ("id", "organisation_id", "mode", "account_id", "provider", "token", "label", "state", "added_at_ms"),
        [
            (n, organisation_id, "test", n, SIMULATOR, f"card-{n}", "•••• 4242", MethodState.ACTIVE.value, NOW_MS)
            for n in numbers
        ],
    )  # fmt: skip


def _send_off(conn: Connection, organisation_id: int, legal_entity_id: int) -> None:
    zone = "America/Toronto"
    plan_invoice_run(
        conn, organisation_id=organisation_id, legal_entity_id=legal_entity_id, due_on=DUE_ON, time_zone=zone,
        because="bench",
    )  # fmt: skip
    plan_recognition(
        conn, organisation_id=organisation_id, legal_entity_id=legal_entity_id, month=DUE_ON, time_zone=zone
    )
    set_rate(conn, organisation_id, rate=0, real_ms=NOW_MS)
    advance(conn, organisation_id, target_ms=NOW_MS + DAYS * DAY_MS, real_ms=NOW_MS)


def _live_through(services: Services, organisation_id: int) -> None:
    worker = services.worker()
    with Progress(transient=True) as bar:
        task = bar.add_task("a year on the test clock", total=DAYS * DAY_MS)
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
def _counted(db: Database) -> Iterator[Counter[str]]:
    """How many write transactions are made."""
    made, write = Counter[str](), db.write

    @contextmanager
    def counted() -> Iterator[Connection]:
        made["transactions"] += 1
        with write() as conn:
            yield conn

    db.write = counted  # type: ignore[method-assign]
    yield made


def _floor_s(url: str, transactions: int) -> float:
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
