"""Timers on both engines: once per purpose, claimed by business time, fenced, retried within bounds."""

import pytest
from cloud.gym import Gym, open_gym
from portillon_cloud.clock.operations import set_rate
from portillon_cloud.database import Database
from portillon_cloud.secrets import Keyring
from portillon_cloud.timers import Timer, cancel, claim, fail, finish, hold, schedule
from portillon_cloud.timers.errors import TimerLostError
from portillon_cloud.timers.operations import (
    ATTEMPTS_MAX,
    LEASE_MS,
    NextDue,
    next_due,
    organisations_with_due_timers,
    settle,
)
from portillon_cloud.timers.tables import timer
from sqlalchemy import Engine, event, select

NOW = 1_800_000_000_000  # business time, far from the real time below: they must not be mixed up
REAL = 1_767_225_600_000


def plan(gym: Gym, key: str, *, due_at_ms: int = NOW) -> None:
    with gym.db.write() as conn:
        schedule(conn, organisation_id=gym.organisation_id, kind="k", subject_id=7, due_at_ms=due_at_ms, key=key)


def take(gym: Gym, *, now_ms: int = NOW, real_ms: int = REAL, worker: str = "w1", limit: int = 200) -> list[Timer]:
    with gym.db.write() as conn:
        return claim(
            conn, organisation_id=gym.organisation_id, now_ms=now_ms, real_ms=real_ms, worker=worker, limit=limit
        )


def states(gym: Gym) -> dict[str, str]:
    with gym.db.read() as conn:
        return {row.key: row.state for row in conn.execute(select(timer.c.key, timer.c.state))}


def test_a_purpose_is_scheduled_once_for_ever(gym: Gym) -> None:
    """The second call changes nothing, also after the timer is done."""
    plan(gym, "dunning:inv-17:step-2")
    plan(gym, "dunning:inv-17:step-2", due_at_ms=NOW + 5)
    [claimed] = take(gym)
    assert (claimed.due_at_ms, claimed.subject_id, claimed.attempt) == (NOW, 7, 1)
    with gym.db.write() as conn:
        finish(conn, claimed)
    plan(gym, "dunning:inv-17:step-2")
    assert take(gym) == []
    assert states(gym) == {"dunning:inv-17:step-2": "done"}


def test_claims_come_in_the_order_of_their_due_instants(gym: Gym) -> None:
    """Earliest first, never one that is not due, never more than asked."""
    for key, due in (("c", NOW), ("a", NOW - 2), ("b", NOW - 1), ("later", NOW + 1)):
        plan(gym, key, due_at_ms=due)
    assert [claimed.key for claimed in take(gym, limit=2)] == ["a", "b"]
    assert [claimed.key for claimed in take(gym)] == ["c"]
    assert take(gym) == []


def test_a_dead_workers_timer_is_taken_over_and_its_late_effect_refused(gym: Gym) -> None:
    """The fence: the first worker's transaction fails whole, the second's holds."""
    plan(gym, "a")
    [first] = take(gym)
    assert take(gym, real_ms=REAL + LEASE_MS, worker="w2") == []
    [second] = take(gym, real_ms=REAL + LEASE_MS + 1, worker="w2")
    assert second.attempt == 2
    with pytest.raises(TimerLostError), gym.db.write() as conn:
        plan_in = dict(organisation_id=gym.organisation_id, kind="effect", subject_id=1, due_at_ms=NOW, key="effect")
        schedule(conn, **plan_in)  # type: ignore[arg-type]
        finish(conn, first)
    with pytest.raises(TimerLostError), gym.db.write() as conn:
        hold(conn, first, real_ms=REAL)
    with gym.db.write() as conn:
        finish(conn, second)
    assert states(gym) == {"a": "done"}


def test_long_work_keeps_its_claim(gym: Gym) -> None:
    """Each transaction of a long run prolongs the lease, so nobody takes it over."""
    plan(gym, "a")
    [claimed] = take(gym)
    with gym.db.write() as conn:
        hold(conn, claimed, real_ms=REAL + LEASE_MS)
    assert take(gym, real_ms=REAL + 2 * LEASE_MS, worker="w2") == []


def test_settle_accepts_a_handler_that_finished_itself(gym: Gym) -> None:
    """The worker's last word after the handler: done is done, and a lost claim is an error."""
    plan(gym, "a")
    [claimed] = take(gym)
    with gym.db.write() as conn:
        finish(conn, claimed)
    settle(gym.db, claimed)
    plan(gym, "b")
    [lost] = take(gym)
    [_] = take(gym, real_ms=REAL + LEASE_MS + 1, worker="w2")
    with pytest.raises(TimerLostError):
        settle(gym.db, lost)


