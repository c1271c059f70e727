"""Business time: live is the world's; a test one stands, runs or is advanced by a job that survives crashes."""

import pytest
from cloud.gym import Gym, open_gym
from portillon_cloud.clock import business_now_ms, read_clock
from portillon_cloud.clock.errors import (
    BackwardsClockError,
    ClockBusyError,
    LiveClockError,
    UnknownOrganisationError,
)
from portillon_cloud.clock.operations import Step, advance, organisations_being_advanced, set_rate, step
from portillon_cloud.clock.tables import clock_job, test_clock
from portillon_cloud.database import Database
from portillon_cloud.secrets import Keyring
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

T0 = 1_767_225_600_000  # where the ManualClock stands
DAY = 86_400_000


def now(gym: Gym, real_ms: int) -> int:
    with gym.db.read() as conn:
        return business_now_ms(conn, gym.organisation_id, real_ms)


def rev(gym: Gym) -> int:
    with gym.db.read() as conn:
        return read_clock(conn, gym.organisation_id, T0).clock_rev


def test_a_new_test_clock_runs_and_can_be_made_to_stand(gym: Gym) -> None:
    """Rate 1 goes with real time, rate 0 stands; each turn raises clock_rev."""
    assert now(gym, T0 + 500) == T0 + 500
    before = rev(gym)
    with gym.db.write() as conn:
        assert set_rate(conn, gym.organisation_id, rate=0, real_ms=T0 + 500).rate == 0
    assert now(gym, T0 + DAY) == T0 + 500
    with gym.db.write() as conn:
        set_rate(conn, gym.organisation_id, rate=1, real_ms=T0 + DAY)
    assert now(gym, T0 + DAY + 7) == T0 + 507
    assert rev(gym) == before + 2


def test_a_machine_clock_that_goes_back_takes_no_business_time_along(gym: Gym) -> None:
    """Business time never goes back by itself."""
    assert now(gym, T0 - DAY) == T0


def test_advancing_goes_through_every_due_instant(gym: Gym) -> None:
    """The clock stops where something is due, waits until that is done, and stands meanwhile."""
    with gym.db.write() as conn:
        advance(conn, gym.organisation_id, target_ms=T0 + 10 * DAY, real_ms=T0)

    def turn(next_due_ms: int | None, *, real_ms: int = T0) -> Step:
        with gym.db.write() as conn:
            return step(conn, gym.organisation_id, next_due_ms=next_due_ms, real_ms=real_ms)

    assert turn(T0 + 3 * DAY) is Step.TURNED
    assert now(gym, T0 + 99) == T0 + 3 * DAY
    revision = rev(gym)
    assert turn(T0 + 3 * DAY) is Step.WAITING
    assert rev(gym) == revision
    assert turn(T0 + 4 * DAY) is Step.TURNED
    assert rev(gym) == revision + 1
    assert turn(T0 + 60 * DAY) is Step.TURNED
    assert now(gym, T0) == T0 + 10 * DAY
    assert turn(T0 + 60 * DAY) is Step.DONE
    with gym.db.read() as conn:
        assert organisations_being_advanced(conn) == []
        assert conn.execute(select(clock_job.c.state)).scalar_one() == "done"
        assert read_clock(conn, gym.organisation_id, T0).rate == 1
    assert now(gym, T0 + 5) == T0 + 10 * DAY + 5


def test_a_clock_that_stood_stands_again_at_its_target(gym: Gym) -> None:
    """The rate from before is restored."""
    with gym.db.write() as conn:
        set_rate(conn, gym.organisation_id, rate=0, real_ms=T0)
        advance(conn, gym.organisation_id, target_ms=T0 + DAY, real_ms=T0)
    for expected in (Step.TURNED, Step.DONE):
        with gym.db.write() as conn:
            assert step(conn, gym.organisation_id, next_due_ms=None, real_ms=T0) is expected
    assert now(gym, T0 + 3 * DAY) == T0 + DAY


def test_one_advance_at_a_time_and_never_back(gym: Gym) -> None:
    """A second job, a turn in between, a target in the past: refused, and the first job is unharmed."""
    with pytest.raises(BackwardsClockError), gym.db.write() as conn:
        advance(conn, gym.organisation_id, target_ms=T0 - 1, real_ms=T0)
    with gym.db.write() as conn:
        advance(conn, gym.organisation_id, target_ms=T0 + DAY, real_ms=T0)
    with gym.db.write() as conn:
        with pytest.raises(ClockBusyError):
            advance(conn, gym.organisation_id, target_ms=T0 + 2 * DAY, real_ms=T0)
        with pytest.raises(ClockBusyError):
            set_rate(conn, gym.organisation_id, rate=1, real_ms=T0)
    with gym.db.read() as conn:
        assert organisations_being_advanced(conn) == [gym.organisation_id]


def test_a_live_clock_is_refused_by_code_and_by_the_database(db: Database, keyring: Keyring, clock: object) -> None:
    """Two independent defences: with the code out of the way the foreign key still says no."""
    live = open_gym(db, keyring, clock, mode="live")  # type: ignore[arg-type]
    assert now(live, T0 + 12345) == T0 + 12345
    for refused in (
        lambda conn: set_rate(conn, live.organisation_id, rate=0, real_ms=T0),
        lambda conn: advance(conn, live.organisation_id, target_ms=T0 + DAY, real_ms=T0),
    ):
        with pytest.raises(LiveClockError), db.write() as conn:
            refused(conn)
    row = {"organisation_id": live.organisation_id, "business_ms": 0, "set_at_real_ms": 0, "rate": 0, "clock_rev": 9}
    job = {"organisation_id": live.organisation_id, "target_ms": 0, "rate_after": 0, "state": "running", "steps": 0}
    for table, values in ((test_clock, row), (clock_job, job)):
        for mode in ("test", "live"):
            with pytest.raises(IntegrityError), db.write() as conn:
                conn.execute(insert(table).values(**values, mode=mode))


def test_nobodys_clock(gym: Gym) -> None:
    """An organisation that does not exist has no time."""
    with pytest.raises(UnknownOrganisationError, match="99"), gym.db.read() as conn:
        business_now_ms(conn, 99, T0)
