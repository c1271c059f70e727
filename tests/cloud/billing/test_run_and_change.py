"""An invoice run and somebody who changes a subscription of the same account, at the same instant, on PostgreSQL.

Each is held inside its transaction until the other waits for it, so that the order of their locks decides, not luck.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date

import pytest
from cloud.conftest import ManualClock
from cloud.gym import Gym, Joined, open_gym
from portillon_cloud.access.account_lock import lock_account
from portillon_cloud.audit.operations import look
from portillon_cloud.billing import changes, subscription
from portillon_cloud.billing.event_store import Author
from portillon_cloud.billing.operations import run_invoices
from portillon_cloud.billing.subscription import Agreement
from portillon_cloud.billing.tables import invoice, invoice_line
from portillon_cloud.clock.local import start_of_day_ms
from portillon_cloud.database import Database
from portillon_cloud.payments.desk import DeskPayment, take_payment
from portillon_cloud.payments.tables import Means
from sqlalchemy import Connection, func, select, text
from sqlalchemy.exc import OperationalError

pytestmark = pytest.mark.postgres
START, MIDDLE, NEXT, AFTER = date(2026, 4, 1), date(2026, 4, 16), date(2026, 5, 1), date(2026, 5, 20)
WAIT_S = 20.0


def at(day: date) -> int:
    return start_of_day_ms(day, "America/Toronto")


@pytest.fixture
def account(postgres_cluster, keyring) -> Iterator[tuple[Gym, Joined]]:
    """An account with credit left of a subscription that ended, and another one that falls due on 1 May."""
    url = postgres_cluster.fresh()
    db = Database(url)
    gym = open_gym(db, keyring, ManualClock())
    stays = gym.join("Ada Roy", starts_on=START)
    leaves = gym.join("Bo Roy", starts_on=START, account_id=stays.account_id)
    run_invoices(db, gym.legal_entity_id, on=START, now_ms=at(START))
    with db.write() as conn:
        pay(conn, gym, stays.account_id, 229_95, at(START))
        changes.change(
            conn,
            organisation_id=gym.organisation_id,
            subscription_id=leaves.subscription_id,
            ask=leaving(MIDDLE),
            author=Author(name="desk", at_ms=at(MIDDLE)),
        )
    yield gym, stays
    db.close()
    postgres_cluster.drop(url)


def pay(conn: Connection, gym: Gym, account_id: int, amount_minor: int, now_ms: int) -> None:
    paid = DeskPayment(
        organisation_id=gym.organisation_id,
        account_id=account_id,
        amount_minor=amount_minor,
        currency="CAD",
        means=Means.CASH,
        request_key=str(now_ms),
        taken_by="desk",
    )
    take_payment(conn, paid, now_ms=now_ms)


def leaving(on: date) -> changes.Ask:
    return lambda recorded, today: subscription.cancel(recorded, Agreement(), on=on, today=today, by_law=True)


def until_somebody_waits(db: Database) -> None:
    """Return once another transaction waits for a lock of this one."""
    given_up = threading.Event()
    for _ in range(int(WAIT_S / 0.02)):
        with db.read() as conn:
            if conn.scalar(text("SELECT COUNT(*) FROM pg_locks WHERE NOT granted")):
                return
        given_up.wait(0.02)
    raise AssertionError("nobody waited: the two did not meet")


@contextmanager
def beside(work: Callable[[], object]) -> Iterator[None]:
    """Do `work` in another thread meanwhile; its error is ours."""
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(work)
        yield
        done.result(WAIT_S)


def run(gym: Gym, hold: Callable[[Connection], None] = lambda _conn: None) -> list[int]:
    return run_invoices(gym.db, gym.legal_entity_id, on=NEXT, now_ms=at(NEXT), judge=lambda conn, _planned: hold(conn))


def leave(gym: Gym, stays: Joined, hold: Callable[[], None] = lambda: None) -> None:
    """Cancel for 20 May; `hold` once the change has its locks."""
    ask = leaving(AFTER)

    def held(recorded, today):  # type: ignore[no-untyped-def]
        hold()
        return ask(recorded, today)

    with gym.db.write() as conn:
        changes.change(
            conn,
            organisation_id=gym.organisation_id,
            subscription_id=stays.subscription_id,
            ask=held,
            author=Author(name="desk", at_ms=at(NEXT)),
        )


def billed_to_the_day(gym: Gym) -> None:
    """Whoever came first: May was billed until the 19th, once, and the books add up."""
    run(gym)
    with gym.db.read() as conn:
        line = invoice_line.c
        net = conn.scalar(select(func.sum(line.net_minor)).where(line.cycle_start == NEXT)) or 0
        back = conn.scalar(text("SELECT SUM(net_minor) FROM credit_note_line WHERE period_end > '2026-05-02'")) or 0
        assert net - back == 61_29
        assert look(conn, gym.organisation_id) == []


def test_a_change_waits_for_the_run(account) -> None:
    """The run has its locks first: the change waits, then credits what the run has just billed."""
    gym, stays = account
    reached = threading.Event()

    def hold(_conn: Connection) -> None:
        reached.set()
        until_somebody_waits(gym.db)

    def then_leave() -> None:
        assert reached.wait(WAIT_S)
        leave(gym, stays)

    with beside(then_leave):
        run(gym, hold)
    billed_to_the_day(gym)


def test_a_run_waits_for_the_change(account) -> None:
    """The change has its locks first: the run waits, then bills by what was changed."""
    gym, stays = account
    reached = threading.Event()

    def hold() -> None:
        reached.set()
        until_somebody_waits(gym.db)

    def then_run() -> None:
        assert reached.wait(WAIT_S)
        run(gym)

    with beside(then_run):
        leave(gym, stays, hold)
    billed_to_the_day(gym)


def test_locks_in_another_order_meet_head_on(account, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ablation: who takes the account before the subscription waits for the run and it for them: one fails."""
    _, stays = account
    monkeypatch.setattr(
        changes, "_lock", lambda conn, _organisation, _subscription: lock_account(conn, stays.account_id)
    )
    with pytest.raises(OperationalError, match="deadlock"):
        test_a_run_waits_for_the_change(account)


def test_two_workers_bill_an_account_once(account) -> None:
    """Both run at the same instant; one waits, finds it done, and issues nothing."""
    gym, _ = account
    reached, second = threading.Event(), []

    def hold(_conn: Connection) -> None:
        reached.set()
        until_somebody_waits(gym.db)

    def other() -> None:
        assert reached.wait(WAIT_S)
        second.extend(run(gym))

    with beside(other):
        first = run(gym, hold)
    assert (len(first), second) == (1, [])
    with gym.db.read() as conn:
        assert conn.scalar(select(func.count()).select_from(invoice).where(invoice.c.issued_on == NEXT)) == 1
        assert look(conn, gym.organisation_id) == []


def test_a_payment_waits_for_the_run(account) -> None:
    """Money taken at the desk while the same account's credit is used: each cent is settled once."""
    gym, stays = account
    reached = threading.Event()

    def hold(_conn: Connection) -> None:
        reached.set()
        until_somebody_waits(gym.db)

    def at_the_desk() -> None:
        assert reached.wait(WAIT_S)
        with gym.db.write() as conn:
            pay(conn, gym, stays.account_id, 10_00, at(NEXT))

    with beside(at_the_desk):
        run(gym, hold)
    with gym.db.read() as conn:
        assert look(conn, gym.organisation_id) == []
