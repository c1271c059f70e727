"""The worker on both engines: one round after another, whatever fails, and a test clock advanced to the end."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest
from cloud.gym import Gym
from portillon_cloud.clock import business_now_ms, read_clock
from portillon_cloud.clock.local import start_of_day_ms
from portillon_cloud.clock.operations import advance, set_rate
from portillon_cloud.clock.tables import clock_job
from portillon_cloud.ledger import LedgerCode, trial_balance
from portillon_cloud.main import handlers
from portillon_cloud.payments.simulator import PaymentSimulator
from portillon_cloud.timers import Handler, Timer, Work, finish, schedule
from portillon_cloud.timers.operations import ATTEMPTS_MAX
from portillon_cloud.timers.tables import timer
from portillon_cloud.worker import CLAIM, Worker
from sqlalchemy import select


def worker(gym: Gym, handler: Handler | None = None, **more: object) -> Worker:
    found = handlers(PaymentSimulator(gym.db)) if handler is None else {"k": handler}
    return Worker(db=gym.db, clock=gym.clock, handlers=found, name="w1", **more)  # type: ignore[arg-type]


def plan(gym: Gym, *keys: str, kind: str = "k", after_ms: int = 0) -> None:
    with gym.db.write() as conn:
        for key in keys:
            schedule(
                conn,
                organisation_id=gym.organisation_id,
                kind=kind,
                subject_id=1,
                due_at_ms=gym.clock.real_ms() + after_ms,
                key=key,
            )


def states(gym: Gym) -> dict[str, tuple[str, str | None]]:
    with gym.db.read() as conn:
        return {row.key: (row.state, row.error) for row in conn.execute(select(timer))}


def test_due_timers_ring_once_in_order(gym: Gym) -> None:
    """A handler that finishes its timer itself, be it that it says so or not, and one that does not: all are done."""
    rung: list[str] = []

    def handler(work: Work, claimed: Timer) -> bool:
        rung.append(claimed.key)
        if claimed.key != "c":
            with work.db.write() as conn:
                finish(conn, claimed)
        return claimed.key == "b"

    plan(gym, "b", "c")
    plan(gym, "a", after_ms=-1)
    plan(gym, "tomorrow", after_ms=86_400_000)
    worker(gym, handler).run_until_idle()
    assert rung == ["a", "b", "c"]
    assert {key: state for key, (state, _) in states(gym).items()} == {
        "a": "done",
        "b": "done",
        "c": "done",
        "tomorrow": "ready",
    }


def test_who_waits_for_others_waits_together(gym: Gym) -> None:
    """Charges wait for their answers at the same time; what is due after them comes after the last of them."""
    together, rung = threading.Barrier(3), list[str]()

    def handler(_work: Work, claimed: Timer) -> None:
        if claimed.key.startswith("charge"):
            together.wait(timeout=30)
        rung.append(claimed.key)

    plan(gym, "charge-1", "charge-2", "charge-3", kind="call")
    plan(gym, "reminder", after_ms=0)
    with ThreadPoolExecutor(3) as threads:
        found = {"call": handler, "k": handler}
        Worker(
            db=gym.db, clock=gym.clock, handlers=found, name="w1", outward=frozenset({"call"}), threads=threads
        ).run_until_idle()
    assert sorted(rung[:3]) == ["charge-1", "charge-2", "charge-3"]
    assert rung[3:] == ["reminder"]


def test_a_test_clock_goes_through_its_instants_one_by_one(gym: Gym) -> None:
    """While a clock is advanced nothing is handled at the same time: the same year again is the same year."""
    names: set[str] = set()

    def handler(_work: Work, _claimed: Timer) -> None:
        names.add(threading.current_thread().name)

    plan(gym, *(f"charge-{number}" for number in range(8)), kind="call", after_ms=1_000)
    with gym.db.write() as conn:
        now_ms = gym.clock.real_ms()
        set_rate(conn, gym.organisation_id, rate=0, real_ms=now_ms)
        advance(conn, gym.organisation_id, target_ms=now_ms + 10_000, real_ms=now_ms)
    with ThreadPoolExecutor(3) as threads:
        Worker(
            db=gym.db, clock=gym.clock, handlers={"call": handler}, name="w1", outward=frozenset({"call"}),
            threads=threads,
        ).run_until_idle()  # fmt: skip
    assert names == {threading.current_thread().name}


def test_one_failing_handler_holds_up_nobody_and_is_written_down(
    gym: Gym, clock: object, caplog: pytest.LogCaptureFixture
) -> None:
    """Its timer says what happened, is tried again later, and is given up in the end; the others are done at once."""

    def handler(_work: Work, claimed: Timer) -> None:
        if claimed.key == "bad":
            raise RuntimeError("provider on fire")

    plan(gym, "bad", "good")
    one = worker(gym, handler)
    with caplog.at_level(logging.CRITICAL):
        one.run_until_idle()
        assert states(gym) == {"bad": ("ready", "RuntimeError: provider on fire"), "good": ("done", None)}
        for _ in range(ATTEMPTS_MAX):
            clock.forward(ms=3_600_000)  # type: ignore[attr-defined]
            one.run_until_idle()
    assert states(gym)["bad"][0] == "failed"


def test_a_kind_nobody_handles_is_a_fault_not_a_silence(gym: Gym, caplog: pytest.LogCaptureFixture) -> None:
    """The timer names what is missing."""
    plan(gym, "x", kind="unheard_of")
    with caplog.at_level(logging.CRITICAL):
        worker(gym, lambda _work, _timer: None).run_until_idle()
    assert "unheard_of" in str(states(gym)["x"][1])


def test_the_outbox_is_looked_at_between_batches_of_timers(gym: Gym) -> None:
    """A night's charges must not hold up a revocation."""
    log: list[str] = []
    plan(gym, *(f"t{number}" for number in range(CLAIM * 2)))

    def drain() -> int:
        log.append("drain")
        return 0

    one = worker(gym, lambda _work, _timer: log.append("timer"), drains=[drain])
    one.run_until_idle()
    assert log.index("drain") == CLAIM
    assert log.count("timer") == CLAIM * 2


