"""Turn a test organisation's clock: set its rate, or advance it by a job that survives any crash."""

from enum import StrEnum

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from portillon_cloud.clock.errors import BackwardsClockError, ClockBusyError, LiveClockError
from portillon_cloud.clock.reading import ClockReading, read_clock
from portillon_cloud.clock.tables import clock_job, test_clock
from portillon_cloud.database import wake_after_commit


def start_test_clock(conn: Connection, organisation_id: int, *, business_ms: int, real_ms: int) -> None:
    """Give a new test organisation its clock, running; raises LiveClockError for a live one."""
    _require_test(read_clock(conn, organisation_id, real_ms), organisation_id)
    conn.execute(
        insert(test_clock).values(
            organisation_id=organisation_id,
            mode="test",
            business_ms=business_ms,
            set_at_real_ms=real_ms,
            rate=1,
            clock_rev=1,
        )
    )


def set_rate(conn: Connection, organisation_id: int, *, rate: int, real_ms: int) -> ClockReading:
    """Let the clock stand (0) or run (1) from now on; raises LiveClockError, ClockBusyError."""
    now = read_clock(conn, organisation_id, real_ms)
    _require_test(now, organisation_id)
    if running_job(conn, organisation_id) is not None:
        raise ClockBusyError(f"the clock of organisation {organisation_id} is being advanced; wait until that is done")
    turn(conn, organisation_id, business_ms=now.business_ms, rate=rate, real_ms=real_ms)
    return read_clock(conn, organisation_id, real_ms)


def advance(conn: Connection, organisation_id: int, *, target_ms: int, real_ms: int) -> int:
    """Start the job that takes business time to `target_ms` through every due instant between; the job's id.

    Raises LiveClockError, BackwardsClockError, ClockBusyError. The worker does the steps; the clock stands meanwhile.
    """
    now = read_clock(conn, organisation_id, real_ms)
    _require_test(now, organisation_id)
    if target_ms < now.business_ms:
        raise BackwardsClockError(
            f"organisation {organisation_id} is already at {now.business_ms} ms; {target_ms} ms lies before it"
        )
    try:
        with conn.begin_nested():
            job_id: int = conn.execute(
                insert(clock_job)
                .values(
                    organisation_id=organisation_id,
                    mode="test",
                    target_ms=target_ms,
                    rate_after=now.rate,
                    state="running",
                    steps=0,
                )
                .returning(clock_job.c.id)
            ).scalar_one()
    except IntegrityError as error:
        raise ClockBusyError(
            f"the clock of organisation {organisation_id} is being advanced already; wait until that is done"
        ) from error
    turn(conn, organisation_id, business_ms=now.business_ms, rate=0, real_ms=real_ms)
    wake_after_commit(conn)
    return job_id


def hold_job(conn: Connection, organisation_id: int) -> bool:
    """Hold the running advance job until the transaction ends; False: there is none, another worker has ended it.

    Whoever looks for the next due instant without it could turn the clock back to one that another worker has passed.
    """
    job = select(clock_job.c.id).where(clock_job.c.organisation_id == organisation_id, clock_job.c.state == "running")
    return conn.execute(job.with_for_update()).one_or_none() is not None


class Step(StrEnum):
    """What one step of an advance job did."""

    WAITING = "waiting"  # something that is due is not done yet
    TURNED = "turned"
    DONE = "done"


def step(
    conn: Connection, organisation_id: int, *, next_due_ms: int | None, real_ms: int, trouble: str | None = None
) -> Step:
    """Take the running advance job one step on: to the next due instant, or, with nothing due before it, to its target.

    The caller holds the job (`hold_job`), and since then knows `next_due_ms`, the earliest instant of anything not
    done, and `trouble`: why it is not, which the job shows.
    The job's row is its memory: after a crash just step on.
    """
    job = conn.execute(
        select(clock_job).where(clock_job.c.organisation_id == organisation_id, clock_job.c.state == "running")
    ).one()
    now_ms = read_clock(conn, organisation_id, real_ms).business_ms
    if job.error != trouble:
        conn.execute(update(clock_job).where(clock_job.c.id == job.id).values(error=trouble))
    if next_due_ms is not None and next_due_ms <= now_ms:
        return Step.WAITING
    if now_ms >= job.target_ms:
        conn.execute(update(clock_job).where(clock_job.c.id == job.id).values(state="done"))
        if job.rate_after != 0:
            turn(conn, organisation_id, business_ms=now_ms, rate=job.rate_after, real_ms=real_ms)
        return Step.DONE
    to_ms = job.target_ms if next_due_ms is None else min(next_due_ms, job.target_ms)
    turn(conn, organisation_id, business_ms=to_ms, rate=0, real_ms=real_ms)
    conn.execute(update(clock_job).where(clock_job.c.id == job.id).values(steps=job.steps + 1))
    return Step.TURNED


def organisations_being_advanced(conn: Connection) -> list[int]:
    """Every organisation with an advance job under way."""
    return list(conn.execute(select(clock_job.c.organisation_id).where(clock_job.c.state == "running")).scalars())


def turn(conn: Connection, organisation_id: int, *, business_ms: int, rate: int, real_ms: int) -> None:
    """Set the clock and raise clock_rev, which tells every test gateway to adopt it."""
    conn.execute(
        update(test_clock)
        .where(test_clock.c.organisation_id == organisation_id)
        .values(business_ms=business_ms, set_at_real_ms=real_ms, rate=rate, clock_rev=test_clock.c.clock_rev + 1)
    )
    wake_after_commit(conn)


def running_job(conn: Connection, organisation_id: int) -> int | None:
    """The id of the advance job under way; None: the clock is at rest."""
    found: int | None = conn.execute(
        select(clock_job.c.id).where(clock_job.c.organisation_id == organisation_id, clock_job.c.state == "running")
    ).scalar_one_or_none()
    return found


def _require_test(reading: ClockReading, organisation_id: int) -> None:
    if reading.mode != "test":
        raise LiveClockError(
            f"organisation {organisation_id} is live, so its time is the world's; turn the clock of a test organisation"
        )
