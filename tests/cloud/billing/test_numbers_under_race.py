"""Several processes' worth of invoice runs at once on PostgreSQL: no gap, no double, every period once."""

import threading
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from cloud.gym import Gym, open_gym
from portillon_cloud.billing.errors import RunConflictError
from portillon_cloud.billing.operations import run_invoices
from portillon_cloud.billing.tables import invoice, invoice_line
from portillon_cloud.clock.local import start_of_day_ms
from portillon_cloud.database import Database
from portillon_cloud.secrets import Keyring
from sqlalchemy import func, select

pytestmark = pytest.mark.postgres
START = date(2026, 1, 31)


@pytest.fixture
def postgres_gym(postgres_cluster: Any, keyring: Keyring, clock: Any) -> Iterator[Gym]:
    url = postgres_cluster.fresh()
    database = Database(url)
    yield open_gym(database, keyring, clock)
    database.close()
    postgres_cluster.drop(url)


def test_four_runs_at_once_bill_everybody_once(postgres_gym: Gym) -> None:
    """All believe they hold the run: whoever is second finds the rows taken, or fails and changes nothing."""
    members = 60
    for number in range(members):
        postgres_gym.join(f"M{number} X", starts_on=START)
    start = threading.Barrier(4)
    refused: list[RunConflictError] = []

    def run() -> None:
        start.wait()
        for _ in range(50):
            try:
                run_invoices(
                    postgres_gym.db,
                    postgres_gym.legal_entity_id,
                    on=START,
                    now_ms=start_of_day_ms(START, "America/Toronto"),
                    batch=7,
                )
            except RunConflictError as error:
                refused.append(error)
            else:
                return

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with postgres_gym.db.read() as conn:
        numbers = conn.execute(select(invoice.c.number).order_by(invoice.c.number)).scalars().all()
        billed = conn.execute(select(func.count(func.distinct(invoice_line.c.subscription_id)))).scalar_one()
    assert numbers == list(range(1, members + 1))
    assert billed == members