def test_it_wakes_at_once_when_something_is_committed(sqlite_gym: Gym, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the poll at an hour, the commit's bell alone brings the worker to work; and it stops when told."""
    monkeypatch.setattr("portillon_cloud.worker.POLL_S", 3600)
    rung, stop = threading.Event(), threading.Event()
    thread = threading.Thread(target=worker(sqlite_gym, lambda _work, _timer: rung.set()).run, args=(stop,))
    thread.start()
    plan(sqlite_gym, "a")
    assert rung.wait(10)
    stop.set()
    sqlite_gym.db.wake.set()
    thread.join(10)
    assert not thread.is_alive()


def test_it_outlives_a_database_that_is_away(
    sqlite_gym: Gym, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A round that fails as a whole is logged and tried again."""
    monkeypatch.setattr("portillon_cloud.worker.TROUBLE_PAUSE_S", 0.001)
    stop, calls = threading.Event(), iter([ConnectionError("away"), None])

    def drain() -> int:
        trouble = next(calls, None)
        if trouble is not None:
            raise trouble
        stop.set()
        return 0

    with caplog.at_level(logging.ERROR):
        worker(sqlite_gym, lambda _work, _timer: None, drains=[drain]).run(stop)
    assert "trying again" in caplog.text


def advance_to(gym: Gym, day: date) -> None:
    with gym.db.write() as conn:
        set_rate(conn, gym.organisation_id, rate=0, real_ms=gym.clock.real_ms())
        advance(
            conn,
            gym.organisation_id,
            target_ms=start_of_day_ms(day, "America/Toronto"),
            real_ms=gym.clock.real_ms(),
        )


def test_a_year_in_seconds_rings_every_billing_day_at_its_own_instant(gym: Gym) -> None:
    """Advancing bills twelve periods on their own days and recognises all revenue; nothing stays deferred."""
    gym.join(starts_on=date(2026, 1, 31))
    advance_to(gym, date(2027, 3, 1))
    worker(gym).run_until_idle()
    with gym.db.read() as conn:
        assert business_now_ms(conn, gym.organisation_id, gym.clock.real_ms()) == start_of_day_ms(
            date(2027, 3, 1), "America/Toronto"
        )
        runs = conn.execute(
            select(timer.c.due_at_ms).where(timer.c.kind == "invoice_run", timer.c.state == "done").order_by(timer.c.id)
        ).scalars()
        expected = [date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 31), date(2026, 4, 30)]
        assert list(runs)[:4] == [start_of_day_ms(day, "America/Toronto") for day in expected]
        book = {line.code: line for line in trial_balance(conn, legal_entity_id=gym.legal_entity_id, currency="CAD")}
    assert book[LedgerCode.REVENUE].credit_minor == 12 * 100_00
    deferred = book[LedgerCode.DEFERRED_REVENUE]
    assert deferred.debit_minor == deferred.credit_minor == 12 * 100_00
    assert sum(line.debit_minor for line in book.values()) == sum(line.credit_minor for line in book.values())


def test_an_advance_goes_on_after_a_crash_anywhere(gym: Gym) -> None:
    """Kill the worker after every single round and start another: the same invoices, the same final instant."""
    gym.join(starts_on=date(2026, 1, 31))
    advance_to(gym, date(2026, 5, 1))
    rounds = 0
    while worker(gym).round():  # each round is a new worker with nothing in memory
        rounds += 1
        assert rounds < 1000
    with gym.db.read() as conn:
        job = conn.execute(select(clock_job)).one()
        reading = read_clock(conn, gym.organisation_id, gym.clock.real_ms())
    assert (job.state, job.error) == ("done", None)
    assert reading.business_ms == start_of_day_ms(date(2026, 5, 1), "America/Toronto")
    assert job.steps >= 4
    assert rounds > 8


def test_an_advance_that_another_worker_has_ended_is_left_alone(gym: Gym) -> None:
    """Two workers see the same job; the slower one finds it done, turns nothing and does not fail."""
    gym.join(starts_on=date(2026, 1, 31))
    advance_to(gym, date(2026, 3, 1))
    faster = worker(gym)

    def faster_meanwhile() -> int:
        faster.run_until_idle()
        return 0

    assert not worker(gym, drains=[faster_meanwhile]).round()
    with gym.db.read() as conn:
        reading = read_clock(conn, gym.organisation_id, gym.clock.real_ms())
    assert reading.business_ms == start_of_day_ms(date(2026, 3, 1), "America/Toronto")


def test_the_clock_stands_while_something_due_is_not_done(
    gym: Gym, clock: object, caplog: pytest.LogCaptureFixture
) -> None:
    """A timer that fails holds the clock at its instant and the job says why; once it works the clock goes on."""
    broken = [True]

    def handler(_work: Work, _claimed: Timer) -> None:
        if broken:
            raise ConnectionError("provider down")

    plan(gym, "charge", after_ms=86_400_000)
    with gym.db.write() as conn:
        advance(
            conn,
            gym.organisation_id,
            target_ms=gym.clock.real_ms() + 10 * 86_400_000,
            real_ms=gym.clock.real_ms(),
        )
    one = worker(gym, handler)
    start_ms = gym.clock.real_ms()
    with caplog.at_level(logging.CRITICAL):
        one.run_until_idle()
    with gym.db.read() as conn:
        job = conn.execute(select(clock_job)).one()
        assert business_now_ms(conn, gym.organisation_id, gym.clock.real_ms()) == start_ms + 86_400_000
    assert job.state == "running"
    assert "charge: ConnectionError: provider down" in job.error
    broken.clear()
    clock.forward(ms=60_000)  # type: ignore[attr-defined]
    one.run_until_idle()
    with gym.db.read() as conn:
        assert conn.execute(select(clock_job.c.state, clock_job.c.error)).one() == ("done", None)


def test_the_clock_waits_for_the_gateways_sequencer(gym: Gym, monkeypatch: pytest.MonkeyPatch) -> None:
    """With gateways to feed, the next step is only taken when they have been given what the last one changed."""
    drained = [False]
    is_empty: Callable[..., bool] = lambda _conn, _organisation_id: drained[0]  # noqa: E731 - a stand-in
    monkeypatch.setattr("portillon_cloud.outbox.is_empty", is_empty)
    advance_to(gym, date(2026, 2, 1))
    one = worker(gym, waits_for_gateways=True)
    one.run_until_idle()
    with gym.db.read() as conn:
        assert conn.execute(select(clock_job.c.state)).scalar_one() == "running"
    drained[0] = True
    one.run_until_idle()
    with gym.db.read() as conn:
        assert conn.execute(select(clock_job.c.state)).scalar_one() == "done"
