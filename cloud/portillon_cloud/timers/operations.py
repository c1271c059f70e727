"""Schedule, claim, finish. Due instants are business time; leases and retries are machine time."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    literal_column,
    or_,
    select,
    table,
    update,
)
from sqlalchemy import column as column_of

from portillon_cloud.clock.tables import test_clock
from portillon_cloud.database import Database, wake_after_commit
from portillon_cloud.database.rows import insert_missing
from portillon_cloud.timers.errors import TimerLostError
from portillon_cloud.timers.tables import timer
from portillon_cloud.timers.timer import NewTimer, Timer

# As words of the query: with a bound value the engines could not tell that a partial index applies.
_READY: ColumnElement[str] = literal_column("'ready'")
_RUNNING: ColumnElement[str] = literal_column("'running'")
_organisation = table("organisation", column_of("id"))

# Built once, not for each of a night's timers: of such a small statement most of the time is its building.
_HELD_BY = and_(
    timer.c.id == bindparam("held_id"),
    timer.c.state == _RUNNING,
    timer.c.worker == bindparam("held_by"),
    timer.c.attempts == bindparam("held_attempt"),
)
_NOBODY: dict[str, None] = {"worker": None, "lease_until_real_ms": None}
_FINISH = update(timer).where(_HELD_BY).values(**_NOBODY, state="done")
_CONCLUDE = (
    update(timer).where(timer.c.id == bindparam("held_id"), timer.c.state == _RUNNING).values(**_NOBODY, state="done")
)
_HOLD = update(timer).where(_HELD_BY).values(lease_until_real_ms=bindparam("until_real_ms"))
_IS_DONE = select(timer.c.id).where(
    timer.c.id == bindparam("held_id"), timer.c.state == "done", timer.c.attempts == bindparam("held_attempt")
)

LEASE_MS = 60_000
ATTEMPTS_MAX = 10
RETRY_FIRST_MS = 1_000
RETRY_LONGEST_MS = 3_600_000
CLAIM_MAX = 200


def schedule(conn: Connection, *, organisation_id: int, kind: str, subject_id: int, due_at_ms: int, key: str) -> None:
    """Schedule one timer; does nothing if `key` was ever scheduled in this organisation."""
    schedule_many(
        conn,
        [NewTimer(organisation_id=organisation_id, kind=kind, subject_id=subject_id, due_at_ms=due_at_ms, key=key)],
    )


def schedule_many(conn: Connection, timers: Sequence[NewTimer]) -> None:
    """Schedule many at once; those whose key was ever scheduled are left as they are."""
    if not timers:
        return
    insert_missing(
        conn,
        timer,
        ("organisation_id", "kind", "subject_id", "due_at_ms", "key", "retry_at_real_ms", "state", "attempts"),
        [(new.organisation_id, new.kind, new.subject_id, new.due_at_ms, new.key, 0, "ready", 0) for new in timers],
        unique=("organisation_id", "key"),
    )
    wake_after_commit(conn)


def cancel(conn: Connection, *, organisation_id: int, key: str) -> bool:
    """Remove a timer that nobody has begun; True if there was one. Its key can be scheduled again."""
    gone = conn.execute(
        delete(timer).where(timer.c.organisation_id == organisation_id, timer.c.key == key, timer.c.state == _READY)
    )
    return gone.rowcount == 1


def claim(
    conn: Connection,
    *,
    organisation_id: int,
    now_ms: int,
    real_ms: int,
    worker: str,
    limit: int = CLAIM_MAX,
    lease_ms: int = LEASE_MS,
) -> list[Timer]:
    """Take up to `limit` due timers of one organisation, earliest first; else those whose lease ran out."""
    column = timer.c
    ready = and_(
        column.organisation_id == organisation_id,
        column.state == _READY,
        column.due_at_ms <= now_ms,
        column.retry_at_real_ms <= real_ms,
    )
    abandoned = and_(
        column.organisation_id == organisation_id, column.state == _RUNNING, column.lease_until_real_ms < real_ms
    )
    # Two queries, not one OR: each uses its own partial index (with 50,000 ready timers an OR is ten times slower).
    for condition in (ready, abandoned):
        chosen = select(column.id).where(condition).order_by(column.due_at_ms, column.id).limit(limit)
        rows = conn.execute(
            update(timer)
            .where(column.id.in_(chosen.with_for_update(skip_locked=True)))
            .values(
                state="running", worker=worker, lease_until_real_ms=real_ms + lease_ms, attempts=column.attempts + 1
            )
            .returning(*timer.c)
        ).all()
        if rows:
            return sorted(
                (
                    Timer(
                        id=row.id,
                        organisation_id=row.organisation_id,
                        kind=row.kind,
                        subject_id=row.subject_id,
                        key=row.key,
                        due_at_ms=row.due_at_ms,
                        worker=worker,
                        attempt=row.attempts,
                    )
                    for row in rows
                ),
                key=lambda claimed: (claimed.due_at_ms, claimed.id),
            )
    return []


def finish(conn: Connection, claimed: Timer) -> None:
    """Mark `claimed` done in the transaction of its effect; raises TimerLostError if another worker took it over."""
    if conn.execute(_FINISH, _held_by(claimed)).rowcount != 1:
        raise TimerLostError(f"timer {claimed.key} was taken over by another worker; its effect is rolled back here")


def conclude(conn: Connection, claimed: Timer) -> None:
    """Mark `claimed` done whoever has it by now: its effect cannot be taken back, and nobody is to have it twice.

    Who took it over finds out by `hold`, before it has done anything.
    """
    conn.execute(_CONCLUDE, {"held_id": claimed.id})


def hold(conn: Connection, claimed: Timer, *, real_ms: int) -> None:
    """Prolong the claim inside each transaction of long work; raises TimerLostError if another worker took it over."""
    held = conn.execute(_HOLD, {**_held_by(claimed), "until_real_ms": real_ms + LEASE_MS})
    if held.rowcount != 1:
        raise TimerLostError(f"timer {claimed.key} was taken over by another worker; its effect is rolled back here")


def settle(db: Database, claimed: Timer) -> None:
    """After the handler: mark `claimed` done unless it did so; raises TimerLostError if another worker has it."""
    with db.read() as conn:
        done = conn.execute(_IS_DONE, {"held_id": claimed.id, "held_attempt": claimed.attempt}).one_or_none()
    if done is None:
        with db.write() as conn:
            finish(conn, claimed)


def fail(conn: Connection, claimed: Timer, *, real_ms: int, error: str) -> bool:
    """Put `claimed` back for a later try, or give it up after ATTEMPTS_MAX; True if it was given up."""
    given_up = claimed.attempt >= ATTEMPTS_MAX
    rest_ms = min(RETRY_FIRST_MS << (claimed.attempt - 1), RETRY_LONGEST_MS)
    failed = {
        "state": "failed" if given_up else "ready",
        "error": error[:2000],
        "retry_at_real_ms": real_ms + rest_ms,
    }
    conn.execute(update(timer).where(_HELD_BY).values(**_NOBODY, **failed), _held_by(claimed))
    return given_up


def _held_by(claimed: Timer) -> dict[str, int | str]:
    return {"held_id": claimed.id, "held_by": claimed.worker, "held_attempt": claimed.attempt}


@dataclass(frozen=True, slots=True)
class NextDue:
    """The earliest timer that is not done: when, and what went wrong with it so far (None: nothing)."""

    due_at_ms: int
    trouble: str | None


def next_due(conn: Connection, *, organisation_id: int) -> NextDue | None:
    """The earliest timer of the organisation that waits or is being worked on; None if there is none."""
    column = timer.c
    row = conn.execute(
        select(column.due_at_ms, column.key, column.error)
        .where(column.organisation_id == organisation_id, or_(column.state == _READY, column.state == _RUNNING))
        .order_by(column.due_at_ms)
        .limit(1)
    ).one_or_none()
    if row is None:
        return None
    return NextDue(row.due_at_ms, None if row.error is None else f"{row.key}: {row.error}")


def is_waiting(conn: Connection, *, organisation_id: int, kind: str, subject_id: int, due_at_ms: int) -> bool:
    """True if a timer of this kind and subject that nobody has begun is due at exactly this instant."""
    column = timer.c
    found = conn.execute(
        select(column.id)
        .where(
            column.organisation_id == organisation_id,
            column.state == _READY,
            column.due_at_ms == due_at_ms,
            column.kind == kind,
            column.subject_id == subject_id,
        )
        .limit(1)
    )
    return found.one_or_none() is not None


def organisations_with_due_timers(conn: Connection, real_ms: int) -> list[int]:
    """Every organisation with something to do now: each is asked by its own clock, so live and test never mix."""
    column, clock = timer.c, test_clock.c
    elapsed_ms = case((clock.set_at_real_ms < real_ms, real_ms - clock.set_at_real_ms), else_=0)
    now_ms = func.coalesce(clock.business_ms + clock.rate * elapsed_ms, real_ms)
    ready = exists().where(
        column.organisation_id == _organisation.c.id,
        column.state == _READY,
        column.due_at_ms <= now_ms,
        column.retry_at_real_ms <= real_ms,
    )
    abandoned = exists().where(
        column.organisation_id == _organisation.c.id,
        column.state == _RUNNING,
        column.lease_until_real_ms < real_ms,
    )
    found = conn.execute(
        select(_organisation.c.id)
        .select_from(_organisation.outerjoin(test_clock, clock.organisation_id == _organisation.c.id))
        .where(or_(ready, abandoned))
        .order_by(_organisation.c.id)
    )
    return list(found.scalars())
