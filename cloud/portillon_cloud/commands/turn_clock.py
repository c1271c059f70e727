"""Advance a test organisation's clock and wait until everything due on the way is done."""

import time
from collections.abc import Callable

from sqlalchemy import select

from portillon_cloud.clock import read_clock
from portillon_cloud.clock.operations import advance
from portillon_cloud.clock.tables import clock_job
from portillon_cloud.main import Services

POLL_S = 0.2

Told = Callable[[int], None]
"""Told the business time reached, in milliseconds."""


def advance_and_wait(services: Services, organisation_id: int, *, target_ms: int, told: Told) -> None:
    """Start the job and see it through: this process does the work on SQLite, the workers do it on PostgreSQL.

    Raises LiveClockError, BackwardsClockError, ClockBusyError. Interrupted, the job goes on with the next worker.
    """
    with services.db.write() as conn:
        job_id = advance(conn, organisation_id, target_ms=target_ms, real_ms=services.clock.real_ms())
    worker = services.worker() if services.db.embedded else None
    while True:
        with services.db.read() as conn:
            state = conn.execute(select(clock_job.c.state).where(clock_job.c.id == job_id)).scalar_one()
            told(read_clock(conn, organisation_id, services.clock.real_ms()).business_ms)
        if state != "running":
            return
        if worker is None or not worker.round():
            time.sleep(POLL_S)