def test_a_failing_timer_rests_longer_each_time_and_is_given_up(gym: Gym) -> None:
    """Retries are by machine time, so that they also come while a test clock stands; and they end."""
    plan(gym, "a")
    real_ms, rests = REAL, []
    for attempt in range(1, ATTEMPTS_MAX + 1):
        [claimed] = take(gym, real_ms=real_ms)
        assert claimed.attempt == attempt
        with gym.db.write() as conn:
            given_up = fail(conn, claimed, real_ms=real_ms, error="provider down")
        assert given_up == (attempt == ATTEMPTS_MAX)
        if not given_up:
            assert take(gym, real_ms=real_ms) == []
            with gym.db.read() as conn:
                retry_ms = conn.execute(select(timer.c.retry_at_real_ms)).scalar_one()
            rests.append(retry_ms - real_ms)
            real_ms = retry_ms
    assert rests == sorted(rests) and rests[0] == 1_000
    assert states(gym) == {"a": "failed"}
    assert take(gym, real_ms=real_ms + 10**9) == []


def test_cancelling_is_possible_until_somebody_begins(gym: Gym) -> None:
    """A cancelled purpose can be scheduled anew; a running one cannot be taken away."""
    plan(gym, "a")
    with gym.db.write() as conn:
        assert cancel(conn, organisation_id=gym.organisation_id, key="a")
        assert not cancel(conn, organisation_id=gym.organisation_id, key="a")
    plan(gym, "a")
    take(gym)
    with gym.db.write() as conn:
        assert not cancel(conn, organisation_id=gym.organisation_id, key="a")


def test_live_claims_never_see_test_rows(db: Database, keyring: Keyring, clock: object) -> None:
    """A test clock years ahead rings only its own organisation's timers."""
    live = open_gym(db, keyring, clock, mode="live")  # type: ignore[arg-type]
    test = open_gym(db, keyring, clock, mode="test")  # type: ignore[arg-type]
    plan(live, "x", due_at_ms=REAL + 1000)
    plan(test, "x", due_at_ms=REAL + 1000)
    with db.write() as conn:
        set_rate(conn, test.organisation_id, rate=0, real_ms=REAL)
    with db.read() as conn:
        assert organisations_with_due_timers(conn, REAL) == []
        assert organisations_with_due_timers(conn, REAL + 1000) == [live.organisation_id]
        assert next_due(conn, organisation_id=test.organisation_id) == NextDue(REAL + 1000, None)
    assert [claimed.organisation_id for claimed in take(live, now_ms=REAL + 1000)] == [live.organisation_id]
    assert states(live).keys() - {"nightly_audit:2026-01-01"} == {"x"}


def test_a_dead_workers_organisation_is_found_again(gym: Gym) -> None:
    """A claim whose lease ran out is work, although nothing is ready."""
    plan(gym, "a", due_at_ms=REAL)
    take(gym, now_ms=REAL)
    with gym.db.read() as conn:
        assert organisations_with_due_timers(conn, REAL + LEASE_MS) == []
        assert organisations_with_due_timers(conn, REAL + LEASE_MS + 1) == [gym.organisation_id]


def test_two_workers_share_out_the_timers(gym: Gym) -> None:
    """Nothing is claimed twice and nothing is left."""
    for count in range(30):
        plan(gym, f"t{count}")
    claimed = [one.key for worker in ("w1", "w2", "w1") for one in take(gym, worker=worker, limit=10)]
    assert len(claimed) == len(set(claimed)) == 30


def test_claims_use_the_partial_indexes(sqlite_gym: Gym) -> None:
    """With fifty thousand timers waiting, what the worker asks every round must not read them all."""
    asked: list[tuple[str, object]] = []

    def note(_conn: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        if "FROM timer" in statement or "UPDATE timer" in statement:
            asked.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        take(sqlite_gym)
        with sqlite_gym.db.read() as conn:
            organisations_with_due_timers(conn, REAL)
            next_due(conn, organisation_id=sqlite_gym.organisation_id)
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert len(asked) == 4
    with sqlite_gym.db.read() as conn:
        for statement, parameters in asked:
            plan = [row.detail for row in conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]  # type: ignore[arg-type]
            steps = [step for step in plan if "timer" in step]
            assert steps and not [step for step in steps if "SCAN" in step], plan
